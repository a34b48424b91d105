"""Several caches read with one question to their Redis; each stays what it is."""

from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache

from support.limiter import in_a_loop
from support.redis_doubles import Refusing, Store

pytestmark = pytest.mark.usefixtures("side")
shared = DualCache.async_batch_get_cache_shared


def dual(redis: Any, **near: Any) -> Any:
    memory = InMemoryCache()
    for key, value in near.items():
        memory.set_cache(key, value)
    return DualCache(in_memory_cache=memory, redis_cache=redis, default_redis_batch_cache_expiry=10)


@in_a_loop
async def test_one_question_for_two_caches() -> None:
    redis = Store({"a1": 1, "b2": "x"})
    first, second = dual(redis), dual(redis)
    assert await shared([(first, ["a1", "a2"]), (second, ["b1", "b2"])]) == [[1, None], [None, "x"]]
    assert redis.calls == [("async batch get", ["a1", "a2", "b1", "b2"])]
    assert first.in_memory_cache.cache_dict == {"a1": 1}
    assert second.in_memory_cache.cache_dict == {"b2": "x"}


@in_a_loop
async def test_each_memory_answers_first_and_each_key_waits_its_time() -> None:
    redis = Store({"a2": 2, "b1": 4})
    first, second = dual(redis, a1=5), dual(redis, b1=3)
    reads = [(first, ["a1", "a2"]), (second, ["b1"])]
    assert await shared(reads) == [[5, 2], [3]]
    assert redis.calls == [("async batch get", ["a2"])]
    first.in_memory_cache.delete_cache("a2")
    assert await shared(reads) == [[5, None], [3]], "a2 was asked for a moment ago"
    assert len(redis.calls) == 1


@in_a_loop
async def test_a_failure_is_to_each_what_its_own_would_be() -> None:
    redis = Store()
    redis.error = ConnectionError("no Redis")
    first, second, third = dual(redis), dual(redis), dual(redis, c1="here")
    together = await shared([(first, ["a1"]), (second, ["b1"]), (third, ["c1"])])
    alone = [await cache.async_batch_get_cache(keys=[key]) for cache, key in ((first, "a1"), (second, "b1"))]
    assert together == [*alone, ["here"]] == [None, None, ["here"]]
    assert dict(first.last_redis_batch_access_time) == dict(second.last_redis_batch_access_time) == {}


@in_a_loop
async def test_behind_an_open_breaker_each_memory_answers() -> None:
    redis = Refusing()
    first, second = dual(redis, k1="here"), dual(redis)
    assert await shared([(first, ["k1", "k2"]), (second, ["k3"])]) == [["here", None], [None]]
    assert dict(first.last_redis_batch_access_time) == dict(second.last_redis_batch_access_time) == {}


@in_a_loop
async def test_a_cache_on_another_redis_reads_by_itself() -> None:
    one, other = Store({"a1": 1}), Store({"b1": 2})
    reads = [(dual(one), ["a1"]), (dual(other), ["b1"]), (dual(None, m1="m"), ["m1", "m2"])]
    assert await shared(reads) == [[1], [2], ["m", None]]
    assert one.calls == [("async batch get", ["a1"])]
    assert other.calls == [("async batch get", ["b1"])]
