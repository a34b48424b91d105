"""A slot given back on Redis: LiteLLM's own script, called without its detours."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel.errors import Declined
from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.features.rate_limiting.scripts import is_own
from accel.features.rate_limiting.steps import Memory
from accel.fingerprint import live

REPRODUCES: Final = (
    f"{CLASS}._mirror_released_parallel_slots",
    f"{CLASS}._release_parallel_request_slots",
    f"{CLASS}._release_stashed_parallel_slot",
    f"{MODULE}:PARALLEL_RELEASE_SCRIPT",
)


class Releasing:
    """Made when LiteLLM's modules are there, by whoever watches `REPRODUCES`; thread-safe."""

    def __init__(self, memory: Memory) -> None:
        self._memory: Final = memory
        self._module: Final[Any] = sys.modules[MODULE]
        self._class: Final = live("litellm.caching.redis_cache:RedisCache")

    def gives_back(self, limiter: Any, dual: Any) -> bool:
        """Whether the slots are in one plain Redis, by LiteLLM's own script."""
        return type(dual.redis_cache) is self._class and is_own(limiter.parallel_release_script)

    async def give_back(self, limiter: Any, dual: Any, stash: Any, span: Any) -> None:
        """As `_release_stashed_parallel_slot` before a response leaves; raises as that does."""
        async with stash.parallel_slot_release_lock:
            slot = stash.parallel_slot
            if slot is None:
                return
            keys, name = slot["counter_keys"], slot["slot_id"]
            if keys and name:
                await self._remove(limiter, dual, keys, name, span)
            stash.parallel_slot = None

    async def _remove(self, limiter: Any, dual: Any, keys: list[str], name: str, span: Any) -> None:
        module = self._module
        try:
            left = await limiter.parallel_release_script(keys, [name] * len(keys))
            try:
                self._memory.limiter.keep_gauges(dual.in_memory_cache, keys, left)
            except Declined:
                await limiter._mirror_released_parallel_slots(keys, left, span)
        except Exception as error:  # noqa: BLE001  # LiteLLM's rule: its own gauges in memory then
            module.log_redis_failure(
                module.verbose_proxy_logger,
                module.logging.WARNING,
                "parallel_release_script failed, falling back to in-memory release",
                error,
            )
            await limiter._release_parallel_request_slots_in_memory(keys, name, span)
