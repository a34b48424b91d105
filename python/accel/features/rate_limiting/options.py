"""Where accel may answer otherwise than LiteLLM's limiter, each by a flag of its own; all are off by default."""

from __future__ import annotations

from typing import Final

from accel import native
from accel.features.seam import Feature, Junction

EXACT_RETRY_AFTER: Final = "exact_retry_after"
UNCHARGED_REJECTION: Final = "uncharged_rejection"
GUARDED_SETTLE: Final = "guarded_settle"

FEATURES: Final = tuple(
    Feature(name=name, replayable=False, seams=()) for name in (EXACT_RETRY_AFTER, UNCHARGED_REJECTION)
)
"""Without seams of their own: the replacement of LiteLLM's admission asks them. `guarded_settle` has one."""


def wanted(junction: Junction, name: str) -> bool:
    """Whether an option is in force for the call at hand; tallies which it was. In shadow it is not."""
    guard = junction.beside(name).guard
    if guard.bypassed():
        return False
    ticket = guard.admit(guard.next_unit(), ())
    path = ticket & native.module.PATH_MASK
    if path == native.module.PYTHON:
        guard.answered_by_python(ticket)
        return False
    guard.handled(ticket)
    return bool(path != native.module.SHADOW)
