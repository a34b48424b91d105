"""What a server that has a front holds in place of asyncio's servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Protocol


class Door(Protocol):
    """What opens and closes: `door.Door`."""

    def stop(self) -> None:
        """No connection is accepted any more; those without a request are closed."""

    async def wait_stopped(self) -> None:
        """Until nothing of the front is left."""


async def retire(servers: Sequence[Any]) -> None:
    """Close asyncio's servers, on whose sockets somebody else listens, and lose no accepted connection."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, asyncio.SelectorEventLoop):
        # It makes a transport in a task, which fails if its server is closed by then.
        for server in servers:
            for listener in server.sockets:
                loop.remove_reader(listener)
        await asyncio.sleep(0)
    for server in servers:
        server.close()


class Listening:
    """Looks like an `asyncio.Server` whose sockets the front accepts from. For the event loop's thread."""

    def __init__(self, door: Door, listeners: Sequence[socket.socket], closed: Sequence[Any]) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._listeners = tuple(listeners)
        self._closed = tuple(closed)
        self._serving = True

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none once closed."""
        return self._listeners if self._serving else ()

    def is_serving(self) -> bool:
        """Whether connections are accepted."""
        return self._serving

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it belongs to."""
        return self._loop

    def close(self) -> None:
        """Stop listening; connections with a request go on. Safe to call twice."""
        if self._serving:
            self._serving = False
            self._door.stop()

    async def wait_closed(self) -> None:
        """Until the front has ended, and the servers that had the sockets before."""
        await self._door.wait_stopped()
        for server in self._closed:
            await server.wait_closed()
