"""Calls to Redis under LiteLLM's circuit breaker, by its own rules and in fewer steps."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_REDIS: Final = "litellm.caching.redis_cache"
REPRODUCES: Final = (
    f"{_REDIS}:_enter_circuit_breaker",
    f"{_REDIS}:_exit_circuit_breaker",
    f"{_REDIS}:_run_under_circuit_breaker",
)


async def under(breaker: Any, call: Awaitable[T]) -> T:
    """As `_run_under_circuit_breaker` once the breaker has said that it is not open. Raises what `call` raises."""
    module: Any = sys.modules[_REDIS]
    swallowed = module._swallowed_redis_failures
    before, generation = swallowed.get(), breaker.generation
    try:
        result = await call
    except Exception as error:
        if module._is_redis_health_failure(error):
            breaker.record_failure(is_timeout=module.is_redis_timeout_failure(error))
        raise
    if swallowed.get() == before and breaker.generation == generation:
        breaker.record_success()
    return result
