"""LiteLLM's Router: the same picks, copies and counts, by fewer steps."""

from __future__ import annotations

from typing import Final

from accel.features.routing import (
    complexity,
    cooldowns,
    copier,
    cost,
    filters,
    group_size,
    latency,
    listing,
    pre_call,
    shuffle,
    usage,
    usage_minute,
    usage_window,
)
from accel.features.seam import Feature

FEATURE: Final = Feature(
    name="routing",
    # A pick changes nothing that another pick would not; and where use is counted, all that is raised from the
    # first count on is LiteLLM's own, and an answer.
    replayable=True,
    seams=(
        *copier.SEAMS,
        *filters.SEAMS,
        *listing.SEAMS,
        *group_size.SEAMS,
        *cooldowns.SEAMS,
        *usage.SEAMS,
        *pre_call.SEAMS,
        *shuffle.SEAMS,
        *latency.SEAMS,
        *cost.SEAMS,
        *usage_minute.SEAMS,
        *usage_window.SEAMS,
        *complexity.SEAMS,
    ),
)
