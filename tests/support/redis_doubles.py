"""What LiteLLM's tests put in the place of Redis: objects that answer some of its cache's methods."""

from collections.abc import Callable
from itertools import count
from typing import Any
from unittest.mock import MagicMock, patch

from litellm.caching.redis_cache import (
    RedisCache,
    RedisCircuitBreaker,
    RedisCircuitBreakerOpenError,
    _redis_circuit_breaker_guard,
    _redis_circuit_breaker_guard_sync,
)
from litellm.proxy.hooks import parallel_request_limiter_v3 as limiter_module

SCRIPTS = {
    getattr(limiter_module, f"{name}_SCRIPT"): name
    for name in (
        "BATCH_RATE_LIMITER",
        "BATCH_COUNTER_READ",
        "CHECK_AND_INCREMENT_BY_N",
        "WINDOW_GUARDED_TOKEN_INCREMENT",
        "PARALLEL_ACQUIRE",
        "PARALLEL_RELEASE",
        "PARALLEL_COUNT",
        "TOKEN_INCREMENT",
    )
}
"""LiteLLM's scripts: text to name."""


class Store:
    """Keeps values and which calls were made; `error`, if set, is what reading raises."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.values = dict(values or {})
        self.calls: list[tuple[str, Any]] = []
        self.error: Exception | None = None

    def _read(self, name: str, keys: Any) -> None:
        self.calls.append((name, keys))
        if self.error is not None:
            raise self.error

    def get_cache(self, key: str, **_keywords: Any) -> Any:
        self._read("get", key)
        return self.values.get(key)

    async def async_get_cache(self, key: str, **_keywords: Any) -> Any:
        self._read("async get", key)
        return self.values.get(key)

    def batch_get_cache(self, key_list: list[str], **_keywords: Any) -> dict[str, Any]:
        self._read("batch get", list(key_list))
        return {key: self.values.get(key) for key in key_list}

    async def async_batch_get_cache(self, key_list: list[str], **_keywords: Any) -> dict[str, Any]:
        self._read("async batch get", list(key_list))
        return {key: self.values.get(key) for key in key_list}

    def set_cache(self, key: str, value: Any, **keywords: Any) -> None:
        self.calls.append(("set", (key, value, keywords)))
        self.values[key] = value

    async def async_set_cache(self, key: str, value: Any, **keywords: Any) -> None:
        self.calls.append(("async set", (key, value, keywords)))
        self.values[key] = value

    async def async_increment(self, key: str, value: float, **keywords: Any) -> float:
        self._read("async increment", (key, value, keywords.get("ttl")))
        self.values[key] = self.values.get(key, 0) + value
        return float(self.values[key])

    async def delete_cache_keys(self, keys: list[str]) -> None:
        self.calls.append(("delete", list(keys)))


def _refused(name: str) -> Callable[..., Any]:
    async def call(self: Any, *_arguments: Any, **_keywords: Any) -> None:
        raise AssertionError("the breaker was to refuse this")

    call.__name__ = name
    return _redis_circuit_breaker_guard(call)  # type: ignore[no-any-return]


def _refused_at_once(name: str) -> Callable[..., Any]:
    def call(self: Any, *_arguments: Any, **_keywords: Any) -> None:
        raise AssertionError("the breaker was to refuse this")

    call.__name__ = name
    return _redis_circuit_breaker_guard_sync(call)


class Refusing:
    """A Redis whose breaker is open."""

    def __init__(self) -> None:
        self._circuit_breaker = RedisCircuitBreaker(failure_threshold=3, recovery_timeout=60)
        for _ in range(3):
            self._circuit_breaker.record_failure()

    async_get_cache = _refused("async_get_cache")
    async_batch_get_cache = _refused("async_batch_get_cache")
    async_set_cache = _refused("async_set_cache")
    async_set_cache_pipeline = _refused("async_set_cache_pipeline")
    async_increment = _refused("async_increment")
    async_increment_pipeline = _refused("async_increment_pipeline")
    get_cache = _refused_at_once("get_cache")
    batch_get_cache = _refused_at_once("batch_get_cache")

    def async_register_script(self, _script: str) -> Callable[..., Any]:
        async def run(keys: Any, args: Any) -> None:
            raise RedisCircuitBreakerOpenError("Redis circuit breaker is open")

        return run


class Unreachable:
    """A Redis that no script reaches."""

    def async_register_script(self, _script: str) -> Callable[..., Any]:
        async def run(keys: Any, args: Any) -> None:
            raise ConnectionError("connection refused")

        return run


class Scripted:
    """A Redis that knows LiteLLM's scripts by their text, and no others; answers without keeping counters.

    `calls` are name, keys, arguments. `failing` fails always, `failing_batch` when the window script is called for
    the so-manieth time. A counter that is read is `counted`.
    """

    def __init__(self, failing: str | None = None, failing_batch: int | None = None, counted: int = 0) -> None:
        self.failing = failing
        self.failing_batch = failing_batch
        self.counted = counted
        self.calls: list[tuple[str, list[str], list[Any]]] = []

    def of(self, name: str) -> list[tuple[list[str], list[Any]]]:
        return [(keys, args) for script, keys, args in self.calls if script == name]

    async def async_increment(self, key: str, value: float, **_keywords: Any) -> float:
        raise AssertionError(f"{key} was incremented by {value} without a script")

    def async_register_script(self, script: str) -> Callable[..., Any]:
        name = SCRIPTS.get(script)

        async def run(keys: Any, args: Any) -> list[Any]:
            assert name is not None, f"not one of LiteLLM's scripts: {script[:60]}"
            self.calls.append((name, list(keys), list(args)))
            batches = len(self.of("BATCH_RATE_LIMITER"))
            if name == self.failing or (name == "BATCH_RATE_LIMITER" and batches == self.failing_batch):
                raise ConnectionError("connection refused")
            return self._answer(name, list(keys), list(args), batches)

        return run

    def _answer(self, name: str, keys: list[str], args: list[Any], batches: int) -> list[Any]:
        if name == "BATCH_RATE_LIMITER":
            return [args[0], batches] * (len(keys) // 2)
        if name == "BATCH_COUNTER_READ":
            return [2_000_000_000 if key.endswith(":window") else self.counted for key in keys]
        if name == "PARALLEL_ACQUIRE":
            return [0, *(1 for _ in keys)]
        if name == "WINDOW_GUARDED_TOKEN_INCREMENT":
            return [1, 0] * (len(keys) // 2)
        if name in ("PARALLEL_RELEASE", "PARALLEL_COUNT"):
            return [0 for _ in keys]
        raise AssertionError(f"{name} was not expected")


_names = count()


def on_client(client: Any, **settings: Any) -> Any:
    """LiteLLM's Redis cache on a client of the test's, for both kinds of call; nothing is connected."""
    with (
        patch("litellm._redis.get_redis_client", return_value=MagicMock()),
        patch.object(RedisCache, "_setup_health_pings", lambda _self: None),
    ):
        # LiteLLM keeps what it made for a client by the settings of its connection.
        cache: Any = RedisCache(host="127.0.0.1", port=1, client_name=f"double {next(_names)}", **settings)
    cache.redis_client = client
    cache.init_async_client = lambda: client
    return cache
