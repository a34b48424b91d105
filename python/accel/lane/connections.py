"""What uvicorn counts: its connections and its tasks, with the front's among them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from weakref import ref


class Connections(set[Any]):
    """A server's protocols. Its length counts the connections that the front holds too: uvicorn compares it with
    `limit_concurrency`, and waits for it to be 0 when it shuts down.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outside: Callable[[], int] = int
        """How many connections have no protocol at the moment."""

    def __len__(self) -> int:
        return super().__len__() + self.outside()


class Stay:
    """The server's set of tasks as one connection that was handed over sees it: its requests are counted, and when
    the last of them that it stays for has ended, it may leave.
    """

    __slots__ = ("_first", "_left", "_on_kept", "_on_stayed", "_protocol", "_tasks")

    def __init__(
        self,
        protocol: Any,
        requests: int,
        on_kept: Callable[[], None],
        on_stayed: Callable[[Any], None] | None,
    ) -> None:
        # uvicorn's protocols are freed without the garbage collector, and shall be.
        self._protocol: Final = ref(protocol)
        self._tasks: Final[set[asyncio.Task[None]]] = protocol.tasks
        self._left = requests
        self._on_kept: Final = on_kept
        self._on_stayed: Final = on_stayed
        self._first = True

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        # The first request is the one that it was handed over with, which the front has counted.
        if not self._first:
            self._on_kept()
        self._first = False

    def discard(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._left -= 1
        if self._left <= 0 and self._on_stayed is not None:
            protocol = self._protocol()
            if protocol is not None:
                self._on_stayed(protocol)
