"""Calls to a Redis that fails: which of them count, what is told of them and to whom."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import litellm
import pytest
import redis.exceptions
from litellm._service_logger import ServiceLogging
from litellm.caching import redis_cache as module
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.caching.redis_cache import RedisCircuitBreaker, RedisCircuitBreakerOpenError
from litellm.constants import REDIS_CIRCUIT_BREAKER_FAILURE_THRESHOLD as THRESHOLD

from support.limiter import in_a_loop
from support.redis_doubles import on_client

pytestmark = pytest.mark.usefixtures("side")


class Hands:
    """A clock in the place of `time.time`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


def breaker(failures: int = 0, **settings: Any) -> Any:
    made = RedisCircuitBreaker(**{"failure_threshold": 3, "recovery_timeout": 60, **settings})
    for _ in range(failures):
        made.record_failure()
    return made


def dead(**settings: Any) -> Any:
    """A Redis cache whose every command fails."""
    error = ConnectionError("refused")
    client = MagicMock()
    for command in ("get", "mget", "set", "ttl", "incrbyfloat"):
        setattr(client, command, AsyncMock(side_effect=error))
    return on_client(client, **settings)


def incrementing(**behaviour: Any) -> tuple[Any, Any]:
    """A cache whose increments are one command, which behaves so, and that command."""
    client = MagicMock(incrbyfloat=AsyncMock(**behaviour))
    cache = on_client(client)
    cache.default_ttl = None
    return cache, client.incrbyfloat


@in_a_loop
async def test_switched_off_every_call_reaches_redis() -> None:
    cache, command = incrementing(side_effect=ConnectionError("refused"))
    cache._circuit_breaker = breaker(enabled=False)
    for _ in range(10):
        with pytest.raises(ConnectionError, match="refused"):
            await cache.async_increment(key="k", value=1.0)
    assert command.await_count == 10
    assert cache._circuit_breaker.is_open() is False


@in_a_loop
async def test_open_it_asks_nobody() -> None:
    cache, command = incrementing(side_effect=ConnectionError("refused"))
    for _ in range(THRESHOLD):
        with pytest.raises(ConnectionError, match="refused"):
            await cache.async_increment(key="k", value=1.0)
    with pytest.raises(RedisCircuitBreakerOpenError, match="circuit breaker is open"):
        await cache.async_increment(key="k", value=1.0)
    assert command.await_count == THRESHOLD


@in_a_loop
async def test_after_its_time_a_call_that_works_closes_it(hands: Hands) -> None:
    cache, command = incrementing(return_value=1.0)
    cache._circuit_breaker = breaker(5)
    hands.now += 61
    assert await cache.async_increment(key="k", value=1.0) == 1.0
    assert cache._circuit_breaker._state == "closed"
    command.side_effect = ConnectionError("refused")
    cache._circuit_breaker = breaker(5)
    hands.now += 61
    with pytest.raises(ConnectionError):
        await cache.async_increment(key="k", value=1.0)
    assert cache._circuit_breaker._state == "open"


SWALLOWING: dict[str, Callable[[Any], Any]] = {
    "get": lambda cache: cache.async_get_cache("k"),
    "batch get": lambda cache: cache.async_batch_get_cache(["k"]),
    "set": lambda cache: cache.async_set_cache("k", "v"),
    "ttl": lambda cache: cache.async_get_ttl("k"),
}


@pytest.mark.parametrize("call", SWALLOWING)
@in_a_loop
async def test_a_failure_that_a_method_keeps_to_itself_counts(call: str) -> None:
    cache = dead()
    for _ in range(THRESHOLD):
        await SWALLOWING[call](cache)
    with pytest.raises(RedisCircuitBreakerOpenError, match="circuit breaker is open"):
        await SWALLOWING[call](cache)


@in_a_loop
async def test_one_call_that_works_ends_the_row() -> None:
    cache, alive = dead(), MagicMock(get=AsyncMock(return_value=None))
    nobody = cache.init_async_client
    for client, times in ((nobody, THRESHOLD - 1), (lambda: alive, 1), (nobody, THRESHOLD - 1)):
        cache.init_async_client = client
        for _ in range(times):
            await cache.async_get_cache("k")
    assert cache._circuit_breaker.is_open() is False


