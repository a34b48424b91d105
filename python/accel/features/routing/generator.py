"""Python's shared random generator, from which native code draws what `random` would have drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from accel import native

NAMES: Final = (
    "random:_inst",
    "random:choice",
    "random:sample",
    "random:Random._randbelow",
    "random:Random.choice",
    "random:Random.sample",
)
"""What native code draws in place of; `features.names.Names` tells whether all are what they were."""
_TRIED: Final = (*range(1, 34), 255, 256, 257, 1_000)


class Generator:
    """Raises `ValueError` where this Python does not draw as native code does."""

    def __init__(self) -> None:
        self._shared: Final = random._inst
        if type(self._shared) is not random.Random or not _draws_alike():
            raise ValueError("Python draws otherwise")
        self._bits: Final[Callable[[int], int]] = self._shared.getrandbits

    def getrandbits(self) -> Callable[[int], int] | None:
        """The shared generator's source of bits; None where somebody gave it or its class another one."""
        own, of_class = vars(self._shared), vars(random.Random)
        # It keeps one value of its own; anything further hides a method.
        return None if len(own) > 1 or "getrandbits" in of_class else self._bits


def _draws_alike() -> bool:
    """Whether native code makes of a seed what `random` makes of it, on a generator that nobody else has."""
    mine, theirs = random.Random(7), random.Random(7)
    for size in _TRIED:
        everything: list[Any] = list(range(size))
        if native.module.sample_order(size, mine.getrandbits) != theirs.sample(everything, size):
            return False
        if native.module.random_below(size, mine.getrandbits) != theirs.choice(everything):
            return False
    return mine.getstate() == theirs.getstate()
