"""Token counting: whole prompts and texts, tool definitions, images, thresholds and trimming.

Everything here only reads, so that LiteLLM's own function may always answer instead.
"""

from __future__ import annotations

from typing import Final

from accel.features.seam import Feature
from accel.features.token_counting import exact, plain, threshold, trimming, whole

FEATURE: Final = Feature(
    name="token_counting",
    replayable=True,  # a count changes nothing
    seams=(
        exact.SEAM,
        plain.TOOL_DEFINITIONS,
        plain.IMAGE_DIMENSIONS,
        whole.SEAM,
        threshold.SEAM,
        trimming.SEAM,
        plain.INPUT_SIZE,
    ),
)
