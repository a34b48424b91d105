"""The two tiers of a `DualCache` as stand-ins that remember every call, and answer or fail as a script says."""

from __future__ import annotations

from random import Random
from typing import Any

from litellm.caching.dual_cache import DualCache
from litellm.caching.redis_cache import RedisCircuitBreakerOpenError

VALUES: tuple[Any, ...] = (None, 0, 7, "", "text", False, {"a": [1, None]}, (1, 2), b"bytes", 1.5)
FAILURES = (ValueError, ConnectionError, RedisCircuitBreakerOpenError, TimeoutError)


class Tier:
    """One tier. Everything it is asked goes into `told`, in order."""

    def __init__(self, name: str, answers: list[Any], told: list[Any]) -> None:
        self._name = name
        self._answers = iter(answers)
        self._told = told

    def _ask(self, method: str, arguments: Any, named: Any) -> Any:
        self._told.append((self._name, method, arguments, dict(named)))
        answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def get_cache(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("get_cache", arguments, named)

    def set_cache(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("set_cache", arguments, named)

    async def async_get_cache(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("async_get_cache", arguments, named)

    async def async_set_cache(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("async_set_cache", arguments, named)

    async def async_set_cache_pipeline(self, *arguments: Any, **named: Any) -> Any:
        return self._ask("async_set_cache_pipeline", arguments, named)


class Batch:
    """A request's batch, as far as a per-key read asks it."""

    def __init__(self, missing: bool, told: list[Any]) -> None:
        self._missing, self._told = missing, told

    def read_as_missing(self, key: Any) -> bool:
        self._told.append(("batch", "read_as_missing", (key,), {}))
        return self._missing


class Scene:
    """One cache, one call of it and what its tiers will say; made twice from one number, both are the same."""

    def __init__(self, number: int) -> None:
        chance = Random(number)
        self.told: list[Any] = []
        memory, redis = ([self._answer(chance) for _ in range(3)] for _ in range(2))
        self.cache = DualCache(default_in_memory_ttl=chance.choice([None, 5, 0]))
        self.cache.in_memory_cache = None if chance.random() < 0.1 else Tier("memory", memory, self.told)  # type: ignore[assignment]
        self.cache.redis_cache = None if chance.random() < 0.3 else Tier("redis", redis, self.told)  # type: ignore[assignment]
        self.batch = chance.choice([None, None, Batch(True, self.told), Batch(False, self.told)])
        self.method = chance.choice(
            ["get_cache", "async_get_cache", "async_set_cache", "async_set_cache_pipeline"]
        )
        self.arguments: tuple[Any, ...] = (chance.choice(["k", None, 3, "ключ"]),)
        if self.method == "async_set_cache":
            self.arguments += (chance.choice(VALUES),)
        if self.method == "async_set_cache_pipeline":
            self.arguments = ([("k", chance.choice(VALUES)), ("l", 1)],)
        self.named: dict[str, Any] = {}
        for name, values in (
            ("local_only", [True, False, 0, 1, None]),
            ("ttl", [None, 0, 60, 1.5]),
            ("parent_otel_span", [None, "span"]),
            ("nx", [True]),
        ):
            if chance.random() < 0.35:
                self.named[name] = chance.choice(values)
        self.verbose = chance.choice([False, False, True])

    @staticmethod
    def _answer(chance: Random) -> Any:
        return chance.choice(FAILURES)("broken") if chance.random() < 0.15 else chance.choice(VALUES)
