"""The fronts of this process, for its status."""

from __future__ import annotations

import os
import sys
from typing import Any, Final
from weakref import ref

# Not held: a server that nobody has any more ends its front.
_open: Final[list[ref[Any]]] = []
_reasons: Final[list[str]] = []
# Other servers that run LiteLLM's application; the front knows uvicorn alone.
_OTHERS: Final = ("granian", "hypercorn")


def opened(door: Any) -> None:
    """A server has got a front."""
    _open[:] = [ref(door)]


def note(reason: str | None) -> None:
    """A server has started; `reason`: why without a front."""
    _reasons.clear()
    if reason is not None:
        _reasons.append(reason)


def describe(absent: str | None) -> dict[str, Any]:
    """`front`: `serving`, `stopping`, `stopped`, `lost` or `none`, with the reason and its counts.

    `absent`: why the seam is not in uvicorn, if it is not. Of several servers in one process the last one that got
    a front is described.
    """
    if not _open:
        return {"front": {"state": "none", "reason": _why_none(absent)}}
    door = _open[-1]()
    if door is None:
        return {"front": {"state": "stopped", "reason": "its server is gone"}}
    return {"front": {"state": door.state(), "reason": None, "held": door.held(), **door.counts()}}


def _why_none(absent: str | None) -> str:
    if _reasons:
        return _reasons[-1]
    if absent is not None:
        return absent
    others = [name for name in _OTHERS if name in sys.modules]
    if others:
        return f"served by {others[0]}, not by uvicorn"
    return "uvicorn has started no server since accel was imported"


def _in_child() -> None:
    # A front stays with the process that made it.
    _open.clear()
    _reasons.clear()


if hasattr(os, "register_at_fork"):  # absent on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
