"""The limiter's pre-call hook on Redis: LiteLLM's three trips in one.

The keys are LiteLLM's and so is what is done to them: plain instances and these share their limits exactly.
"""

from __future__ import annotations

import sys
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from accel import native
from accel.features.names import Names
from accel.features.rate_limiting import request
from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.features.rate_limiting.options import UNCHARGED_REJECTION
from accel.features.rate_limiting.scripts import is_own
from accel.features.rate_limiting.steps import Memory
from accel.features.seam import Raised
from accel.fingerprint import live

_CACHE: Final = "litellm.caching.redis_cache"
_BATCH: Final = "litellm.caching.redis_batch"
_SCRIPTS: Final = (
    "BATCH_RATE_LIMITER_SCRIPT",
    "CHECK_AND_INCREMENT_BY_N_SCRIPT",
    "PARALLEL_ACQUIRE_SCRIPT",
    "WINDOW_GUARDED_TOKEN_INCREMENT_SCRIPT",
)
_STEPS: Final = tuple(
    f"{CLASS}.{method}"
    for method in (
        "_atomic_lua_per_descriptor",
        "_build_atomic_response",
        "_counter_refunds_from_atomic_response",
        "_execute_redis_batch_rate_limiter_script",
        "_group_keys_by_hash_tag",
        "_is_redis_cluster",
        "_pipeline_scripts",
        "_refund_applied_descriptor_groups",
        "_refund_counter_increments",
        "_reject_if_rate_limit_unverifiable",
    )
)
_STATIC: Final = f"{CLASS}._counter_refunds_from_atomic_response"
WINDOWS, GAUGES, TOKENS = range(3)
_SCRIPT_OF: Final = ("batch_rate_limiter_script", "parallel_acquire_script", "check_and_increment_by_n_script")
"""LiteLLM's own names of the steps' scripts, for its log and its 503."""
Draft: TypeAlias = tuple[dict[str, Any], int | None]
_HEALTH: Final = (
    f"{_CACHE}:RedisCircuitBreaker.record_failure",
    f"{_CACHE}:_is_redis_health_failure",
    f"{_CACHE}:is_redis_timeout_failure",
)
REPRODUCES: Final = (*_STEPS, *(f"{MODULE}:{script}" for script in _SCRIPTS), *_HEALTH)


