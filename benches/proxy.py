"""What a request costs a real proxy: LiteLLM alone, with accel, and with accel's front; `make bench-proxy`.

hey (Debian's package of that name) sends the same chat request to one port after the other, in short turns. What
counts is the proxy's processor time for each request; hey and the mock upstream share the machine, so that there
are fewer requests per second than on a machine of its own.

Two parts. *Processes*: three proxies. Two processes of one program differ by several percent, each as long as it
lives, so what the front alone costs is the second part's: *doors*, two ports of one process, of which the second
has the front. Raw figures go to `benches/results/proxy.json`; the README's tables are made from that file.
"""

from __future__ import annotations

import argparse
import csv
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson
from proxy_pair import Side

from support.processes import HOST, free_port, mock_upstream
from support.proxies import MASTER_KEY, accelerated, environment, litellm_proxy, serving, write_config

RESULTS = Path(__file__).parent / "results" / "proxy.json"

PLAIN, SEAMS, FRONT = "litellm", "accel", "accel with the front"
# By process, the mode of the request lane; None: no accel at all.
PROCESSES = {PLAIN: None, SEAMS: "off", FRONT: "on"}
UVICORNS = "uvicorn's port"
FRONTS = "the front's port"
# Whose requests are handed over.
FRONTED = (FRONT, FRONTS)
CONNECTIONS = (1, 32)
KEPT, NEW = "kept", "new for each request"

BODY = orjson.dumps({"model": "chat", "messages": [{"role": "user", "content": "How high is the Zugspitze?"}]})

# LiteLLM logs after it has answered; that belongs to the request.
_SETTLE_S = 0.3


@contextmanager
def doors(directory: Path) -> Iterator[dict[str, Side]]:
    """The mock upstream, and one proxy with two ports; all are stopped afterwards."""
    with ExitStack() as stack:
        config = write_config(directory, stack.enter_context(mock_upstream(directory)))
        ports = {UVICORNS: free_port(), FRONTS: free_port()}
        program = [sys.executable, str(Path(__file__).parent / "two_doors.py")]
        command = accelerated([*program, *map(str, ports.values())])
        environ = environment(directory / "run", CONFIG_FILE_PATH=str(config))
        # Its second port is the last to be opened.
        started = serving("two doors", command, ports[FRONTS], environ, directory / "doors.log")
        proxy = stack.enter_context(started)
        sides = {}
        for name, port in ports.items():
            door = replace(proxy, base_url=f"http://{HOST}:{port}")
            client = stack.enter_context(httpx.Client(base_url=door.base_url, timeout=60, trust_env=False))
            sides[name] = Side(door, client)
        yield sides


@contextmanager
def processes(directory: Path) -> Iterator[dict[str, Side]]:
    """The mock upstream and the three proxies; all are stopped afterwards."""
    with ExitStack() as stack:
        config = write_config(directory, stack.enter_context(mock_upstream(directory)))
        sides = {}
        for name, mode in PROCESSES.items():
            home = directory / name.replace(" ", "-")
            home.mkdir()
            environ = environment(home / "run", ACCEL_REQUEST_LANE=mode or "off")
            proxy = stack.enter_context(litellm_proxy(home, config, environ, accel=mode is not None))
            client = stack.enter_context(httpx.Client(base_url=proxy.base_url, timeout=60, trust_env=False))
            sides[name] = Side(proxy, client)
        yield sides


def load(side: Side, kind: str, connections: int, requests: int) -> dict[str, Any]:
    """One turn of hey: what it saw, and the processor time that the proxy took for each request."""
    fields = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
    command = ["hey", "-n", str(requests), "-c", str(connections), "-o", "csv", "-t", "0", "-m", "POST"]
    command += [word for field in fields.items() for word in ("-H", ": ".join(field))]
    command += ["-d", BODY.decode(), *(["-disable-keepalive"] if kind == NEW else [])]
    before, start = side.cpu_s(), time.perf_counter()
    url = f"{side.proxy.base_url}/v1/chat/completions"
    ended = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    elapsed_s = time.perf_counter() - start
    time.sleep(_SETTLE_S)
    answers = list(csv.DictReader(ended.stdout.splitlines()))
    assert {answer["status-code"] for answer in answers} == {"200"}, ended.stderr
    assert len(answers) == requests, len(answers)
    return {
        "cpu_us": (side.cpu_s() - before) * 1e6 / requests,
        "median_us": statistics.median(float(answer["response-time"]) for answer in answers) * 1e6,
        "per_second": requests / elapsed_s,
    }


