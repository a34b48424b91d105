"""Memory before Redis: what is read from where, what is put back into memory, and what a broken Redis costs."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from litellm.caching import redis_cache as redis_cache_module
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.constants import DEFAULT_MAX_REDIS_BATCH_CACHE_SIZE
from redis.exceptions import TimeoutError as RedisTimeoutError

from support.limiter import in_a_loop
from support.redis_doubles import Refusing, Store

pytestmark = pytest.mark.usefixtures("side")


def dual(redis: Any = None, **settings: Any) -> Any:
    return DualCache(in_memory_cache=InMemoryCache(), redis_cache=redis, **settings)


def expires_in(cache: Any, key: str, seconds: float, asked: float) -> None:
    """The entry of memory lives so long, counted from the moment before it was asked for."""
    left = cache.in_memory_cache.ttl_dict[key] - asked
    assert seconds <= left <= seconds + (time.time() - asked)


@in_a_loop
async def test_many_readers_of_absent_keys_ask_redis_once() -> None:
    redis = Store()
    cache = dual(redis, default_redis_batch_cache_expiry=10)
    found = await asyncio.gather(*(cache.async_batch_get_cache(keys=["a", "b"]) for _ in range(50)))
    assert found == [[None, None]] * 50
    assert redis.calls == [("async batch get", ["a", "b"])]


@in_a_loop
async def test_a_read_that_failed_may_be_asked_again_at_once() -> None:
    redis = Store()
    redis.error = RuntimeError("no Redis")
    cache = dual(redis, default_redis_batch_cache_expiry=10)
    assert [await cache.async_batch_get_cache(keys=["a", "b"]) for _ in range(2)] == [None, None]
    assert [cache.batch_get_cache(keys=["c"]) for _ in range(2)] == [None, None]
    assert len(redis.calls) == 4
    assert dict(cache.last_redis_batch_access_time) == {}


@in_a_loop
async def test_a_synchronous_read_uses_the_synchronous_client() -> None:
    """Even where a loop runs: no second loop, no asynchronous client."""
    redis = Store({"a": "far"})
    cache = dual(redis)
    assert cache.batch_get_cache(keys=["a"]) == ["far"]
    assert redis.calls == [("batch get", ["a"])]
    assert cache.in_memory_cache.get_cache("a") == "far"


def test_a_synchronous_read_without_a_loop_is_the_same() -> None:
    redis = Store({"a": "far"})
    cache = dual(redis)
    assert cache.batch_get_cache(keys=["a"]) == ["far"]
    assert redis.calls == [("batch get", ["a"])]


def test_only_what_memory_lacks_is_read_from_redis() -> None:
    redis = Store({"far": 2})
    cache = dual(redis)
    cache.in_memory_cache.set_cache("near", 1)
    assert cache.batch_get_cache(keys=["near", "far"]) == [1, 2]
    assert redis.calls == [("batch get", ["far"])]


def test_an_absent_key_is_not_asked_for_again_soon() -> None:
    redis = Store()
    cache = dual(redis, default_redis_batch_cache_expiry=10)
    assert [cache.batch_get_cache(keys=["a"]) for _ in range(2)] == [[None], [None]]
    assert len(redis.calls) == 1


def test_a_key_that_was_just_asked_for_is_answered_from_memory_alone() -> None:
    redis = Store({"a": "far"})
    cache = dual(redis, default_redis_batch_cache_expiry=10)
    cache.last_redis_batch_access_time["a"] = time.time()
    assert cache.batch_get_cache(keys=["a"]) == [None]
    assert redis.calls == []


@pytest.mark.parametrize("given", [None, 5])
@in_a_loop
async def test_what_comes_from_redis_lives_in_memory_as_what_is_written(given: int | None) -> None:
    cache = dual(Store({"one": "far", "many": "far", "now": "far"}), default_in_memory_ttl=60)
    keywords = {} if given is None else {"ttl": given}
    asked = time.time()
    assert await cache.async_get_cache("one", **keywords) == "far"
    assert await cache.async_batch_get_cache(["many"], **keywords) == ["far"]
    assert cache.batch_get_cache(["now"], **keywords) == ["far"]
    for key in ("one", "many", "now"):
        expires_in(cache, key, given or 60, asked)


@pytest.mark.parametrize("given", [None, 30])
@in_a_loop
async def test_what_is_written_lives_as_long_as_the_cache_says(given: int | None) -> None:
    """The synchronous way and the asynchronous ones alike; without a setting memory's own default holds."""
    keywords = {} if given is None else {"ttl": given}
    for default in (60, None):
        cache = dual(default_in_memory_ttl=default)
        asked = time.time()
        await cache.async_set_cache("one", 1, **keywords)
        await cache.async_set_cache_pipeline([("two", 1), ("three", 1)], **keywords)
        cache.set_cache("now", 1, **keywords)
        for key in ("one", "two", "three", "now"):
            expires_in(cache, key, given or default or 600, asked)


@in_a_loop
async def test_without_memory_a_failed_increment_has_no_result() -> None:
    """Not the amount itself, which a limiter would take for the count."""
    redis = Store()
    redis.error = RuntimeError("no Redis")
    cache = dual(redis)
    cache.in_memory_cache = None
    assert await cache.async_increment_cache("hits", 1.0, ttl=60) is None


@in_a_loop
async def test_with_memory_a_failed_increment_is_memorys() -> None:
    redis = Store({"hits": 10})
    cache = dual(redis)
    assert await cache.async_increment_cache("hits", 1.0, ttl=60) == 11.0
    redis.error = RuntimeError("no Redis")
    assert await cache.async_increment_cache("hits", 1.0, ttl=60) == 2.0


