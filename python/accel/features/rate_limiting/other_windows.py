"""Requests under other windows than LiteLLM's: admitted, settled and given back by the engine that was chosen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.errors import Declined
from accel.features.rate_limiting import request
from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.features.rate_limiting.kept import Kept, keep, kept_for
from accel.features.seam import Junction, Raised, Seam
from accel.fingerprint import SERVICE_TARGET, live

_MOST_BITS: Final = 62
"""Of a number of tokens that an engine can add to another."""


async def admit(engine: Any, asked: request.Request) -> Any:
    """The whole hook for one request; `NotImplemented` where LiteLLM's windows shall hold."""
    drafted = asked.draft(asked.token_limits())
    if isinstance(drafted, Raised):
        return NotImplemented
    draft, tokens = drafted
    if tokens is not None and tokens.bit_length() > _MOST_BITS:
        return NotImplemented  # a client may ask for any number
    own = asked.handler
    now_s = own._get_current_time().timestamp()
    try:
        verdict = await engine.admit(own, asked.windowed(), tokens, asked.slot, now_s)
    except Declined:
        return NotImplemented
    except live(f"{MODULE}:RateLimitUnverifiableError") as error:  # LiteLLM's 503
        return Raised(error)
    if not verdict.admitted:
        return await asked.refused(verdict.response, verdict.retry_after_s)
    asked.admitted(verdict.response)
    asked.adopt(draft)
    if engine.settles:
        keep(Kept(asked.stash, engine, verdict.reservation, tokens or 0))
    elif tokens is not None:
        asked.noted(verdict.response, tokens)
    raised = await asked.project()
    if raised is not None:
        await engine.undo(own, verdict.reservation)
    return raised


async def settle(handler: Any, kept: Kept, operations: Any) -> None:
    """LiteLLM's increments of a request that an engine admitted, once."""
    if kept.settled:
        return
    kept.settled = True
    reserved = kept.reservation.tokens
    settled = [
        {**one, "increment_value": one["increment_value"] - (kept.tokens if one["key"] in reserved else 0)}
        for one in operations
    ]
    known = {one["key"] for one in operations}
    # What used nothing has no increment of LiteLLM's, but a reservation to give back.
    unused = [
        {"key": key, "increment_value": -kept.tokens, "ttl": handler.window_size}
        for key in reserved
        if key not in known
    ]
    await kept.engine.settle(handler, kept.reservation, [*settled, *unused])


def _seam(method: str, find: Callable[[Any, Any], Any], source: str) -> Seam:
    """A hook at a request's failure, after which an engine gets back what was not used."""

    def build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
        module: Any = sys.modules[MODULE]

        async def hook(self: Any, *arguments: Any, **named: Any) -> Any:
            payload = named[source] if source in named else arguments[0] if arguments else None
            kept = kept_for(find(module, payload))
            if kept is None:
                return NotImplemented
            used = self._recovered_partial_usage_tokens(payload)[0] if isinstance(payload, dict) else 0
            operations = [
                {"key": key, "increment_value": used, "ttl": self.window_size} for key in kept.reservation.tokens
            ]
            await settle(self, kept, operations if used else [])
            return await original(self, *arguments, **named)

        return junction.lightly_awaited(hook, original, reads=False)

    return Seam(
        module=MODULE,
        attribute=f"{CLASS.partition(':')[2]}.{method}",
        reproduces=(f"{CLASS}.{method}", f"{CLASS}._recovered_partial_usage_tokens", SERVICE_TARGET),
        build=build,
    )


def _of_call(module: Any, kwargs: Any) -> Any:
    return module.get_request_stash_for_call(module._call_id_from_callback_kwargs(kwargs))


def _of_context(module: Any, _payload: Any) -> Any:
    return module.get_request_stash()


SEAMS: Final = (
    _seam("async_log_failure_event", _of_call, "kwargs"),
    _seam("async_post_call_failure_hook", _of_context, "request_data"),
)
