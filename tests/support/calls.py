"""Who answered: the calls of a feature inside a block, taken from what accel itself reports."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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
def calls_of(feature: str = "token_counting") -> Iterator[Calls]:
    """Count the calls that the feature gets inside the block, from any thread."""
    calls = Calls()
    before = accel.status().features[feature]["calls"]
    try:
        yield calls
    finally:
        after = accel.status().features[feature]["calls"]
        calls.native = after["native"] - before["native"]
        calls.python = dict(Counter(after["python"]) - Counter(before["python"]))
        calls.failed = after["failed"] - before["failed"]
        calls.mismatched = after["mismatched"] - before["mismatched"]


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
