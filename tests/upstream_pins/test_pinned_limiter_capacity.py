"""The capacity that counting tokens asks for, beside the request that asks."""

import asyncio
import time
from typing import Any

import litellm
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.proxy.hooks.parallel_request_limiter_v3 import get_or_create_request_stash
from litellm.proxy.utils import InternalUsageCache

from support.limiter import (
    MODEL,
    caller,
    in_a_loop,
    limiter,
    stash,
)

pytestmark = pytest.mark.usefixtures("side")

GAUGE = "{api_key:key}:max_parallel_requests"


@pytest.mark.parametrize("end", ["return", "error", "cancel"])
@in_a_loop
async def test_the_capacity_that_counting_asks_for_is_freed(end: str) -> None:
    handler, who = limiter(), caller(max_parallel_requests=1)
    entered, may_end = asyncio.Event(), asyncio.Event()

    async def holder() -> None:
        async with handler.request_capacity(who, MODEL):
            entered.set()
            await may_end.wait()
            if end == "error":
                raise RuntimeError("the provider failed")

    task = asyncio.create_task(holder())
    await entered.wait()
    for _ in range(2):
        with pytest.raises(litellm.RateLimitError):
            async with handler.request_capacity(who, MODEL):
                raise AssertionError("the slot was taken")
    if end == "cancel":
        task.cancel()
    may_end.set()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    expected = {"return": type(None), "error": RuntimeError, "cancel": asyncio.CancelledError}
    assert type(result) is expected[end]
    async with handler.request_capacity(who, MODEL):
        pass


@in_a_loop
async def test_that_capacity_is_beside_the_requests_own() -> None:
    limits = {"model_tpm_limit": {MODEL: 1}, "model_itpm_limit": {MODEL: 1}, "model_otpm_limit": {MODEL: 1}}
    who = caller(rpm_limit=5, tpm_limit=1, max_parallel_requests=1, project_id="p", project_metadata=limits)
    handler = limiter()
    cache = handler.internal_usage_cache.dual_cache
    scopes = [("api_key", "key"), *((f"model_per_project{kind}", f"p:{MODEL}") for kind in ("", "_itpm", "_otpm"))]
    for scope, value in scopes:
        await cache.async_set_cache(f"{{{scope}:{value}}}:window", str(int(time.time())), ttl=60)
        await cache.async_set_cache(f"{{{scope}:{value}}}:tokens", 100, ttl=60)
    parent = get_or_create_request_stash()
    parent.reserved_tokens, parent.parallel_slot = 123, {"slot_id": "mine", "counter_keys": ["elsewhere"]}
    for _ in range(2):
        async with handler.request_capacity(who, MODEL):
            assert stash() is parent
            assert parent.parallel_slot["slot_id"] == "mine"
    assert parent.reserved_tokens == 123
    for scope, value in scopes:
        assert await cache.async_get_cache(f"{{{scope}:{value}}}:tokens") == 100


class Held:
    """A usage cache of somebody's own: writing the gauge takes until it is told to go on."""

    def __init__(self) -> None:
        self.inner = InternalUsageCache(DualCache())
        self.dual_cache = self.inner.dual_cache
        self.async_get_cache = self.inner.async_get_cache
        self.async_batch_get_cache = self.inner.async_batch_get_cache
        self.taken, self.may_take = asyncio.Event(), asyncio.Event()
        self.freed, self.may_free = asyncio.Event(), asyncio.Event()

    async def async_set_cache(self, key: Any, value: Any, **keywords: Any) -> None:
        await self.inner.async_set_cache(key=key, value=value, **keywords)
        if not key.endswith(":max_parallel_requests"):
            return
        begun, go_on = (self.taken, self.may_take) if value else (self.freed, self.may_free)
        begun.set()
        await go_on.wait()


@in_a_loop
async def test_that_capacity_is_freed_however_often_it_is_cancelled() -> None:
    held: Any = Held()
    handler, who = limiter(), caller(max_parallel_requests=1)
    handler.internal_usage_cache = held

    async def holder() -> None:
        async with handler.request_capacity(who, MODEL):
            raise AssertionError("it was cancelled before")

    task = asyncio.create_task(holder())
    await held.taken.wait()
    task.cancel()
    await asyncio.sleep(0)
    held.may_take.set()
    await held.freed.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    held.may_free.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with handler.request_capacity(who, MODEL):
        pass


@in_a_loop
async def test_a_refusal_leaves_the_count_of_other_instances() -> None:
    cache = DualCache()
    handler, who = limiter(cache), caller(max_parallel_requests=1)
    await cache.async_set_cache(GAUGE, 1, ttl=60, local_only=True)
    for _ in range(2):
        with pytest.raises(litellm.RateLimitError):
            async with handler.request_capacity(who, MODEL):
                raise AssertionError("another instance has the slot")
        assert await cache.async_get_cache(GAUGE, local_only=True) == 1
