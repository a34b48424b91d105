"""Comparing native code with the oracle, and remembering where they differed.

A record holds types, lengths and hashes keyed by a per-process secret: no value, no text.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

_KEPT: Final = 100
_secret: Final = os.urandom(16)


class Observation(NamedTuple):
    """What the original did: its value, or the exception that it raised."""

    value: Any
    error: Exception | None

    def answer(self) -> Any:
        """The value again, or the exception again."""
        if self.error is not None:
            raise self.error
        return self.value


def observe(original: Callable[[Any], Any], argument: Any) -> Observation:
    """Run the original. Interrupts and cancellation pass; its exceptions are results."""
    try:
        return Observation(original(argument), None)
    except Exception as error:  # noqa: BLE001  # raised again by `answer`
        return Observation(None, error)


def same(value: Any, observed: Observation) -> bool:
    """Whether a native value equals what the original did: the same object, or same type and equal value."""
    if observed.error is None and value is observed.value:
        return True  # not asked whether it equals itself: a user's object may answer anything
    return observed.error is None and type(value) is type(observed.value) and bool(value == observed.value)


@dataclass(frozen=True)
class Mismatch:
    """One difference, told without what it was about."""

    feature: str
    native_type: str
    python_type: str
    argument_type: str
    argument_length: int | None
    argument_hash: str


_mismatches: Final[deque[Mismatch]] = deque(maxlen=_KEPT)


def record(feature: str, value: Any, observed: Observation, argument: Any) -> None:
    """Remember a difference; the oldest beyond 100 go."""
    answer = observed.value if observed.error is None else observed.error
    _mismatches.append(
        Mismatch(
            feature=feature,
            native_type=type(value).__name__,
            python_type=type(answer).__name__,
            argument_type=type(argument).__name__,
            argument_length=len(argument) if hasattr(argument, "__len__") else None,
            argument_hash=_hash(argument),
        )
    )


def mismatches() -> list[dict[str, Any]]:
    """The remembered differences, oldest first."""
    return [asdict(mismatch) for mismatch in list(_mismatches)]


def forget() -> None:
    """Remember nothing; in a forked child, whose parent's differences are not its own."""
    _mismatches.clear()


def _hash(argument: Any) -> str:
    content = argument.encode("utf-8", "surrogatepass") if isinstance(argument, str) else b""
    return hashlib.blake2b(content, key=_secret, digest_size=8).hexdigest()
