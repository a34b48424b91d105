"""Tokens settled on Redis: LiteLLM's own script, called without its detours."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel.features.names import Names
from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.features.rate_limiting.scripts import is_own
from accel.fingerprint import live

_STEPS: Final = tuple(
    f"{CLASS}.{method}"
    for method in (
        "_defer_token_increment_script",
        "_execute_token_increment_script",
        "_group_keys_by_hash_tag",
        "_is_redis_cluster",
    )
)
REPRODUCES: Final = (*_STEPS, f"{MODULE}:TOKEN_INCREMENT_SCRIPT")


class Settling:
    """Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self) -> None:
        self._module: Final[Any] = sys.modules[MODULE]
        self._class: Final = live("litellm.caching.redis_cache:RedisCache")
        self._batch: Final[Any] = sys.modules["litellm.caching.redis_batch"]
        self._context: Final[Any] = sys.modules["litellm._internal_context"]
        self._names: Final = Names(_STEPS, {})

    async def add(self, handler: Any, dual: Any, operations: Any) -> Any:
        """As `async_increment_tokens_with_ttl_preservation`; `NotImplemented` before any effect."""
        redis_cache, script = dual.redis_cache, handler.token_increment_script
        if type(redis_cache) is not self._class or not is_own(script) or not self._names.intact():
            return NotImplemented
        if handler._force_hash_tag_grouping_resolver():
            return NotImplemented
        try:
            keys = [one["key"] for one in operations]
            args = [value for one in operations for value in (one["increment_value"], one["ttl"] or 0)]
            if self._batch.active_request_redis_batches() is not None:
                with self._context.service_target("rate_limits"):
                    if handler._defer_token_increment_script(keys, args, operations):
                        return None
            await script(keys, args)
        except Exception as error:  # noqa: BLE001  # Redis's, and LiteLLM's rule for it follows
            module = self._module
            module.log_redis_failure(
                module.verbose_proxy_logger,
                module.logging.WARNING,
                "TTL preservation failed, falling back to regular pipeline",
                error,
            )
            with self._context.service_target("rate_limits"):
                await dual.async_increment_cache_pipeline(increment_list=operations)
        return None
