"""Which functions are accel's own, and what each stands for.

A seam must take another seam's replacement for what it replaced: when it is judged, and at every call.
"""

from __future__ import annotations

from typing import Any, Final

_originals: Final[dict[int, tuple[Any, Any]]] = {}


def remember(replacement: Any, original: Any) -> None:
    """`replacement` is accel's and stands for `original`, from now on and for good: somebody may hold it."""
    _originals[id(replacement)] = (replacement, original)


def original_of(value: Any) -> Any:
    """What `value` stands for if it is accel's; else the value itself."""
    known = _originals.get(id(value))
    return value if known is None else known[1]
