"""Servers of uvicorn's on every parser and loop, with and without the front, and what one asks of them."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.processes import HOST, ManagedProcess, wait_until

HTTPTOOLS = Path(sys.prefix, "httptools")
"""Where httptools is installed, apart from what LiteLLM brings."""

PARSERS = ("h11", "httptools")
LOOPS = ("asyncio", "uvloop")
COMBINATIONS = [(parser, loop) for parser in PARSERS for loop in LOOPS]

# Another release of uvicorn than the installed one.
_UVICORN = [os.environ["LANE_UVICORN"]] if "LANE_UVICORN" in os.environ else []

REQUEST = b"\r\n".join(
    (
        b"POST /v1/chat/completions HTTP/1.1",
        b"host: here",
        b"content-type: application/json",
        b"content-length: 2",
        b"",
        b"{}",
    )
)
"""One that the lane might serve."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: ManagedProcess
    port: int

    def connect(self, timeout_s: float = 60.0) -> socket.socket:
        """A new connection to it."""
        return socket.create_connection((HOST, self.port), timeout=timeout_s)

    def ask(self, path: str = "/told", connection: socket.socket | None = None) -> Any:
        """GET the path, over this connection or one of its own; the JSON that it answers."""
        own = connection or self.connect()
        try:
            own.sendall(f"GET {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
            return json.loads(read_response(own)[1])
        finally:
            if connection is None:
                own.close()

    def itself(self) -> dict[str, Any]:
        """What its process holds, and under `lane` what accel says of the feature."""
        told: dict[str, Any] = self.ask("/self")
        return told

    def handed_over(self) -> dict[str, int]:
        """How many requests went to Python, by reason."""
        reasons: dict[str, int] = self.itself()["lane"]["calls"]["python"]
        return reasons


@contextmanager
def server(
    directory: Path,
    parser: str,
    loop: str,
    *,
    accel: bool,
    environ: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    **settings: Any,
) -> Iterator[Server]:
    """One on a port of its own. `settings` are those of `uvicorn.Config`; `environ` is added to the test's own.

    Connections may stay idle for long, if the test says nothing else: five seconds of a busy machine are short.
    """
    tests = str(Path(__file__).parents[1])
    own = {name: value for name, value in os.environ.items() if not name.startswith("ACCEL_")}
    path = os.pathsep.join([*_UVICORN, tests, *([str(HTTPTOOLS)] if parser == "httptools" else [])])
    variables = {**own, "PYTHONPATH": path, "ACCEL_REQUEST_LANE": "on", **(environ or {})}
    command = [sys.executable, "-m", "support.lane_server", *(["--accel"] if accel else []), *arguments]
    given = json.dumps({"http": parser, "loop": loop, "timeout_keep_alive": 60, **settings})
    name = f"{parser}-{loop}-{'front' if accel else 'plain'}"
    log = directory / f"{name}-{time.monotonic_ns()}.log"
    with ManagedProcess(name, [*command, "--settings", given], log=log, environ=variables) as process:
        process.wait_until(lambda: "READY" in process.output(), 120.0)
        first = next(line for line in process.output().splitlines() if line.startswith("listening on"))
        yield Server(process, int(first.split()[-1]))


def read_response(connection: socket.socket) -> tuple[bytes, bytes]:
    """One response with a `Content-Length` or in chunks: its head, and its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if b"content-length" in fields:
        while len(body) < int(fields[b"content-length"]):
            body += _some(connection)
        return head, body
    if fields.get(b"transfer-encoding") != b"chunked":
        return head, body
    parts = []
    while True:
        while b"\r\n" not in body:
            body += _some(connection)
        size, _, body = body.partition(b"\r\n")
        count = int(size, 16)
        while len(body) < count + 2:
            body += _some(connection)
        parts.append(body[:count])
        body = body[count + 2 :]
        if count == 0:
            return head, b"".join(parts)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 20)
    if not data:
        raise ConnectionError("closed in the middle of a response")
    return data


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the other side closes, or resets."""
    parts = []
    while True:
        try:
            data = connection.recv(1 << 20)
        except ConnectionResetError:
            break
        if not data:
            break
        parts.append(data)
    return b"".join(parts)


__all__ = [
    "COMBINATIONS",
    "HTTPTOOLS",
    "LOOPS",
    "PARSERS",
    "REQUEST",
    "Server",
    "read_response",
    "server",
    "until_closed",
    "wait_until",
]
