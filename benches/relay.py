"""Round trips to Redis, counted on the wire: a relay between a client and Redis, whatever client that is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Relay:
    """Counts: what a client sends after Redis has answered, or first on its connection, begins a round trip."""

    def __init__(self, host: str, port: int) -> None:
        self._redis = (host, port)
        self._writers: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        self.round_trips = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, both ways, until either side closes."""
        self._writers[asyncio.current_task()] = writer
        redis_reader, redis_writer = await asyncio.open_connection(*self._redis)
        answered = True

        async def requests() -> None:
            nonlocal answered
            while data := await reader.read(65536):
                self.round_trips += answered
                answered = False
                redis_writer.write(data)

        async def replies() -> None:
            nonlocal answered
            while data := await redis_reader.read(65536):
                answered = True
                writer.write(data)

        ways = [asyncio.create_task(way()) for way in (requests, replies)]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            redis_writer.close()
            writer.close()
            await asyncio.wait(ways)
            del self._writers[asyncio.current_task()]

    async def close(self) -> None:
        """End the connections that are left."""
        left = dict(self._writers)
        for task, writer in left.items():
            writer.close()
            if task is not None:
                await task


@contextmanager
def counting(host: str, port: int) -> Iterator[tuple[Relay, int]]:
    """A relay to that Redis, and the port at which it listens.

    On a thread of its own: LiteLLM speaks to Redis from the event loop also in calls that block it.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    relay = Relay(host, port)

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=10)

    server = run(asyncio.start_server(relay.serve, host, 0))
    try:
        yield relay, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        run(relay.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