@pytest.mark.parametrize("asynchronous", [True, False])
@in_a_loop
async def test_a_redis_that_comes_later_gets_what_is_written_then(asynchronous: bool) -> None:
    cache, redis = dual(), Store()

    async def write(key: str, value: Any) -> None:
        if asynchronous:
            await cache.async_set_cache(key, value)
        else:
            cache.set_cache(key, value)

    await write("before", {"tier": "memory"})
    cache.attach_redis_cache(redis, default_redis_ttl=99.0)
    assert cache.redis_cache is redis
    assert cache.default_redis_ttl == 99.0
    assert redis.calls == []
    await write("after", {"tier": "both"})
    assert redis.values == {"after": {"tier": "both"}}
    assert cache.in_memory_cache.get_cache("before") == {"tier": "memory"}
    assert cache.in_memory_cache.get_cache("after") == {"tier": "both"}


ASYNCHRONOUS: dict[str, Callable[[Any], Any]] = {
    "get": lambda cache: cache.async_get_cache("a"),
    "batch get": lambda cache: cache.async_batch_get_cache(["a", "b"]),
    "set": lambda cache: cache.async_set_cache("a", 1),
    "set pipeline": lambda cache: cache.async_set_cache_pipeline([("a", 1)]),
    "increment": lambda cache: cache.async_increment_cache("a", 1.0),
    "increment pipeline": lambda cache: cache.async_increment_cache_pipeline(
        increment_list=[{"key": "a", "increment_value": 1.0, "ttl": 60}]
    ),
}
SYNCHRONOUS: dict[str, Callable[[Any], Any]] = {
    "get": lambda cache: cache.get_cache("a"),
    "batch get": lambda cache: cache.batch_get_cache(["a", "b"]),
}


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    return [record.getMessage() for record in caplog.records if "circuit breaker is open" in record.getMessage()]


@pytest.mark.parametrize("call", ASYNCHRONOUS)
@in_a_loop
async def test_an_open_breaker_is_no_error(call: str, caplog: pytest.LogCaptureFixture) -> None:
    cache = dual(Refusing())
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="LiteLLM"):
        await ASYNCHRONOUS[call](cache)
    assert told(caplog)


@pytest.mark.parametrize("call", SYNCHRONOUS)
def test_an_open_breaker_is_no_error_to_synchronous_callers(call: str, caplog: pytest.LogCaptureFixture) -> None:
    cache = dual(Refusing())
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="LiteLLM"):
        SYNCHRONOUS[call](cache)
    assert told(caplog)


@in_a_loop
async def test_a_broken_redis_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    redis = Store()
    redis.error = ConnectionError("redis is down")
    cache = dual(redis)
    with caplog.at_level(logging.DEBUG, logger="LiteLLM"):
        assert await cache.async_get_cache("a") is None
    (error,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert error.getMessage() == "LiteLLM Cache: exception in async_get_cache: redis is down"
    assert error.levelno == logging.ERROR
    assert error.exc_info is not None


@in_a_loop
async def test_behind_an_open_breaker_memory_still_answers() -> None:
    for asynchronous in (True, False):
        cache = dual(Refusing(), default_redis_batch_cache_expiry=10)
        cache.in_memory_cache.set_cache("near", "here")
        keys = ["near", "far"]
        found = await cache.async_batch_get_cache(keys) if asynchronous else cache.batch_get_cache(keys)
        assert list(found) == ["here", None]
        assert "far" not in cache.last_redis_batch_access_time


@in_a_loop
async def test_timeouts_are_told_once_in_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    throttle = redis_cache_module._RedisTimeoutLogThrottle(interval=5.0, clock=lambda: now[0])
    monkeypatch.setattr(redis_cache_module, "_redis_timeout_log_throttle", throttle)
    redis = Store()
    redis.error = RedisTimeoutError("slow")
    cache = dual(redis)
    failed = "Redis async_increment_cache failed, falling back to in-memory result: slow"

    async def warnings(calls: int) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="LiteLLM"):
            for _ in range(calls):
                await cache.async_increment_cache("hits", 1.0)
        assert sum("slow" in record.getMessage() for record in caplog.records) == calls
        told = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert all(record.filename == "dual_cache.py" for record in told)
        return [record.getMessage() for record in told]

    assert await warnings(100) == [failed]
    now[0] += 5.0
    more = "99 more Redis timeouts since the previous Redis timeout line were logged at DEBUG"
    assert await warnings(1) == [f"{failed} ({more})"]


@in_a_loop
async def test_many_keys_are_deleted_in_pieces() -> None:
    redis = Store()
    cache = dual(redis)
    cache.update_in_memory_max_size(10_000)
    keys = [f"entry {entry}" for entry in range(DEFAULT_MAX_REDIS_BATCH_CACHE_SIZE + 7)]
    for key in keys:
        cache.in_memory_cache.set_cache(key, 1)
    await cache.async_delete_cache_keys(keys)
    assert cache.in_memory_cache.cache_dict == {}
    whole = DEFAULT_MAX_REDIS_BATCH_CACHE_SIZE
    assert redis.calls == [("delete", keys[:whole]), ("delete", keys[whole:])]


@in_a_loop
async def test_deleting_nothing_asks_nobody() -> None:
    redis = Store()
    await dual(redis).async_delete_cache_keys([])
    assert redis.calls == []
