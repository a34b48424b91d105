"""LiteLLM's caches: the same entries, tiers and order of effects, without what nobody reads; in memory, native."""

from __future__ import annotations

from typing import Final

from accel.features.caching import dual, flush, memory, plumbing, scripts
from accel.features.seam import Feature

FEATURE: Final = Feature(
    name="caching",
    # A write that was made is not made again.
    replayable=False,
    seams=(*memory.SEAMS, *dual.SEAMS, *plumbing.SEAMS, *scripts.SEAMS, flush.SEAM),
)
