"""Settling that stays in its window: what was reserved in a window that has ended is not given back in the next.

LiteLLM applies the difference between reserved and used tokens to whatever window it is by then, so that long
requests make room in a window which they never charged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.features.rate_limiting.kept import ScopesUntil
from accel.features.rate_limiting.options import GUARDED_SETTLE
from accel.features.seam import Feature, Junction, Seam


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    def within_window(
        self: Any, targets: Any, reserved_scopes: Any, actual_tokens: Any, reserved_tokens: Any
    ) -> Any:
        if type(reserved_scopes) is not ScopesUntil:
            return NotImplemented
        ends_s, now_s = reserved_scopes.ends_s, self._get_current_time().timestamp()
        current = [
            (key, value)
            for key, value in targets
            if (key, value) not in reserved_scopes or now_s < ends_s.get(f"{{{key}:{value}}}:tokens", now_s + 1)
        ]
        return original(self, current, reserved_scopes, actual_tokens, reserved_tokens)

    guarded = junction.lightly(within_window, original, reads=False)

    def _build_reservation_aware_tpm_ops(
        self: Any, targets: Any, reserved_scopes: Any, actual_tokens: Any, reserved_tokens: Any
    ) -> Any:
        # Off by default, and asked at every request: the short way round.
        ask = original if junction.bypassed() else guarded
        return ask(self, targets, reserved_scopes, actual_tokens, reserved_tokens)

    return _build_reservation_aware_tpm_ops


FEATURE: Final = Feature(
    name=GUARDED_SETTLE,
    replayable=True,  # it builds a list
    seams=(
        Seam(
            module=MODULE,
            attribute=f"{CLASS.partition(':')[2]}._build_reservation_aware_tpm_ops",
            reproduces=(f"{CLASS}._build_reservation_aware_tpm_ops",),
            build=_build,
        ),
    ),
)
