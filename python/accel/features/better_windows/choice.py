"""Which engine answers, by the flags."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from accel.features.better_windows.engine import Engine
from accel.features.better_windows.lease_engine import LeaseEngine
from accel.features.better_windows.window_engine import WindowEngine
from accel.features.seam import Junction

SLIDING: Final = "sliding_window"
TOKEN_BUCKET: Final = "token_bucket"
LEASES: Final = "limit_leases"

_engines: Final[WeakKeyDictionary[Junction, Engine]] = WeakKeyDictionary()


def chosen(junction: Junction) -> Engine | None:
    """The engine whose feature is on: sliding window before token bucket before leases. None: LiteLLM's own.

    Thread-safe. Looks at modes only; a share of keys is the engine's to judge, which then declines.
    """
    for name in (SLIDING, TOKEN_BUCKET, LEASES):
        beside = junction.beside(name)
        if not beside.guard.bypassed():
            return _engine_of(name, beside)
    return None


def _engine_of(name: str, junction: Junction) -> Engine:
    found = _engines.get(junction)
    # A forked child has new guards: its windows begin empty, as its counts do.
    if found is None or found.guard is not junction.guard:
        found = _engines[junction] = _make(name, junction)
    return found


def _make(name: str, junction: Junction) -> Engine:
    if name == LEASES:
        return LeaseEngine(junction)
    return WindowEngine(junction, "sliding" if name == SLIDING else "bucket")
