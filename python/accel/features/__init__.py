"""The table of features: one line each."""

from __future__ import annotations

from typing import Final

from accel.features import (
    better_windows,
    caching,
    limit_capacity,
    overhead,
    rate_limiting,
    request_lane,
    routing,
    token_counting,
    token_memo,
)
from accel.features.seam import Feature, Seam

FEATURES: Final[dict[str, Feature]] = {
    feature.name: feature
    for feature in (
        token_counting.FEATURE,
        token_memo.FEATURE,
        caching.FEATURE,
        rate_limiting.FEATURE,
        limit_capacity.FEATURE,
        *rate_limiting.OPTIONS,
        *better_windows.FEATURES,
        routing.FEATURE,
        overhead.FEATURE,
        request_lane.FEATURE,
    )
}

__all__ = ["FEATURES", "Feature", "Seam"]
