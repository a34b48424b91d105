"""A client that sends exactly the bytes it is told to, and servers with and without the front to compare."""

import contextlib
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import orjson
import pytest

from support.lane import COMBINATIONS, Server, server
from support.processes import HOST

CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


class Answer(NamedTuple):
    """A whole answer."""

    status: bytes
    fields: tuple[bytes, ...]
    body: bytes

    def told(self) -> Any:
        """Its body as JSON."""
        return orjson.loads(self.body)


def head(path: str, method: str = "GET", fields: Mapping[str, object] | None = None) -> bytes:
    """A request's head."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: here",
        *(f"{name}: {value}" for name, value in (fields or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path: str, body: bytes, fields: Mapping[str, object] | None = None) -> bytes:
    """A request with a body whose length is told."""
    return head(path, "POST", {**JSON, **(fields or {}), "content-length": len(body)}) + body


def post_chunked(path: str, chunks: Iterable[bytes]) -> bytes:
    """A request with a body in chunks."""
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    return head(path, "POST", {**JSON, "transfer-encoding": "chunked"}) + b"".join([*parts, b"0\r\n\r\n"])


class Client:
    """One connection. Every wait for bytes has a deadline."""

    def __init__(self, served: Server, *, receive_bytes: int | None = None, timeout_s: float = 90.0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout_s)
        self.socket.connect((HOST, served.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, data: bytes) -> Answer:
        """Send one request and read its answer."""
        self.send(data)
        return self.read(data[:4] == b"HEAD")

    def read(self, without_body: bool = False) -> Answer:
        """The next answer. Raises `EOFError` if there is none, `ConnectionError` if it is cut off."""
        first = self._file.readline()
        if not first:
            raise EOFError
        lines = []
        while (line := self._line()) != b"\r\n":
            lines.append(line.rstrip(b"\r\n"))
        values = dict(line.lower().split(b": ", 1) for line in lines)
        if without_body:
            body = b""
        elif values.get(b"transfer-encoding") == b"chunked":
            body = b"".join(self._chunks())
        else:
            body = self._exactly(int(values[b"content-length"]))
        return Answer(first.rstrip(b"\r\n"), tuple(lines), body)

    def some(self, count: int) -> bytes:
        """So many bytes of an answer, or fewer."""
        return self._file.read1(count)

    def rest(self) -> bytes:
        """All that comes until the other side closes, or resets."""
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := self._file.read1(1 << 20):
                parts.append(part)
        return b"".join(parts)

    def reset(self) -> None:
        """Close so that the other side sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("cut off in a line")
        return line

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise ConnectionError("cut off in a body")
        return data

    def _chunks(self) -> Iterator[bytes]:
        while True:
            data = self._exactly(int(self._line(), 16))
            assert self._line() == b"\r\n"
            if not data:
                return
            yield data

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Pair:
    """The same server without and with the front."""

    plain: Server
    front: Server

    def __iter__(self) -> Iterator[Server]:
        return iter((self.plain, self.front))


def front(served: Server) -> dict[str, Any]:
    """What the status says of the front: its state and counts."""
    told: dict[str, Any] = served.itself()["lane"]["front"]
    return told


@contextmanager
def pair(directory: Path, parser: str, loop: str, **options: Any) -> Iterator[Pair]:
    """Both, with these options of `support.lane.server`."""
    with ExitStack() as stack:
        plain, accel = (
            stack.enter_context(server(directory, parser, loop, accel=accel, **options)) for accel in (False, True)
        )
        yield Pair(plain, accel)


def combinations(chosen: Iterable[tuple[str, str]] = COMBINATIONS) -> list[Any]:
    """Parameters of a fixture or test: parser and loop. Those of one combination run in one process."""
    return [
        pytest.param(each, id="-".join(each), marks=pytest.mark.xdist_group(f"lane-{'-'.join(each)}"))
        for each in chosen
    ]


DIAGONAL = [("h11", "asyncio"), ("httptools", "uvloop")]
"""Every parser and every loop once."""
