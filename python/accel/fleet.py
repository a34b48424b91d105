"""`accel status`: what runs where in every worker, from a proxy's endpoint or from this machine's runs."""

from __future__ import annotations

import argparse
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import orjson

from accel.state import live_runs, read_snapshots

_KEY_VARIABLE = "LITELLM_MASTER_KEY"


def main(argv: Sequence[str]) -> int:
    """0 with a status, 1 where there is none to be had."""
    parser = argparse.ArgumentParser(
        prog="accel status",
        description=f"With a URL: asks that proxy, with the key in {_KEY_VARIABLE}. "
        "Without: reads what the workers of this user's `accel run` left.",
    )
    parser.add_argument("url", nargs="?", help="the proxy's base URL, such as http://127.0.0.1:4000")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(argv)
    workers, problems = _from_url(chosen.url) if chosen.url else _from_runs()
    for problem in problems:
        print(f"accel: {problem}", file=sys.stderr)
    if chosen.json:
        print(orjson.dumps(workers, option=orjson.OPT_INDENT_2).decode())
    elif workers:
        _print(workers)
    return 0 if workers else 1


def _from_runs() -> tuple[list[dict[str, Any]], list[str]]:
    workers: list[dict[str, Any]] = []
    problems: list[str] = []
    for run in live_runs(os.environ):
        found = read_snapshots(run.directory)
        problems.extend(found.problems)
        workers.extend({"pid": snapshot.process.pid, **snapshot.body} for snapshot in found.live)
    if not workers:
        problems.append("no process of an `accel run` has reported; was LiteLLM started by `accel run`?")
    return workers, problems


def _from_url(url: str) -> tuple[list[dict[str, Any]], list[str]]:
    key = os.environ.get(_KEY_VARIABLE)
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/accel/status")
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        with urllib.request.urlopen(request, timeout=10) as reply:
            document = orjson.loads(reply.read())
    except urllib.error.HTTPError as error:
        hint = f"; is {_KEY_VARIABLE} the master key?" if error.code in (401, 403) else ""
        return [], [f"{url} answered {error.code}{hint}"]
    except (OSError, ValueError) as error:
        return [], [f"{url}: {error}"]
    if not isinstance(document, dict) or "workers" not in document:
        return [], [f"{url} answered, but not with accel's status"]
    answering = {key: document[key] for key in document if key not in ("pid", "workers")}
    # The worker that answered knows itself better than its last snapshot does.
    others = [worker for worker in document["workers"] if worker["pid"] != document["pid"]]
    return [{"pid": document["pid"], "program": "", "status": answering}, *others], []


def _print(workers: list[dict[str, Any]]) -> None:
    from rich.console import Console

    from accel.tables import print_status

    console = Console(width=None if sys.stdout.isatty() else 120)
    for worker in workers:
        litellm = worker["status"]["litellm"]
        console.print(
            f"process {worker['pid']} {worker['program']} (LiteLLM {litellm['version']})", highlight=False
        )
        print_status(console, worker["status"])
