"""A Redis that answers scripts as it is told: late, in pieces, with messages before the reply, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from unittest.mock import MagicMock, patch

from litellm.caching.redis_cache import RedisCache

HOST: Final = "127.0.0.1"
Part = bytes | float | Callable[[], Any] | None
Answer = tuple[Part, ...]
"""What is sent; a pause in seconds; what is called; None: the connection is cut. An empty answer is silence."""
Script = Callable[..., Awaitable[Any]]
ONE: Final[Answer] = (b":1\r\n",)
_RESET: Final = struct.pack("ii", 1, 0)


class ToldRedis:
    """On the running loop. `answers` are for the next scripts, then `ONE`; `scripts` are those that came."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.scripts: list[tuple[bytes, ...]] = []
        self.opened = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self._writers.append(writer)
        try:
            while True:
                await self._answer(await _command(reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, command: tuple[bytes, ...], writer: asyncio.StreamWriter) -> None:
        name = command[0].upper()
        if name in (b"EVALSHA", b"SCRIPT"):
            self.scripts.append(tuple(command))
        if name == b"EVALSHA":
            for part in self.answers.popleft() if self.answers else ONE:
                if part is None:
                    writer.close()
                elif callable(part):
                    part()
                elif isinstance(part, float):
                    await asyncio.sleep(part)
                else:
                    writer.write(part)
        elif name == b"SCRIPT":
            writer.write(b"$40\r\n%b\r\n" % hashlib.sha1(command[-1]).hexdigest().encode())
        elif name == b"HELLO":
            writer.write(b"%1\r\n$5\r\nproto\r\n:3\r\n")
        elif name == b"PING":
            writer.write(b"+PONG\r\n")
        else:
            writer.write(b"+OK\r\n")

    def reset(self) -> None:
        """Every connection is cut, as by a server that was killed; what is sent next fails."""
        for writer in self._writers:
            transport: Any = writer.transport
            if transport.is_closing():
                continue
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
            # uvloop has no such thing, and does it a turn later.
            if hasattr(transport, "_sock"):
                transport._sock.close()
        self._writers.clear()


async def _command(reader: asyncio.StreamReader) -> tuple[bytes, ...]:
    count = int((await reader.readuntil(b"\r\n"))[1:])
    parts = []
    for _ in range(count):
        size = int((await reader.readuntil(b"\r\n"))[1:])
        parts.append((await reader.readexactly(size + 2))[:-2])
    return tuple(parts)


@asynccontextmanager
async def told_redis() -> AsyncIterator[ToldRedis]:
    """One that listens on a port of its own."""
    told = ToldRedis()
    server = await asyncio.start_server(told.serve, HOST, 0)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        told.reset()
        server.close()


@contextmanager
def _without_blocking_client() -> Iterator[None]:
    """LiteLLM's cache asks a blocking client, too, while it is made: on the loop that would have to answer."""
    with (
        patch("litellm._redis.get_redis_client", return_value=MagicMock()),
        patch.object(RedisCache, "_setup_health_pings", lambda _self: None),
    ):
        yield


def cache_on(told: ToldRedis, class_: Any = RedisCache, **settings: Any) -> Any:
    """LiteLLM's cache on that server."""
    with _without_blocking_client():
        return class_(host=HOST, port=told.port, **settings)


def pool_of(cache: Any) -> Any:
    return cache.init_async_client().connection_pool


async def told_of(answer: Awaitable[Any]) -> tuple[str, str]:
    """The value, or the class and text of the exception; cancellation is one, too."""
    try:
        return "value", repr(await answer)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # a result to compare
        return f"{type(error).__module__}.{type(error).__qualname__}", str(error)


def seen(told: ToldRedis, cache: Any) -> dict[str, Any]:
    """What a call may have left behind: at the server, in the breaker, in the pool."""
    breaker, pool = cache._circuit_breaker, pool_of(cache)
    return {
        "asked": list(told.scripts),
        "opened": told.opened,
        "breaker": (breaker._state, breaker.generation),
        "failures": (breaker._failure_count, breaker._hard_failure_count, breaker._timeout_count),
        "idle": [connection.is_connected for connection in pool._available_connections],
        "busy": len(pool._in_use_connections),
    }
