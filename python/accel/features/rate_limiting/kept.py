"""What a request's admission leaves for its end, beside LiteLLM's own stash and on the same way: its context."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final


@dataclass
class Kept:
    """One request's reservation. The object is shared by all contexts that come of the request's."""

    stash: Any
    """LiteLLM's stash of the same request: a context without it is another request's."""
    ends_s: dict[str, int]
    """By counter, the second at which the window ends in which tokens were reserved."""
    engine: Any = None
    """Of another window than LiteLLM's, with its reservation and what was reserved."""
    reservation: Any = None
    tokens: int = 0
    settled: bool = False
    """What an engine reserved is settled once."""


_kept: Final[ContextVar[Kept | None]] = ContextVar("accel_limits_kept", default=None)


def keep(kept: Kept) -> None:
    """From now on in this context and in those that come of it."""
    _kept.set(kept)


def kept_for(stash: Any) -> Kept | None:
    """What was kept for the request that has this stash."""
    found = _kept.get()
    return found if found is not None and stash is not None and found.stash is stash else None
