"""When whoever reads has waited long enough: one timer for all reads of a loop, not one for each."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Final


class Deadline:
    """One read of the running task, as a block; as `asyncio.timeout` it ends in `TimeoutError` when it is late.

    Late is late, also where the reply has come meanwhile and the task has only not run yet.
    """

    __slots__ = ("_cancelled_before", "_of", "_task", "ends_s", "late")

    def __init__(self, of: Deadlines, ends_s: float) -> None:
        self._of: Final = of
        self._task: Any = None
        self._cancelled_before = 0
        self.ends_s = ends_s
        self.late = False

    def __enter__(self) -> Deadline:
        task: Any = asyncio.current_task()
        self._task = task
        # Before Python 3.11 nobody counts how often a task was cancelled.
        self._cancelled_before = task.cancelling() if hasattr(task, "cancelling") else 0
        self._of.add(self)
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        self._of.discard(self)
        if not self.late:
            return
        left = task.uncancel() if hasattr(task, "uncancel") else 0
        if left <= self._cancelled_before and isinstance(error, asyncio.CancelledError):
            raise asyncio.TimeoutError from error  # not the builtin one before Python 3.11

    def reschedule(self, when: float | None) -> None:
        """Another end, in the loop's time; None: there is no end. redis-py does this during maintenance."""
        self._of.discard(self)
        if when is not None and self._task is not None and not self.late:
            self.ends_s = when
            self._of.add(self)

    def expire(self) -> None:
        """It is late."""
        self.late = True
        self._task.cancel()


class Deadlines:
    """The reads of one event loop that are under way. Made on it, and for it alone."""

    def __init__(self) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self._reads: Final[dict[Deadline, None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def within(self, limit_s: float) -> Deadline:
        """A block that may take so many seconds from now."""
        return Deadline(self, self.loop.time() + limit_s)

    def add(self, read: Deadline) -> None:
        """It has begun, or has another end."""
        ends_s, timer = read.ends_s, self._timer
        self._reads[read] = None
        if timer is None:
            self._timer = self.loop.call_at(ends_s, self._look)
        elif ends_s < timer.when():
            timer.cancel()
            self._timer = self.loop.call_at(ends_s, self._look)

    def discard(self, read: Deadline) -> None:
        """It has ended, however."""
        self._reads.pop(read, None)

    def _look(self) -> None:
        # Once for each length of a limit while there are reads; with none under way it is not set again.
        self._timer = None
        now_s = self.loop.time()
        late = [read for read in self._reads if read.ends_s <= now_s]
        for read in sorted(late, key=lambda read: read.ends_s):
            del self._reads[read]
            read.expire()
        if self._reads:
            self._timer = self.loop.call_at(min(read.ends_s for read in self._reads), self._look)
