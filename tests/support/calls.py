"""Who answered: the calls of a feature inside a block, taken from what accel itself reports."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import accel
from accel import dispatch


@dataclass
class Calls:
    """Filled in when its block ends. `python` holds the calls left to Python, by reason."""

    native: int = 0
    python: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    mismatched: int = 0

    @property
    def total(self) -> int:
        return self.native + sum(self.python.values())


@contextmanager
def calls_of(feature: str = "token_counting", seam: str | None = None) -> Iterator[Calls]:
    """Count the calls inside the block, from any thread: of the feature, or of the seam with that attribute."""
    calls = Calls()
    before = account(feature, seam)
    try:
        yield calls
    finally:
        after = account(feature, seam)
        calls.native = after["native"] - before["native"]
        calls.python = dict(Counter(after["python"]) - Counter(before["python"]))
        calls.failed = after["failed"] - before["failed"]
        calls.mismatched = after["mismatched"] - before["mismatched"]


def account(feature: str, seam: str | None) -> dict[str, Any]:
    """What accel reports of the calls so far."""
    status = accel.status().features[feature]
    if seam is None:
        found: dict[str, Any] = status["calls"]
        return found
    (found,) = (row["calls"] for row in status["seams"] if row["target"].endswith(f":{seam}"))
    return found


@contextmanager
def strict(feature: str = "token_counting") -> Iterator[None]:
    """Inside the block a call that falls back to Python raises, as under ACCEL_STRICT=1."""
    junction = dispatch.junctions[feature]
    before = junction.strict
    junction.strict = True
    try:
        yield
    finally:
        junction.strict = before
