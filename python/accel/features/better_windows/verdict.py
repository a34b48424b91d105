"""What an engine answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

GAUGE_RETRY_S: Final = 1.0
"""Nobody knows when a request in flight will end; a client that is told less only asks more often."""


class Charge(NamedTuple):
    """What was charged to one window, and where."""

    key: str
    limit: int
    window_ms: int
    mark: int | None
    """None: nothing was reserved; what the request used is charged when it is known."""
    cost: int


@dataclass(frozen=True)
class Reservation:
    """What an admission charged. Opaque to everybody but the engine that gave it."""

    in_redis: bool
    requests: tuple[Charge, ...] = ()
    tokens: dict[str, Charge] = field(default_factory=dict)
    """By LiteLLM's own name of the counter (`{scope:value}:tokens`)."""


@dataclass(frozen=True)
class Verdict:
    """The answer to one request."""

    response: dict[str, Any]
    """LiteLLM's `RateLimitResponse`: what `should_rate_limit` and `reserve_tpm_tokens` say together."""
    retry_after_s: float = 0.0
    """When all that refused would fit if nothing else were spent; 0 for who was admitted."""
    reservation: Any = None
    """None for who was refused."""

    @property
    def admitted(self) -> bool:
        return bool(self.response["overall_code"] == "OK")
