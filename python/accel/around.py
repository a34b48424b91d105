"""What is under way around a call: the calls inside which LiteLLM's own code must answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeVar

from accel import native

F = TypeVar("F", bound=Callable[..., Any])


class Around(NamedTuple):
    """The call of a seam whose original is running: what it decided holds for the seams inside."""

    feature: str
    unit: int
    python: bool
    """LiteLLM's own code answers, and is not to be helped by this feature."""
    oracle: bool
    """Native code is compared with what runs now, so that must be LiteLLM's alone, whatever the feature."""


_around: Final[ContextVar[Around | None]] = ContextVar("accel_around", default=None)
_scopes: Any = None if native.module is None else native.module.Scopes()


def innermost() -> Around | None:
    """The call that this one is inside of; None outside of all."""
    return _around.get()


def scopes() -> Any:
    """Counts what `innermost` tells apart, for those who have no time to look into a context."""
    return _scopes


@contextmanager
def inside(call: Around) -> Iterator[None]:
    """For as long as the original of that call runs."""
    token = _around.set(call)
    counted = _scopes if call.python or call.oracle else None
    if counted is not None:
        counted.enter()
    try:
        yield
    finally:
        # First, for it must not be left out; and to those that were entered, should the process have forked.
        if counted is not None:
            counted.leave()
        _around.reset(token)


def renew() -> None:
    """In a forked child: the calls of the parent's other threads are not under way here."""
    global _scopes
    _scopes = native.module.Scopes()
    call = _around.get()
    if call is not None and (call.python or call.oracle):
        # Forked inside of such a call: here it has no end that would be counted, and nobody passes lightly.
        _scopes.enter()


def forwarding(function: F) -> F:
    """Name its frames as LiteLLM names those that only forward; it tells who called Redis without them."""
    code: Any = function
    code.__code__ = code.__code__.replace(co_name="wrapper")
    return function
