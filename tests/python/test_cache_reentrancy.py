"""Code that runs inside a cache's operations: finalizers, clocks, sizes, the collector, and who counts beside."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import accel  # isort: skip  # before LiteLLM, as users are told

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.proxy.utils import InternalUsageCache

from accel import _accel, native
from accel.errors import Declined
from accel.features.caching.memory import CACHES

NOW_S = 1_795_000_000
LIMITER = _accel.Limiter(CACHES.get())

count_detached: Any = getattr(_accel, "_count_detached_for_test", None)
beside = pytest.mark.skipif(count_detached is None, reason="needs the cargo feature panic-test")


def _cache(**settings: Any) -> Any:
    cache: Any = InMemoryCache(**settings)
    assert type(cache.cache_dict) is _accel.CacheView
    return cache


def _descriptor(**limits: int) -> dict[str, Any]:
    return {"key": "api_key", "value": "a", "rate_limit": limits}


class Finalized:
    """Garbage in a cycle, whose end calls a cache back."""

    def __init__(self, call: Any) -> None:
        self.itself = self
        self.call = call

    def __del__(self) -> None:
        self.call()


@contextmanager
def _collected_at_every_chance() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@pytest.mark.timeout(60)
def test_a_finalizer_may_use_the_cache_during_any_operation() -> None:
    cache = _cache(max_size_in_memory=5)
    ended = []

    def back() -> None:
        cache.get_cache("k1")
        cache.set_cache("of the end", 1)
        ended.append(1)

    descriptors = [_descriptor(requests_per_unit=10_000, max_parallel_requests=10_000)]
    with _collected_at_every_chance():
        for number in range(200):
            Finalized(back)
            cache.cache_dict["raw"] = "\ud800"  # no Unicode: reading it makes an exception
            cache.cache_dict["large"] = 2**70
            cache.ttl_dict["raw"] = 5.0
            cache.set_cache(f"k{number % 7}", {"object": Finalized(back)})
            cache.set_cache("k1", number)
            cache.increment_cache("sum", 1)
            cache.get_cache("raw")
            LIMITER.admit(cache, descriptors, NOW_S + 0.5, 60, True, str(number), False)
            list(cache.cache_dict.items())
            cache.cache_dict.pop("large", None)
            cache.evict_cache()
    gc.collect()
    assert len(ended) > 200


def test_an_object_whose_end_puts_its_successor() -> None:
    cache = _cache()

    class Last:
        def __del__(self) -> None:
            cache.set_cache("key", "successor of " + str(cache.get_cache("key")))

    cache.set_cache("key", Last())
    cache.set_cache("key", 7)
    assert cache.get_cache("key") == "successor of 7"
    cache.set_cache("key", Last())
    cache.delete_cache("key")
    assert cache.get_cache("key") == "successor of None"


def test_a_size_and_a_clock_that_use_the_same_cache() -> None:
    depth = []

    def clock() -> float:
        if not depth:
            depth.append(1)
            cache.set_cache("of the clock", 1, ttl=5)
            depth.pop()
        return time.time()

    class Sized:
        def __sizeof__(self) -> int:
            cache.set_cache("of the size", cache.get_cache("of the size") or 0)
            return 100

    cache = _cache(clock=clock)
    value = Sized()
    cache.set_cache("key", value)
    assert cache.get_cache("key") is value
    assert (cache.get_cache("of the clock"), cache.get_cache("of the size")) == (1, 0)


def test_a_cache_in_a_cycle_is_collected() -> None:
    cache = _cache()
    value = type("Value", (), {})()
    value.cache = cache
    cache.set_cache("key", value)
    cache.cache_dict[("no", "text")] = value
    gone = weakref.ref(value)
    del cache, value
    gc.collect()
    assert gone() is None


def test_what_was_charged_on_redis_is_never_declined_afterwards() -> None:
    """Else LiteLLM would charge it again."""
    cache = _cache()
    descriptors = [_descriptor(requests_per_unit=5)]
    question = LIMITER.ask(cache, descriptors, [], float(NOW_S), 60, True, "slot", None, [], False)
    descriptors[0]["key"] = 5
    with pytest.raises(TypeError) as raised:
        question.answered([str(NOW_S).encode(), 1])
    assert not isinstance(raised.value, Declined)


def test_numbers_at_the_end_of_their_range_are_litellms() -> None:
    for number in (-(2**63), 2**63 - 1, 2**52, -(2**52)):
        cache = _cache()
        cache.set_cache("{api_key:a}:tokens", number)
        with pytest.raises(Declined):
            LIMITER.add(cache, [("{api_key:a}:tokens", -1)])
        with pytest.raises(Declined):
            LIMITER.reserve(cache, [_descriptor(tokens_per_unit=5)], number, NOW_S, 60, [])
        assert cache.get_cache("{api_key:a}:tokens") == number
        assert cache.increment_cache("{api_key:a}:tokens", -1) == number - 1


def test_the_heap_is_popped_as_far_as_litellm_pops_it() -> None:
    caches = [_cache(max_size_in_memory=3, clock=lambda: 100.0) for _ in range(2)]
    native_cache, plain = caches
    plain.cache_dict, plain.ttl_dict = {}, {}
    for cache in caches:
        for ttl, key in enumerate("abcde"):
            cache.set_cache(key, 1, ttl=ttl + 1)
        cache.delete_cache("d")
        cache.set_cache("f", 1, ttl=9)
        cache.set_cache("g", 1, ttl=9)
    assert sorted(native_cache.expiration_heap) == sorted(plain.expiration_heap)
    assert dict(native_cache.cache_dict) == plain.cache_dict


@beside
def test_what_was_counted_beside_is_evicted_by_the_heap_like_anything() -> None:
    cache = _cache(max_size_in_memory=4, clock=lambda: float(NOW_S))
    store = cache.cache_dict.store
    assert count_detached(store, "api_key:a", 2, NOW_S, 4) == 2
    assert count_detached(store, "api_key:b", 1, NOW_S, 4) == 0, "no free room"
    assert cache.expiration_heap == []
    assert cache.get_cache("{api_key:a}:requests") == 2
    cache.set_cache("one", 1, ttl=9)
    assert len(cache.expiration_heap) == 4
    cache.set_cache("two", 2, ttl=9_000)
    cache.set_cache("three", 3, ttl=9_000)
    assert sorted(cache.cache_dict) == ["three", "two", "{api_key:a}:tokens", "{api_key:a}:window"]


@beside
def test_an_object_displaced_beside_ends_with_the_next_operation() -> None:
    cache = _cache(clock=lambda: float(NOW_S))
    value = type("Value", (), {})()
    gone = weakref.ref(value)
    cache.set_cache("{api_key:a}:tokens", value)
    del value
    assert count_detached(cache.cache_dict.store, "api_key:a", 1, NOW_S, 200) == 1
    assert gone() is not None
    cache.set_cache("other", 1)
    assert gone() is None


@beside
@pytest.mark.timeout(120)
def test_nothing_is_lost_or_collected_while_others_count_beside() -> None:
    gc.freeze()  # so that a collection is short, and there are many
    handler = v3._PROXY_MaxParallelRequestsHandler_v3(
        internal_usage_cache=InternalUsageCache(
            DualCache(in_memory_cache=InMemoryCache(clock=lambda: float(NOW_S)))
        ),
        time_provider=lambda: datetime.fromtimestamp(NOW_S),
    )
    cache: Any = handler.internal_usage_cache.dual_cache.in_memory_cache
    assert type(cache.cache_dict) is _accel.CacheView
    # Each of these is known to the cache alone.
    ended: list[int] = []
    kept = []
    for number in range(50):
        value = Finalized(lambda: ended.append(1))
        kept.append(weakref.ref(value))
        cache.set_cache(f"object {number}", value)
    del value
    store, counted = cache.cache_dict.store, []

    def count() -> None:
        counted.append(count_detached(store, "api_key:a", 300_000, NOW_S, 200))

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    descriptors, here = [_descriptor(requests_per_unit=10**9)], 0
    while any(thread.is_alive() for thread in threads):
        gc.collect()
        for _ in range(10):
            LIMITER.admit(cache, descriptors, float(NOW_S), 3_600, True, "slot", False)
            here += 1
            cache.increment_cache("{api_key:a}:requests", 1)
            here += 1
    for thread in threads:
        thread.join()
    gc.unfreeze()
    assert cache.get_cache("{api_key:a}:requests") == here + sum(counted)
    assert sum(counted) > 0
    assert not ended
    assert [cache.get_cache(f"object {number}") for number in range(50)] == [one() for one in kept]


def test_the_native_module_is_the_one_under_test() -> None:
    assert native.module is _accel
    assert accel.status().features["caching"]["mode"] == "on"
