"""LiteLLM's Redis, and our scripts on it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

_log: Final = logging.getLogger("accel")

Script = Callable[..., Awaitable[Any]]


class Scripts:
    """Scripts by Redis cache and text. LiteLLM's own executor runs them: namespace, breaker and loop are its."""

    def __init__(self) -> None:
        self._registered: Final[WeakKeyDictionary[Any, dict[str, Script]]] = WeakKeyDictionary()

    async def run(self, redis: Any, text: str, keys: Sequence[str], arguments: Sequence[Any]) -> list[int]:
        """The script's answer as numbers. Raises whatever LiteLLM and Redis raise."""
        scripts = self._registered.setdefault(redis, {})
        script = scripts.get(text)
        if script is None:
            script = scripts[text] = redis.async_register_script(text)
        return [int(value) for value in await script(keys=list(keys), args=list(arguments))]


def redis_of(handler: Any) -> Any:
    """The handler's `RedisCache`, or None."""
    return handler.internal_usage_cache.dual_cache.redis_cache


def complain(what: str, error: BaseException) -> None:
    """Tell the log that Redis failed; the class only, for a message may hold keys."""
    _log.warning("%s: Redis failed (%s)", what, type(error).__name__)
