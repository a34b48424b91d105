"""The limiter's pre-call hook. In memory: windows and gauges in one native call, tokens in another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from accel.errors import Declined
from accel.features.better_windows import chosen
from accel.features.caching.memory import REPRODUCES as STORE
from accel.features.limit_capacity import with_room
from accel.features.rate_limiting import handler, other_windows, request
from accel.features.rate_limiting.options import UNCHARGED_REJECTION
from accel.features.rate_limiting.redis import REPRODUCES as REDIS
from accel.features.rate_limiting.redis import Redis
from accel.features.rate_limiting.steps import Memory
from accel.features.seam import Junction, Raised, Seam
from accel.fingerprint import live

_BATCH: Final = "acreate_batch"


async def in_memory(memory: Memory, cache: Any, asked: request.Request) -> Raised | None:
    """The hook for a request whose counters are in this cache."""
    limiter, own = memory.limiter, asked.handler
    skip, uncharged = own.tpm_reservation_enabled, asked.wants(UNCHARGED_REJECTION)
    now_s = own._get_current_time().timestamp()
    limits = asked.token_limits()
    slot = asked.slot or ""
    tokens = asked.plain_tokens(min(limits)) if limits else None
    if tokens is not None:
        response, reserved = limiter.admit_reserving(
            cache, asked.descriptors, now_s, own.window_size, slot, uncharged, tokens
        )
    else:
        response = limiter.admit(cache, asked.windowed(), now_s, own.window_size, skip, slot, uncharged)
        reserved = None
    if response["overall_code"] == "OVER_LIMIT":
        raised = await asked.refused(response)
        if raised is not None:
            return raised
    else:
        asked.admitted(response)
    if not limits:
        return await asked.project()
    estimated = tokens if tokens is not None else asked.estimate(asked.data, min(limits))
    if isinstance(estimated, Raised):
        return estimated
    if reserved is None:
        reserved = await _reserve(memory, cache, asked, estimated)
        if isinstance(reserved, Raised):
            return reserved
        if uncharged and reserved["overall_code"] == "OVER_LIMIT":
            # Whatever has become of the cache: the request is charged, and must not be charged again.
            with suppress(Declined):
                limiter.take_back(cache, asked.windowed(), own.window_size, skip)
    raised = await asked.reservation(reserved, estimated)
    return raised if raised is not None else await asked.project()


async def _reserve(memory: Memory, cache: Any, asked: request.Request, tokens: int) -> Any:
    own = asked.handler
    now_s = int(own._get_current_time().timestamp())
    try:
        return memory.limiter.reserve(
            cache, asked.descriptors, tokens, now_s, own.window_size, request.PROJECT_KEYS
        )
    except Declined:
        # The windows are charged already: LiteLLM's own step goes on from here.
        return await asked.reserve_by_litellm(tokens)


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    memory = Memory((*request.REPRODUCES, *handler.REPRODUCES), request.BOUND)
    redis = Redis(memory)
    hook = request.Hook(junction)
    generic = live("litellm.types.passthrough_endpoints.pass_through_endpoints:EndpointType").GENERIC

    async def async_pre_call_hook(
        self: Any, user_api_key_dict: Any, cache: Any, data: Any, call_type: Any, endpoint_type: Any = generic
    ) -> Any:
        dual = memory.handlers.dual_cache(self)
        if dual is None or call_type == _BATCH:
            return NotImplemented
        counters = handler.in_memory(self, dual)
        if counters is None and not redis.serves(self, dual):
            return NotImplemented
        asked = await hook.request(self, user_api_key_dict, data, call_type, endpoint_type)
        if isinstance(asked, Raised) or not asked.descriptors:
            return asked if isinstance(asked, Raised) else None
        engine = chosen(junction)
        if engine is not None:
            answer = await other_windows.admit(engine, asked)
            if answer is not NotImplemented:
                return answer
        if counters is None:
            return await redis.admit(dual, asked)
        return await in_memory(memory, counters, asked)

    return with_room(junction, junction.lightly_awaited(async_pre_call_hook, original, reads=False))


SEAM: Final = Seam(
    module=handler.MODULE,
    attribute=f"{handler.CLASS.partition(':')[2]}.async_pre_call_hook",
    reproduces=(*request.REPRODUCES, *REDIS, *handler.REPRODUCES, *STORE),
    build=_build,
)
