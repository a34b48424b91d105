"""LiteLLM's Router: the same picks, copies and counts, by fewer steps."""

from __future__ import annotations

from typing import Final

from accel.features.routing import copier
from accel.features.seam import Feature

FEATURE: Final = Feature(
    name="routing",
    replayable=True,  # what is here so far copies, and changes nothing
    seams=copier.SEAMS,
)
