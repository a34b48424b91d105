"""Which limiters native code may stand in for: LiteLLM's own, with nothing on it replaced."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from accel.features.names import Names
from accel.fingerprint import SERVICE_TARGET, live

MODULE: Final = "litellm.proxy.hooks.parallel_request_limiter_v3"
CLASS: Final = f"{MODULE}:_PROXY_MaxParallelRequestsHandler_v3"
USAGE: Final = "litellm.proxy.utils:InternalUsageCache"
DUAL: Final = "litellm.caching.dual_cache:DualCache"

STEPS: Final = tuple(
    f"{CLASS}.{method}"
    for method in (
        "_acquire_parallel_slots_in_memory",
        "_atomic_check_and_increment_in_memory",
        "_batch_get_counter_values",
        "_batch_get_gauge_values",
        "_build_descriptor_atomic_payload",
        "_check_parallel_request_gauges",
        "_collect_windowed_keys_and_gauges",
        "_gauge_in_flight_from_cache_value",
        "_gauge_status",
        "_get_current_time",
        "_in_memory_cache_sliding_window",
        "_read_local_gauge_counts",
        "_release_parallel_request_slots_in_memory",
        "async_increment_tokens_with_ttl_preservation",
        "atomic_check_and_increment_by_n",
        "create_rate_limit_keys",
        "in_memory_cache_sliding_window",
        "is_cache_list_over_limit",
        "reserve_tpm_tokens",
        "should_rate_limit",
    )
)
"""The limiter's own methods in memory."""
CACHES: Final = (
    SERVICE_TARGET,
    f"{MODULE}:PARALLEL_REQUEST_SLOT_TTL_SECONDS",
    f"{MODULE}:_sibling_counter_keys",
    f"{USAGE}.async_get_cache",
    f"{USAGE}.async_set_cache",
    f"{USAGE}.async_batch_get_cache",
    f"{DUAL}.async_get_cache",
    f"{DUAL}.async_set_cache",
    f"{DUAL}.async_batch_get_cache",
    f"{DUAL}._prepare_batch_get",
    f"{DUAL}.async_increment_cache_pipeline",
    "litellm.caching.in_memory_cache:InMemoryCache.async_get_cache",
    "litellm.caching.in_memory_cache:InMemoryCache.async_set_cache",
    "litellm.caching.in_memory_cache:InMemoryCache.async_batch_get_cache",
    "litellm.caching.in_memory_cache:InMemoryCache.async_increment",
    "litellm.caching.in_memory_cache:InMemoryCache.async_increment_pipeline",
)
"""What lies between the limiter and its counters."""
REPRODUCES: Final = (*STEPS, *CACHES)


def _class_names(class_: type) -> frozenset[str]:
    """Every name that a class has from anywhere: an instance that has one of them too overrides it."""
    return frozenset(name for base in class_.__mro__ for name in vars(base) if name != "__doc__")


class Handlers:
    """Knows LiteLLM's limiter, its caches and their methods as they were when this was made."""

    def __init__(self, names: Iterable[str] = REPRODUCES, bound: Mapping[str, str] = MappingProxyType({})) -> None:
        """`names` are what whoever asks stands for, and `bound` other names of them, as in `Names`."""
        self._handler: Final = live(CLASS)
        self._usage: Final = live(USAGE)
        self._dual: Final = live(DUAL)
        self._handler_names: Final = _class_names(self._handler)
        self._dual_names: Final = _class_names(self._dual)
        self._names: Final = Names(names, bound)
        self._logging: Final = sys.modules["litellm._logging"]
        self._logger: Final = logging.getLogger("LiteLLM Proxy")

    def own(self, handler: Any) -> bool:
        """Whether it is LiteLLM's limiter with nothing put over its methods, and nobody wants debug lines."""
        if type(handler) is not self._handler or not self._handler_names.isdisjoint(vars(handler)):
            return False
        return not (self._logging.set_verbose or self._logger.isEnabledFor(logging.DEBUG))

    def intact(self) -> bool:
        """Whether nobody has replaced what whoever asks stands for."""
        return self._names.intact()

    def dual_cache(self, handler: Any) -> Any:
        """The limiter's cache; None where something is not LiteLLM's, or debug lines are wanted."""
        if not self.own(handler):
            return None
        usage = handler.internal_usage_cache
        if type(usage) is not self._usage or len(vars(usage)) != 1:
            return None
        dual = usage.dual_cache
        if type(dual) is not self._dual or not self._dual_names.isdisjoint(vars(dual)):
            return None
        return dual if self.intact() else None

    def memory(self, handler: Any) -> Any:
        """The `InMemoryCache` that has the limiter's counters, where no Redis has them; else None."""
        dual = self.dual_cache(handler)
        return None if dual is None else in_memory(handler, dual)


def in_memory(handler: Any, dual: Any) -> Any:
    """The cache in memory if it alone has the counters, and nobody holds the limiter's lock; else None."""
    if dual.redis_cache is not None or handler._check_and_increment_lock.locked():
        return None
    scripts = (
        handler.batch_rate_limiter_script,
        handler.check_and_increment_by_n_script,
        handler.token_increment_script,
        handler.parallel_acquire_script,
        handler.parallel_release_script,
    )
    return dual.in_memory_cache if scripts == (None, None, None, None, None) else None
