"""The memory of counts: a text that was counted before is looked up.

Has no seam of its own. Token counting's native code asks this feature's guard for each text; what is
counted as native here are look-ups that found something, and as declined the texts that had to be counted.
"""

from __future__ import annotations

import os
from typing import Any, Final

from accel import native
from accel.features.seam import Feature, Junction


class Memory:
    """Keeps the memo of this process. Thread-safe; a forked child gets an empty one, as it gets a new guard."""

    def __init__(self, junction: Junction) -> None:
        self._junction = junction
        self._guard: Any = None
        self._memo: Any = None

    def memo(self) -> Any:
        """The native memo; None while the feature is off, and then what was remembered is forgotten."""
        guard = self._junction.guard
        if guard.bypassed():
            self._guard = self._memo = None
            return None
        if guard is not self._guard:
            self._memo = native.module.Memo(guard, os.urandom(32))
            self._guard = guard
        return self._memo


FEATURE: Final = Feature(
    name="token_memo",
    replayable=True,
    seams=(),
)
