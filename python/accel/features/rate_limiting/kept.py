"""What a request's admission leaves for its end, beside LiteLLM's own stash and on the same way: its context."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final


class ScopesUntil(frozenset[tuple[str, str]]):
    """LiteLLM's `reserved_scopes` of a request, which also know when the windows end in which it reserved.

    LiteLLM hands them from the stash to whatever settles; nothing else of the stash comes there.
    """

    ends_s: dict[str, int]
    """By counter, in seconds of the limiter's clock."""


@dataclass
class Kept:
    """The reservation of one request under another window. Shared by all contexts that come of the request's."""

    stash: Any
    """LiteLLM's stash of the same request: a context without it is another request's."""
    engine: Any
    reservation: Any
    tokens: int
    """What was reserved under each limit of tokens."""
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
