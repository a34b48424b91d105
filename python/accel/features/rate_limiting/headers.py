"""What an answer's headers say of the limits, and where LiteLLM keeps a response's headers."""

from __future__ import annotations

from typing import Any, Final

from accel.features.rate_limiting.handler import CLASS
from accel.fingerprint import live

REPRODUCES: Final = (f"{CLASS}._merge_ratelimit_statuses_into_additional_headers",)

_MOST_NAMES: Final = 256
"""There are some thirty: a kind of descriptor, and what it limits."""
_names: Final[dict[tuple[Any, Any], tuple[str, str]]] = {}


def of_statuses(statuses: Any) -> dict[str, Any]:
    """`x-ratelimit-…` of a `RateLimitResponse`'s statuses."""
    headers: dict[str, Any] = {}
    for status in statuses:
        # In LiteLLM's order: of an odd one it says what it misses first.
        descriptor, remaining, kind = (
            status["descriptor_key"],
            status["limit_remaining"],
            status["rate_limit_type"],
        )
        found = _names.get((descriptor, kind))
        if found is None:
            found = f"x-ratelimit-{descriptor}-remaining-{kind}", f"x-ratelimit-{descriptor}-limit-{kind}"
            if len(_names) < _MOST_NAMES:
                _names[descriptor, kind] = found
        headers[found[0]], headers[found[1]] = remaining, status["current_limit"]
    return headers


class Hidden:
    """Finds `_hidden_params` of a response. Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self) -> None:
        self._chat: Final = live("litellm.types.utils:ModelResponse")

    def of(self, response: Any) -> Any:
        """As `getattr` finds it, None without one; of a chat's response without pydantic's detours. Raises what a
        response raises that is looked into.
        """
        if type(response) is self._chat:
            private = response.__pydantic_private__
            if private is not None and "_hidden_params" in private and "_hidden_params" not in vars(response):
                return private["_hidden_params"]
        return getattr(response, "_hidden_params", None)
