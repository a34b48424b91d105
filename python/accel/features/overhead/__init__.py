"""Work without effect in the proxy's Python path, left out."""

from __future__ import annotations

from typing import Final

from accel.features.overhead import imports
from accel.features.seam import Feature

FEATURE: Final = Feature(
    name="overhead",
    replayable=True,  # what is left out has no effect
    seams=imports.SEAMS,
)
