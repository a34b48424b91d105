"""Cooldowns of deployments: until when they hold, and who sees them."""

import time
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.router_utils.cooldown_cache import CooldownCache

from support.limiter import Moment, in_a_loop
from support.redis_doubles import Store

pytestmark = pytest.mark.usefixtures("side")


def cooldowns(cache: Any = None, **settings: Any) -> Any:
    return CooldownCache(
        cache=cache or DualCache(in_memory_cache=InMemoryCache()), default_cooldown_time=60.0, **settings
    )


def entry(began: float, lasts: float = 60.0) -> dict[str, Any]:
    return {"exception_received": "limit", "status_code": "429", "timestamp": began, "cooldown_time": lasts}


@pytest.mark.parametrize(("ago", "active"), [(120.0, False), (30.0, True), (0.0, True)])
@in_a_loop
async def test_a_cooldown_ends_by_its_own_time(ago: float, active: bool, moment: Moment) -> None:
    """However long its entry would live: that is shortened to what is left, a minute at most."""
    for asynchronous in (False, True):
        cache = cooldowns()
        key = CooldownCache.get_cooldown_cache_key("d")
        cache.in_memory_cache.set_cache(key, entry(time.time() - ago), ttl=600)
        if asynchronous:
            found = await cache.async_get_active_cooldowns(model_ids=["d"], parent_otel_span=None)
        else:
            found = cache.get_active_cooldowns(model_ids=["d"], parent_otel_span=None)
        assert [name for name, _ in found] == (["d"] if active else [])
        assert (cache.in_memory_cache.get_cache(key) is not None) is active
        if active:
            assert cache.in_memory_cache.ttl_dict[key] - time.time() == 60.0 - ago


def test_an_entry_that_ends_with_its_cooldown_is_left(moment: Moment) -> None:
    cache = cooldowns()
    key = CooldownCache.get_cooldown_cache_key("d")
    value = entry(time.time())
    cache.in_memory_cache.set_cache(key, value, ttl=60)
    before = cache.in_memory_cache.ttl_dict[key]
    assert cache._corrected_active_cooldown(key, dict(value), current_time=time.time()) is not None
    assert cache.in_memory_cache.ttl_dict[key] == before
    moment.advance(61)
    assert cache._corrected_active_cooldown(key, dict(value), current_time=time.time()) is None


def cool(cache: Any) -> None:
    cache.add_deployment_to_cooldown(
        model_id="d", original_exception=Exception("failed"), exception_status=500, cooldown_time=30.0
    )


@pytest.mark.parametrize(("settings", "seconds"), [({"redis_read_interval_seconds": 0.25}, 0.3), ({}, 1.2)])
@in_a_loop
async def test_another_instances_cooldown_is_seen_soon(settings: Any, seconds: float, moment: Moment) -> None:
    redis = Store()
    first, second = (
        cooldowns(DualCache(in_memory_cache=InMemoryCache(), redis_cache=redis), **settings)  # type: ignore[arg-type]
        for _ in range(2)
    )
    assert await second.async_get_active_cooldowns(["d"], parent_otel_span=None) == []
    cool(first)
    moment.advance(seconds)
    found = await second.async_get_active_cooldowns(["d"], parent_otel_span=None)
    assert [name for name, _ in found] == ["d"]


@in_a_loop
async def test_a_redis_that_comes_later_gets_cooldowns_too() -> None:
    router, redis = DualCache(in_memory_cache=InMemoryCache()), Store()
    writer = cooldowns(router)
    router.attach_redis_cache(redis)  # type: ignore[arg-type]
    cool(writer)
    assert list(redis.values) == ["deployment:d:cooldown"]


@in_a_loop
async def test_what_else_is_in_the_routers_cache_evicts_no_cooldown() -> None:
    router: Any = DualCache(in_memory_cache=InMemoryCache())
    cache = cooldowns(router)
    cool(cache)
    for number in range(400):
        router.set_cache(f"entry {number}", {"n": number})
    found = await cache.async_get_active_cooldowns(["d"], parent_otel_span=None)
    assert [name for name, _ in found] == ["d"]


@pytest.mark.parametrize("text", ["short", "x" * 100])
def test_what_is_kept_of_an_error_is_its_beginning(text: str) -> None:
    key, value = cooldowns()._common_add_cooldown_logic(
        model_id="d", original_exception=ValueError(text), exception_status=500, cooldown_time=45.0
    )
    assert key == "deployment:d:cooldown"
    assert value["exception_received"] == text[:50] + "*" * len(text[50:])
    assert (value["status_code"], value["cooldown_time"], type(value["timestamp"])) == ("500", 45.0, float)
