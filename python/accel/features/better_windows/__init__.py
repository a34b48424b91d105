"""Windows that LiteLLM's rate limiter does not have, each behind its own flag.

No seams of their own: the replacement of LiteLLM's admission asks `chosen` and, where an engine is chosen, lets it
admit and settle instead of LiteLLM's windows. Nothing here may be replayed: what was charged is charged.
"""

from __future__ import annotations

from typing import Final

from accel.features.better_windows.choice import LEASES, SLIDING, TOKEN_BUCKET, chosen
from accel.features.better_windows.engine import Engine
from accel.features.better_windows.verdict import Verdict
from accel.features.seam import Feature

FEATURES: Final = (
    Feature(name=SLIDING, replayable=False, seams=()),
    Feature(name=TOKEN_BUCKET, replayable=False, seams=(), yields_to=(SLIDING,)),
    Feature(name=LEASES, replayable=False, seams=(), yields_to=(SLIDING, TOKEN_BUCKET)),
)

__all__ = ["FEATURES", "Engine", "Verdict", "chosen"]