def handed_over(side: Side) -> int:
    """How many requests the front has handed over, kept connections included; 0 without a front."""
    reply = side.client.get("/accel/status", headers={"Authorization": f"Bearer {MASTER_KEY}"})
    if reply.status_code == 404:
        return 0
    lane = reply.raise_for_status().json()["features"]["request_lane"]
    return sum(lane["calls"]["python"].values()) if lane["front"]["state"] == "serving" else 0


def assert_equal_answers(sides: dict[str, Side]) -> None:
    """The same body from all of them, and only the last one has a front."""
    bodies = {}
    for name, side in sides.items():
        before = handed_over(side)
        reply = side.ask(MASTER_KEY, BODY).json()
        bodies[name] = {key: value for key, value in reply.items() if key not in ("id", "created")}
        assert (handed_over(side) - before >= 1) == (name in FRONTED), name
    first, *others = bodies.values()
    assert all(other == first for other in others), bodies


def measured(sides: dict[str, Side], kind: str, connections: int, rounds: int, requests: int) -> dict[str, Any]:
    """Turns of all sides, interleaved; medians, and the ratios of any two of them turn by turn."""
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name in random.sample(list(sides), len(sides)):
            before = handed_over(sides[name])
            turns[name].append(load(sides[name], kind, connections, requests))
            counted = handed_over(sides[name]) - before
            # The question is counted too.
            assert counted == (requests + 1 if name in FRONTED else 0), (name, counted)
    row: dict[str, Any] = {"connections": connections, "kind": kind, "rounds": rounds, "requests": requests}
    for name in sides:
        row[name] = {key: statistics.median(turn[key] for turn in turns[name]) for key in turns[name][0]}
    for against, name in combinations(sides, 2):
        pairs = zip(turns[name], turns[against], strict=True)
        ratios = sorted(ours["cpu_us"] / theirs["cpu_us"] for ours, theirs in pairs)
        row[f"{name} / {against}"] = {
            "median": statistics.median(ratios),
            "least": ratios[0],
            "most": ratios[-1],
        }
    return row


def rows(sides: dict[str, Side], rounds: int, requests: int) -> Iterator[dict[str, Any]]:
    """A row for each kind and number of connections."""
    assert_equal_answers(sides)
    for side in sides.values():
        load(side, KEPT, 4, 400)  # a proxy's first hundreds of requests are slower
    for kind, connections in product((KEPT, NEW), CONNECTIONS):
        yield measured(sides, kind, connections, rounds, requests)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=24, help="of the doors; of the processes half as many")
    parser.add_argument("--requests", type=int, default=128, help="of each turn; a multiple of 32")
    parser.add_argument("--dry", action="store_true", help="print the rows; write nothing")
    parser.add_argument("--part", choices=("processes", "doors"), help="only this part; the other's figures stay")
    options = parser.parse_args()
    if shutil.which("hey") is None:
        sys.exit("hey is not installed; on Debian: apt-get install hey")
    result: dict[str, Any] = orjson.loads(RESULTS.read_bytes()) if RESULTS.exists() else {}
    result["python"] = platform.python_version()
    for part, running, rounds in (("doors", doors, options.rounds), ("processes", processes, options.rounds // 2)):
        if options.part in (None, part):
            with TemporaryDirectory(prefix="accel-bench-") as name, running(Path(name)) as sides:
                result[part] = []
                for row in rows(sides, rounds, options.requests):
                    result[part].append(row)
                    print(orjson.dumps(row).decode(), flush=True)
    if not options.dry:
        RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
