"""What LiteLLM keeps for an event loop, clients of Redis and executors of scripts, found without detours."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

from accel.features.names import Names
from accel.fingerprint import live

_MEMORY: Final = "litellm.caching.in_memory_cache"
_CLIENTS: Final = "litellm.caching.llm_caching_handler"
REPRODUCES: Final = (
    f"{_CLIENTS}:LLMClientCache.get_cache",
    f"{_CLIENTS}:LLMClientCache.update_cache_key_with_event_loop",
    f"{_MEMORY}:InMemoryCache._is_key_expired",
    f"{_MEMORY}:InMemoryCache.evict_element_if_expired",
    f"{_MEMORY}:InMemoryCache.get_cache",
)


class Bound:
    """Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self) -> None:
        self._litellm: Final[Any] = sys.modules["litellm"]
        self._class: Final = live(f"{_CLIENTS}:LLMClientCache")
        self._names: Final = Names(REPRODUCES, {})
        self._methods: Final = frozenset(member.rpartition(".")[2] for member in REPRODUCES)

    def find(self, name: str) -> Any:
        """As `in_memory_llm_clients_cache.get_cache` where that finds an object; else None, with no change made.

        Needs a running loop.
        """
        cache = self._litellm.in_memory_llm_clients_cache
        if type(cache) is not self._class or not self._names.intact():
            return None
        if not self._methods.isdisjoint(vars(cache)):
            return None  # somebody's own, put over this cache's
        cache.evicted_client_closer.reap()
        key = f"{name}-{id(asyncio.get_running_loop())}"
        expires_s = cache.ttl_dict.get(key)
        if expires_s is not None and cache._clock() > expires_s:
            return None
        return cache.cache_dict.get(key)
