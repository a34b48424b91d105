"""Increments of the in-memory store and of both tiers: none is lost."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache

from support.limiter import in_a_loop

pytestmark = pytest.mark.usefixtures("side")


def hammer(increment: Any, threads: int = 8, each: int = 100) -> None:
    barrier = threading.Barrier(threads)

    def run(_: int) -> None:
        barrier.wait()
        for _ in range(each):
            increment()

    with ThreadPoolExecutor(max_workers=threads) as pool:
        list(pool.map(run, range(threads)))


def test_increments_of_threads_are_not_lost() -> None:
    cache = InMemoryCache()
    cache.set_cache("hits", 7)
    hammer(lambda: cache.increment_cache("hits", 1))
    assert cache.get_cache("hits") == 807


class Adding(int):
    """An int with an addition of its own, during which other threads run."""

    busy = threading.Lock()

    def __add__(self, value: int) -> "Adding":
        assert self.busy.acquire(blocking=False), "two additions at once"
        time.sleep(0)
        self.busy.release()
        return Adding(int(self) + value)


def test_an_int_that_adds_by_itself_is_added_one_at_a_time() -> None:
    cache = InMemoryCache()
    cache.set_cache("hits", Adding(1000))
    hammer(lambda: cache.increment_cache("hits", 1), each=5)
    found = cache.get_cache("hits")
    assert (found, type(found)) == (1040, Adding)


def test_an_increment_reads_by_the_caches_own_reader() -> None:
    """Which somebody may have replaced on the instance."""
    cache: Any = InMemoryCache()
    cache.set_cache("hits", 1)
    asked: list[str] = []
    kept = cache.get_cache

    def reader(*arguments: Any, **keywords: Any) -> Any:
        asked.append(keywords["key"] if "key" in keywords else arguments[0])
        return kept(*arguments, **keywords)

    cache.get_cache = reader
    hammer(lambda: cache.increment_cache("hits", 1), each=10)
    assert cache.get_cache("hits") == 81
    assert asked == ["hits"] * 81


@in_a_loop
async def test_an_asynchronous_increment_does_not_suspend() -> None:
    """It is the synchronous one, so that tasks lose nothing although reading and writing are replaced."""
    cache: Any = InMemoryCache()
    assert await cache.async_increment("hits", 2) == 2
    assert await cache.async_increment("hits", 3) == 5
    read, write = cache.async_get_cache, cache.async_set_cache

    async def slow_read(*arguments: Any, **keywords: Any) -> Any:
        found = await read(*arguments, **keywords)
        await asyncio.sleep(0)
        return found

    async def slow_write(*arguments: Any, **keywords: Any) -> None:
        await asyncio.sleep(0)
        await write(*arguments, **keywords)

    cache.async_get_cache, cache.async_set_cache = slow_read, slow_write

    async def work() -> None:
        for _ in range(50):
            await cache.async_increment("hits", 1)
            await asyncio.sleep(0)

    await asyncio.gather(*(work() for _ in range(8)))
    assert await cache.async_get_cache("hits") == 405


def test_both_tiers_without_a_redis_count_exactly() -> None:
    memory = InMemoryCache()
    cache: Any = DualCache(in_memory_cache=memory, redis_cache=None)
    cache.set_cache("hits", 0)
    hammer(lambda: cache.increment_cache("hits", 1))
    assert cache.get_cache("hits") == 800
    assert memory.get_cache("hits") == 800


@in_a_loop
async def test_tasks_on_both_tiers_count_exactly() -> None:
    cache: Any = DualCache(in_memory_cache=InMemoryCache(), redis_cache=None)
    await cache.async_set_cache("hits", 0)

    async def work() -> None:
        for _ in range(50):
            await cache.async_increment_cache("hits", 1)
            await asyncio.sleep(0)

    await asyncio.gather(*(work() for _ in range(8)))
    assert await cache.async_get_cache("hits") == 400
