"""LiteLLM's v3 limiter: the same decisions and the same counters, by fewer steps."""

from __future__ import annotations

from typing import Final

from accel.features.rate_limiting import (
    guarded,
    logged,
    options,
    other_windows,
    post_call,
    pre_call,
    settle,
    steps,
    success,
)
from accel.features.seam import Feature

FEATURE: Final = Feature(
    name="rate_limiting",
    # A limit may have been charged.
    replayable=False,
    seams=(
        pre_call.SEAM,
        post_call.SEAM,
        logged.SEAM,
        success.SEAM,
        *steps.SEAMS,
        settle.SEAM,
        *other_windows.SEAMS,
    ),
)
OPTIONS: Final = (*options.FEATURES, guarded.FEATURE)
"""Where it may answer otherwise than LiteLLM; all off by default."""
