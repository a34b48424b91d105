"""The limiter's logging hook: the limits put where streaming's callbacks and the logging payload see them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.rate_limiting import headers
from accel.features.rate_limiting.handler import CLASS, MODULE, REPRODUCES, Handlers
from accel.features.seam import Junction, Seam

_STEPS: Final = (
    f"{CLASS}._mirror_ratelimit_response_into_logging_payload",
    f"{MODULE}:get_request_stash_for_call",
    f"{MODULE}:_call_id_from_callback_kwargs",
    *headers.REPRODUCES,
)


def _with(found: Any, added: dict[str, Any]) -> dict[str, Any]:
    return {**dict(found), **added} if isinstance(found, dict) else dict(added)


def _is_own_kind(found: Any) -> bool:
    """Whether writing into it may run somebody's code."""
    return type(found) is not dict and isinstance(found, dict)


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    handlers, hidden = Handlers(_STEPS), headers.Hidden()
    module: Any = sys.modules[MODULE]

    async def async_logging_hook(self: Any, kwargs: Any, result: Any, call_type: Any) -> Any:
        if type(kwargs) is not dict or not handlers.own(self) or not handlers.intact():
            return NotImplemented
        try:
            stash = module.get_request_stash_for_call(module._call_id_from_callback_kwargs(kwargs))
            limits = stash.rate_limit_response if stash is not None else None
            statuses = limits["statuses"] if limits is not None else ()
            if not statuses:
                return kwargs, result
            told, params = headers.of_statuses(statuses), hidden.of(result)
        except Exception:  # noqa: BLE001  # nothing was done: LiteLLM's own code raises what it must
            return NotImplemented
        payload = kwargs.get("standard_logging_object")
        known = payload.get("hidden_params") if type(payload) is dict else None
        if _is_own_kind(payload) or _is_own_kind(known) or _is_own_kind(params):
            return NotImplemented
        if isinstance(payload, dict):
            known = known if isinstance(known, dict) else {}
            known["additional_headers"] = _with(known.get("additional_headers"), told)
            payload["hidden_params"] = known
        if isinstance(params, dict):
            params["additional_headers"] = _with(params.get("additional_headers"), told)
        return kwargs, result

    return junction.lightly_awaited(async_logging_hook, original, reads=False)


SEAM: Final = Seam(
    module=MODULE,
    attribute=f"{CLASS.partition(':')[2]}.async_logging_hook",
    reproduces=(f"{CLASS}.async_logging_hook", *_STEPS, *REPRODUCES),
    build=_build,
)