@in_a_loop
async def test_scripts_count() -> None:
    error = redis.exceptions.ConnectionError("refused")
    cache = on_client(MagicMock(register_script=MagicMock(return_value=AsyncMock(side_effect=error))))
    script = cache.async_register_script("return 'counts'")
    for _ in range(THRESHOLD):
        with pytest.raises(redis.exceptions.ConnectionError):
            await script(keys=["k"], args=[1])
    with pytest.raises(RedisCircuitBreakerOpenError):
        await script(keys=["k"], args=[1])


def test_a_synchronous_batch_is_refused_by_name_and_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    cache = on_client(MagicMock(mget=MagicMock(side_effect=OSError("no Redis"))))
    for _ in range(THRESHOLD):
        assert cache.batch_get_cache(key_list=["k"]) == {}
    caplog.clear()
    with caplog.at_level(logging.INFO), pytest.raises(RedisCircuitBreakerOpenError):
        cache.batch_get_cache(key_list=["k"])
    assert caplog.records == []


def test_a_synchronous_read_counts_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    cache = on_client(MagicMock(get=MagicMock(side_effect=OSError("no Redis"))))
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        for _ in range(THRESHOLD):
            assert cache.get_cache("k") is None
    assert ["no Redis" in record.getMessage() for record in caplog.records] == [True] * THRESHOLD
    with pytest.raises(RedisCircuitBreakerOpenError):
        cache.get_cache("k")


@in_a_loop
async def test_memory_answers_behind_an_open_breaker() -> None:
    cache = dead()
    cache._circuit_breaker = breaker(3)
    memory = InMemoryCache()
    memory.set_cache("near", "here")
    both = DualCache(in_memory_cache=memory, redis_cache=cache)
    assert await both.async_get_cache("near") == "here"
    assert await both.async_get_cache("far") is None


def test_a_failed_batch_is_reported_from_any_thread_and_loop() -> None:
    def reporting() -> tuple[Any, Any]:
        logger = ServiceLogging(mock_testing=True)
        client = MagicMock(mget=MagicMock(side_effect=OSError("no Redis")))
        return on_client(client, service_logger_obj=logger), logger

    cache, logger = reporting()

    async def within() -> None:
        assert cache.batch_get_cache(key_list=["k"]) == {}
        # What was begun for the report ends with the loop's other tasks.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)

    asyncio.run(within())
    assert (logger.mock_testing_sync_failure_hook, logger.mock_testing_async_failure_hook) == (1, 1)
    cache, logger = reporting()
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(cache.batch_get_cache, key_list=["k"]).result() == {}
    assert logger.mock_testing_async_failure_hook == 1


def test_a_report_that_fails_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logger: Any = ServiceLogging(mock_testing=True)
    cache = on_client(MagicMock(mget=MagicMock(side_effect=OSError("no Redis"))), service_logger_obj=logger)
    monkeypatch.setattr(litellm, "service_callback", ["prometheus_system"])
    logger.init_prometheus_services_logger_if_none = AsyncMock(side_effect=Exception("misconfigured"))
    with ThreadPoolExecutor(max_workers=1) as pool:
        for _ in range(THRESHOLD):
            assert pool.submit(cache.batch_get_cache, key_list=["k"]).result() == {}
    with pytest.raises(RedisCircuitBreakerOpenError):
        cache.batch_get_cache(key_list=["k"])


def test_the_caller_that_is_reported_is_the_caches_own() -> None:
    """Neither the guard's frames nor, with accel, anything of accel's."""

    class Guarded:
        _circuit_breaker = breaker()

        @module._redis_circuit_breaker_guard_sync
        def probe(self) -> str:
            return module._get_call_stack_info()

    def inner() -> Any:
        return Guarded().probe()

    def outer() -> Any:
        return inner()

    assert outer() == "inner <- outer"
