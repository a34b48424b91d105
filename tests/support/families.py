"""Starts families of proxies, and says what their fronts did."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from support.lane import COMBINATIONS, HTTPTOOLS
from support.processes import HOST, ManagedProcess, answers, free_port, wait_until
from support.proxies import READY_S, Proxy, accelerated

_PROCESS = re.compile(r"Started server process \[(\d+)\]")
_REQUEST = re.compile(r'^INFO: +127\.0\.0\.1:\d+ - (".*)$', re.MULTILINE)

SPARE = ("drained", "terminated", "dropped")
"""Members that a test may stop, apart from those that serve to the end."""


@dataclass(frozen=True)
class Member(Proxy):
    """One server of a family; `process` is the process that started all of them."""

    log: Path

    @property
    def pid(self) -> int:
        """Its own process."""
        found = _PROCESS.search(self.log.read_text())
        assert found is not None
        return int(found[1])

    def access_log(self) -> list[str]:
        """What it has logged of each request, without the client's port."""
        return _REQUEST.findall(self.log.read_text())

    def has_ended(self) -> bool:
        """Whether its process has come to its end in order."""
        return "Finished server process" in self.log.read_text()

    def lane(self) -> dict[str, Any]:
        """What accel says of the feature; itself one request on a connection of its own."""
        with self.client() as client:
            status = client.get("/accel/status").raise_for_status().json()
        found: dict[str, Any] = status["features"]["request_lane"]
        return found


Family = Mapping[str, Member]
"""Members by parser and loop (`h11-asyncio`), and the spare ones."""


@contextmanager
def family(directory: Path, config: Path, environ: Mapping[str, str], *, accel: bool) -> Iterator[Family]:
    """One server for each parser and loop and the spare ones, all with or without accel."""
    names = [*("-".join(combination) for combination in COMBINATIONS), *SPARE]
    members: list[dict[str, Any]] = [
        {"http": parser, "loop": loop} for parser, loop in (*COMBINATIONS, *[("httptools", "uvloop")] * len(SPARE))
    ]
    kind = "accel" if accel else "plain"
    for name, member in zip(names, members, strict=True):
        member.update(host=HOST, port=free_port(), log=str(directory / f"{kind}-{name}.log"))
    tests = str(Path(__file__).parents[1])
    variables = {
        **environ,
        "CONFIG_FILE_PATH": str(config),
        "PYTHONPATH": os.pathsep.join([tests, str(HTTPTOOLS)]),
    }
    command: Sequence[str] = [sys.executable, "-m", "support.proxy_family", orjson.dumps(members).decode()]
    log = directory / f"{kind}-family.log"
    command = accelerated(command) if accel else command
    with ManagedProcess(f"the {kind} family", command, log=log, environ=variables) as process:
        found = {}
        for name, member in zip(names, members, strict=True):
            base_url = f"http://{HOST}:{member['port']}"
            process.wait_until(lambda url=base_url: answers(f"{url}/health/readiness"), READY_S)  # type: ignore[misc]
            found[name] = Member(process, base_url, variables, Path(member["log"]))
        yield found


def settled_access_log(member: Member, count: int) -> list[str]:
    """The first `count` lines; a server logs a request when it begins to answer."""
    wait_until(lambda: len(member.access_log()) >= count)
    return member.access_log()