class Redis:
    """Admission in one trip. Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self, memory: Memory) -> None:
        self._memory: Final = memory
        self._module: Final[Any] = sys.modules[MODULE]
        self._cache: Final[Any] = sys.modules[_CACHE]
        self._class: Final = live(f"{_CACHE}:RedisCache")
        self._batch: Final[Any] = sys.modules[_BATCH]
        self._context: Final[Any] = sys.modules["litellm._internal_context"]
        # A static method has no binding of its own to watch: the class holds another object.
        self._names: Final = Names([step for step in _STEPS if step != _STATIC], {})
        self._scripts: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def serves(self, handler: Any, dual: Any) -> bool:
        """Whether the limiter's counters are in one plain Redis, by LiteLLM's own scripts."""
        if type(dual.redis_cache) is not self._class or not self._names.intact():
            return False
        scripts = (
            handler.batch_rate_limiter_script,
            handler.check_and_increment_by_n_script,
            handler.parallel_acquire_script,
            handler.window_guarded_token_increment_script,
        )
        if not all(map(is_own, scripts)):
            return False
        return not handler._force_hash_tag_grouping_resolver()

    async def admit(self, dual: Any, asked: request.Request) -> Any:
        """The whole hook for one request; `NotImplemented` before anything was charged."""
        own, cache = asked.handler, dual.in_memory_cache
        limits = asked.token_limits()
        drafted = asked.draft(limits)
        if isinstance(drafted, Raised):
            return NotImplemented
        tokens = drafted[1]
        question = self._memory.limiter.ask(
            cache,
            asked.windowed(),
            asked.descriptors,
            own._get_current_time().timestamp(),
            own.window_size,
            own.tpm_reservation_enabled,
            asked.slot or "",
            tokens,
            request.PROJECT_KEYS,
            asked.wants(UNCHARGED_REJECTION),
        )
        if question.refused is not None:
            raised = await asked.refused(question.refused)
            if raised is not None:
                return raised
        try:
            reply = await self._run(dual.redis_cache, question.keys, question.args)
        except Exception as error:  # noqa: BLE001  # Redis's, and LiteLLM's rule for it follows
            self._count_as_litellm(dual.redis_cache, error, len(limits) > 0, asked)
            return await self._resumed(asked, error, WINDOWS, None, drafted, in_memory=True)
        response, reserved, failed = question.answered(reply)
        if failed is not None:
            return await self._resumed(asked, reply[failed], failed, response, drafted, in_memory=False)
        return await self._settled(asked, response, reserved, drafted)

    async def _run(self, redis_cache: Any, keys: list[str], args: list[Any]) -> Any:
        script = native.module.ADMIT_SCRIPT
        run = self._scripts.get(redis_cache)
        if run is None:
            run = self._scripts.setdefault(redis_cache, redis_cache.async_register_script(script))
        batch = self._batch.active_request_redis_batch(redis_cache)
        if batch is None:
            return await run(keys, args)
        with self._context.service_target("rate_limits"):
            # What the request has declared so far rides along, as with LiteLLM's first script.
            return await batch.script(script, run, keys, args)

    def _count_as_litellm(
        self, redis_cache: Any, error: Exception, reserves: bool, asked: request.Request
    ) -> None:
        """LiteLLM would have failed at each of its scripts: its breaker must not open later than that."""
        cache = self._cache
        if cache._is_redis_health_failure(error):
            for step in (bool(asked.gauges), reserves):
                if step:
                    redis_cache._circuit_breaker.record_failure(is_timeout=cache.is_redis_timeout_failure(error))

    async def _settled(
        self, asked: request.Request, response: Any, reserved: Any, drafted: Draft
    ) -> Raised | None:
        if response["overall_code"] == "OVER_LIMIT":
            raised = await asked.refused(response)
            if raised is not None:
                return raised
        else:
            asked.admitted(response)
        draft, tokens = drafted
        if tokens is not None and reserved is not None:
            asked.adopt(draft)
            raised = await asked.reservation(reserved, tokens)
            if raised is not None:
                return raised
        return await asked.project()

    async def _resumed(
        self,
        asked: request.Request,
        error: Exception,
        failed: int,
        response: Any,
        drafted: Draft,
        *,
        in_memory: bool,
    ) -> Raised | None:
        """LiteLLM's way from a step that Redis did not answer: 503 if so configured, else its counters in memory.

        `response` is what the steps before came to. With `in_memory` the steps after it are not asked of Redis
        either: what was sent may have been done, and must not be done twice.
        """
        own, module = asked.handler, self._module
        if failed == TOKENS:
            asked.admitted(response)
        try:
            own._reject_if_rate_limit_unverifiable(_SCRIPT_OF[failed], error)
            module.log_redis_failure(
                module.verbose_proxy_logger, module.logging.WARNING, f"{_SCRIPT_OF[failed]} failed", error
            )
            if failed == WINDOWS:
                response = await self._windows(asked)
            if failed <= GAUGES and response["overall_code"] == "OK":
                response = await self._gauges(asked, response, in_memory=in_memory or failed == GAUGES)
            reserved = None
            if drafted[1] is not None and response["overall_code"] == "OK":
                if in_memory or failed == TOKENS:
                    reserved = await self._tokens(asked, drafted[1])
                else:
                    reserved = await asked.reserve_by_litellm(drafted[1])
        except Exception as raised:  # noqa: BLE001  # LiteLLM's own answer: the 503, or what a counter's value raises
            return Raised(raised)
        if isinstance(reserved, Raised):
            return reserved
        return await self._settled(asked, response, reserved, drafted)

    async def _windows(self, asked: request.Request) -> Any:
        own = asked.handler
        keys, metadata, _ = own._collect_windowed_keys_and_gauges(
            descriptors=asked.windowed(), skip_tpm_check=own.tpm_reservation_enabled
        )
        if not keys:
            return {"overall_code": "OK", "statuses": []}
        values = await own.in_memory_cache_sliding_window(
            keys=keys, now_int=int(own._get_current_time().timestamp()), window_size=own.window_size
        )
        cache = own.internal_usage_cache
        for window, began, counter, count in zip(keys[::2], values[::2], keys[1::2], values[1::2], strict=True):
            for key, value in ((counter, count), (window, began)):
                await cache.async_set_cache(
                    key=key, value=value, ttl=own.window_size, litellm_parent_otel_span=asked.span, local_only=True
                )
        return own.is_cache_list_over_limit(keys, values, metadata)

    async def _gauges(self, asked: request.Request, response: Any, *, in_memory: bool) -> Any:
        own = asked.handler
        gauges = own._collect_windowed_keys_and_gauges(descriptors=asked.windowed(), skip_tpm_check=True)[2]
        if not gauges:
            return response
        if in_memory:
            async with own._check_and_increment_lock:
                taken = await own._acquire_parallel_slots_in_memory(gauges, asked.slot, asked.span)
        else:
            taken = await own._check_parallel_request_gauges(
                gauges=gauges, slot_id=asked.slot, parent_otel_span=asked.span
            )
        statuses = [*response["statuses"], *taken["statuses"]]
        return {"overall_code": taken["overall_code"], "statuses": statuses}

    async def _tokens(self, asked: request.Request, tokens: int) -> Any:
        own = asked.handler
        counters = [
            counter
            for one in asked.reserving()
            for counter in own._build_descriptor_atomic_payload(
                descriptor=_of_tokens(one), increment_amounts={"tokens": tokens}
            )[2]
        ]
        async with own._check_and_increment_lock:
            return await own._atomic_check_and_increment_in_memory(
                per_counter_meta=counters, parent_otel_span=asked.span
            )


def _of_tokens(descriptor: dict[str, Any]) -> dict[str, Any]:
    """The descriptor reduced to its limit of tokens."""
    limits = {name: descriptor["rate_limit"].get(name) for name in ("tokens_per_unit", "window_size")}
    return {"key": descriptor["key"], "value": descriptor["value"], "rate_limit": limits}
