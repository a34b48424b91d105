"""Short times that are too short for a busy machine: what fails with them is tried again with longer ones.

Tests marked `patient` are called once more if they fail, while event loops are slowed: all that waits on a loop
has ten times as long. What really differs, differs then too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvloop

SLOWER: Final = 10
_slowed: Final[list[bool]] = []


@contextmanager
def slowed() -> Iterator[None]:
    """Inside the block new loops of asyncio, and those of `new_uvloop`, take ten seconds for one."""
    policy = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(_Policy())
    _slowed.append(True)
    try:
        yield
    finally:
        _slowed.pop()
        asyncio.set_event_loop_policy(policy)


def scaled_s(duration_s: float) -> float:
    """So many seconds, or ten times as many."""
    return duration_s * SLOWER if _slowed else duration_s


def stand_still(duration_s: float) -> None:
    """Block the loop so long by its own clock."""
    time.sleep(scaled_s(duration_s))


def new_uvloop() -> Any:
    """uvloop's loop."""
    return _SlowUvloop() if _slowed else uvloop.new_event_loop()


class _SlowLoop(asyncio.SelectorEventLoop):
    def time(self) -> float:
        return super().time() / SLOWER


class _Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = _SlowLoop


class _Timer:
    """A timer of uvloop's, in the time of its loop."""

    def __init__(self, own: Any, when_s: float) -> None:
        self._own, self._when_s = own, when_s
        self.cancel, self.cancelled = own.cancel, own.cancelled

    def when(self) -> float:
        return self._when_s


class _SlowUvloop(uvloop.Loop):
    def time(self) -> float:
        return super().time() / SLOWER

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        own = super().call_later(delay * SLOWER, callback, *args, context=context)
        return _Timer(own, self.time() + delay)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        return self.call_later(when - self.time(), callback, *args, context=context)
