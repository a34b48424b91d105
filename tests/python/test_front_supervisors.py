"""Workers of uvicorn's own supervisor: each has a front, is replaced without loss, and ends what it began."""

import json
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.lane import HTTPTOOLS, LOOPS, PARSERS, REQUEST, Server, read_response, until_closed
from support.processes import HOST, ManagedProcess, wait_until

RUNNING = re.compile(r"Uvicorn running on http://127\.0\.0\.1:(\d+) ")
WORKERS = 2
DOWNLOADS = 20
# More than the buffers between two processes hold, so that the answer is under way until it is read.
BYTES = 16 << 20
DOWNLOAD = f"GET /bytes/{BYTES} HTTP/1.1\r\nhost: here\r\n\r\n".encode()

pytestmark = pytest.mark.parametrize(("parser", "loop"), list(zip(PARSERS, reversed(LOOPS), strict=True)))


@contextmanager
def supervised(directory: Path, parser: str, loop: str) -> Iterator[Server]:
    """Two workers that both serve."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ACCEL_")}
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([tests, str(HTTPTOOLS)])
    environ = {**own, "PYTHONPATH": path, "ACCEL_REQUEST_LANE": "on"}
    options = ("--host", HOST, "--port", "0", "--loop", loop, "--http", parser, "--workers", str(WORKERS))
    command = [sys.executable, "-m", "uvicorn", *options, "--lifespan", "off", "support.lane_served:app"]
    with ManagedProcess("the supervisor", command, log=directory / "log", environ=environ) as process:
        process.wait_until(lambda: len(started(process)) == WORKERS, 30)
        found = RUNNING.search(process.output())
        assert found is not None
        yield Server(process, int(found[1]))


def started(process: ManagedProcess) -> list[int]:
    """Workers that have started, in their order."""
    waiting = re.findall(r"Started server process \[(\d+)\]", process.output())
    return [int(pid) for pid in waiting]


def told_by_each(server: Server, workers: set[int]) -> dict[int, dict[str, Any]]:
    """What each of these workers says of itself."""
    told: dict[int, dict[str, Any]] = {}

    def all_told() -> bool:
        itself = server.itself()
        told[itself["pid"]] = itself
        return workers <= told.keys()

    wait_until(all_told)
    return told


def begin_downloads(server: Server) -> list[socket.socket]:
    """Answers of which the first bytes have come."""
    connections = [server.connect(60) for _ in range(DOWNLOADS)]
    for connection in connections:
        connection.sendall(DOWNLOAD)
    for connection in connections:
        assert connection.recv(1, socket.MSG_PEEK) == b"H"
    return connections


def end_downloads(connections: list[socket.socket]) -> None:
    for connection in connections:
        with connection:
            assert len(read_response(connection)[1]) == BYTES
            # A server that stops closes it then.
            assert until_closed(connection) == b""


def test_both_workers_serve_with_a_front(tmp_path: Path, parser: str, loop: str) -> None:
    with supervised(tmp_path, parser, loop) as server:
        workers = set(started(server.process))
        for itself in told_by_each(server, workers).values():
            front = itself["lane"]["front"]
            assert front["state"] == "serving"
            assert front["accepted"] == sum(itself["lane"]["calls"]["python"].values())


def test_a_stopped_worker_takes_no_connection(tmp_path: Path, parser: str, loop: str) -> None:
    with supervised(tmp_path, parser, loop) as server:
        stopped, other = started(server.process)
        told_by_each(server, {stopped, other})
        os.kill(stopped, signal.SIGSTOP)
        try:
            told = {server.itself()["pid"] for _ in range(20)}
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert told == {other}


def test_sigterm_while_answers_are_under_way(tmp_path: Path, parser: str, loop: str) -> None:
    with supervised(tmp_path, parser, loop) as server:
        told_by_each(server, set(started(server.process)))
        connections = begin_downloads(server)
        os.kill(server.process.pid, signal.SIGTERM)
        wait_until(lambda: server.process.output().count("Shutting down") == WORKERS)
        end_downloads(connections)
        assert server.process.wait() == 0
        assert server.process.output().count("Finished server process") == WORKERS


def test_sighup_replaces_the_workers(tmp_path: Path, parser: str, loop: str) -> None:
    with supervised(tmp_path, parser, loop) as server:
        first = set(started(server.process))
        told_by_each(server, first)
        connections = begin_downloads(server)
        os.kill(server.process.pid, signal.SIGHUP)
        # The first one waits for its answers before the second one's turn comes.
        wait_until(lambda: "Shutting down" in server.process.output())
        with server.connect() as asked:
            asked.sendall(REQUEST)
            assert json.loads(read_response(asked)[1])["path"] == "/v1/chat/completions"
        end_downloads(connections)
        wait_until(lambda: server.process.output().count("Finished server process") == WORKERS)
        second = set(started(server.process)) - first
        assert len(second) == WORKERS
        for pid, itself in told_by_each(server, second).items():
            assert pid in second
            assert itself["lane"]["front"]["state"] == "serving"
