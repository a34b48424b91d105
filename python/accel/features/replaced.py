"""Which functions are accel's own, and what each stands for.

A seam must take another seam's replacement for what it replaced: when it is judged, and at every call.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import ref

_originals: Final[dict[int, tuple[ref[Any], Any]]] = {}


def remember(replacement: Any, original: Any) -> None:
    """`replacement` is accel's and stands for `original`, for as long as anybody holds it."""
    key = id(replacement)
    _originals[key] = (ref(replacement, lambda _: _originals.pop(key, None)), original)


def original_of(value: Any) -> Any:
    """What `value` stands for if it is accel's; else the value itself."""
    known = _originals.get(id(value))
    return known[1] if known is not None and known[0]() is value else value
