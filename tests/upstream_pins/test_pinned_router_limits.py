"""The router's own counters: requests in flight of a deployment, usage by the minute, cooldowns."""

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import AsyncMock

import litellm
import pytest
from litellm import Router
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.router_strategy.base_routing_strategy import BaseRoutingStrategy
from litellm.router_strategy.lowest_tpm_rpm_v2 import LowestTPMLoggingHandler_v2
from litellm.router_utils.client_initalization_utils import MaxParallelRequestsLimit
from litellm.types.router import RouterErrors

from support.limiter import HELLO, in_a_loop

pytestmark = pytest.mark.usefixtures("side")


def deployment(name: str, **parameters: Any) -> Any:
    parameters = {"model": "openai/gpt-4o", "api_key": "k", "mock_response": f"from {name}", **parameters}
    return {"model_name": "m", "litellm_params": parameters, "model_info": {"id": name}}


async def hold(limit: Any, release: asyncio.Event) -> str:
    try:
        with limit:
            await release.wait()
            return "ok"
    except litellm.RateLimitError as error:
        return f"{error.status_code}: {error.message}"


@in_a_loop
async def test_a_deployment_has_so_many_requests_in_flight() -> None:
    limit: Any = MaxParallelRequestsLimit(max_parallel_requests=3, model_id="d", model_group="m")
    release = asyncio.Event()
    tasks = [asyncio.create_task(hold(limit, release)) for _ in range(10)]
    await asyncio.sleep(0)
    assert limit.in_flight == 3
    release.set()
    outcomes = await asyncio.gather(*tasks)
    assert outcomes[:3] == ["ok"] * 3
    assert all(outcome.startswith("429") for outcome in outcomes[3:]), "at once, and not after a while"
    assert all(part in outcomes[3] for part in ("id=d", "model_group=m", "max_parallel_requests=3"))
    with pytest.raises(RuntimeError), limit:
        raise RuntimeError("the provider failed")
    assert limit.in_flight == 0


@pytest.mark.parametrize(
    ("parameters", "limit"),
    [
        ({"max_parallel_requests": 2, "rpm": 7, "tpm": 100_000}, 2),
        ({"rpm": 7, "tpm": 100_000}, 7),
        ({"tpm": 100_000}, 600),
        ({"tpm": 100}, 1),
        ({}, None),
    ],
)
def test_how_many_follows_from_its_limits(parameters: dict[str, int], limit: int | None) -> None:
    router: Any = Router(model_list=[deployment("d", **parameters)])
    found = router.get_deployment_by_model_group_name(model_group_name="m").model_dump()
    client = router._get_client(deployment=found, kwargs={}, client_type="max_parallel_requests")
    assert (client and client.max_parallel_requests) == limit
    if limit is not None:
        assert router.cache.in_memory_cache.cache_dict["d_max_parallel_requests_client"] is client


def strategy(cache: Any) -> Any:
    return BaseRoutingStrategy(dual_cache=cache, should_batch_redis_writes=False, default_sync_interval=1)


@in_a_loop
async def test_an_increment_is_memorys_at_once_and_redis_later() -> None:
    redis = AsyncMock()
    cache: Any = DualCache(in_memory_cache=InMemoryCache(), redis_cache=redis)
    strategic = strategy(cache)
    await strategic._increment_value_in_current_window("k", 10.0, 3600)
    assert cache.in_memory_cache.cache_dict == {"k": 10.0}
    assert strategic.redis_increment_operation_queue == [{"key": "k", "increment_value": 10.0, "ttl": 3600}]
    await strategic._increment_value_in_current_window("k", 5.0, 3600)
    redis.async_increment_pipeline.return_value = [15.0]
    await strategic._push_in_memory_increments_to_redis()
    assert redis.async_increment_pipeline.await_count == 1
    assert strategic.redis_increment_operation_queue == []


@in_a_loop
async def test_what_came_meanwhile_is_added_to_what_redis_says() -> None:
    memory = InMemoryCache()
    strategic = strategy(DualCache(in_memory_cache=memory))
    memory.set_cache("k", 5.0)

    async def push(increment_list: Any, **_keywords: Any) -> list[float]:
        memory.increment_cache("k", 3.0)
        return [15.0]

    strategic.dual_cache.redis_cache = AsyncMock(async_increment_pipeline=push)
    strategic.in_memory_keys_to_update = {"k"}
    strategic.redis_increment_operation_queue = [{"key": "k", "increment_value": 10, "ttl": 3600}]
    await strategic._sync_in_memory_spend_with_redis()
    assert memory.get_cache("k") == 18.0
    assert strategic.in_memory_keys_to_update == {"k"}


@in_a_loop
async def test_the_keys_that_are_read_again() -> None:
    strategic = strategy(DualCache())
    for key in ("a", "b", "a"):
        strategic.add_to_in_memory_keys_to_update(key)
    assert strategic.get_in_memory_keys_to_update() == {"a", "b"}
    strategic.reset_in_memory_keys_to_update()
    assert strategic.get_in_memory_keys_to_update() == set()


@in_a_loop
async def test_an_open_breaker_is_no_error_ten_times_a_second(caplog: pytest.LogCaptureFixture) -> None:
    from litellm.caching.redis_cache import RedisCircuitBreakerOpenError

    redis = AsyncMock()
    redis.async_increment_pipeline.side_effect = RedisCircuitBreakerOpenError("Redis circuit breaker is open")
    strategic = strategy(DualCache(redis_cache=redis))
    strategic.redis_increment_operation_queue = [{"key": "k", "increment_value": 1.0, "ttl": 60}]
    caplog.clear()
    with caplog.at_level("ERROR"):
        await strategic._push_in_memory_increments_to_redis()
    assert caplog.records == []
    assert strategic.redis_increment_operation_queue == []


def used(name: str, tokens: int) -> dict[str, Any]:
    """What the callback of a strategy is told."""
    payload = {"model_group": "m", "model_id": name, "total_tokens": tokens}
    payload["hidden_params"] = {"litellm_model_name": "openai/gpt-4o"}  # type: ignore[assignment]
    parameters = {"metadata": {"model_group": "m"}, "model_info": {"id": name}}
    return {"litellm_params": parameters, "standard_logging_object": payload}


def test_usage_stands_under_the_deployment_and_the_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 21, 12, 34, tzinfo=timezone.utc)
    monkeypatch.setattr("litellm.router_strategy.lowest_tpm_rpm_v2.get_utc_datetime", lambda: now)
    cache: Any = DualCache()
    logger: Any = LowestTPMLoggingHandler_v2(router_cache=cache)
    logger.pre_call_check(deployment=deployment("d"))
    logger.log_success_event(response_obj={}, kwargs=used("d", 50), start_time=0, end_time=1)
    assert cache.in_memory_cache.cache_dict == {
        "d:openai/gpt-4o:rpm:12-34": 1,
        "d:openai/gpt-4o:tpm:12-34": 50,
    }
    logger.log_success_event(response_obj={}, kwargs=used("e", 20), start_time=0, end_time=1)
    both = [deployment("d"), deployment("e")]
    chosen = logger.get_available_deployments(model_group="m", healthy_deployments=both, input=["hello"])
    assert chosen["model_info"]["id"] == "e", "the one with less"


def test_a_deployment_at_its_limit_is_none() -> None:
    logger: Any = LowestTPMLoggingHandler_v2(router_cache=DualCache())
    both = [deployment("d", rpm=1), deployment("e", rpm=10)]
    left = logger._return_potential_deployments(
        healthy_deployments=both,
        all_deployments={"d:tpm:02-17": 0, "e:tpm:02-17": 0},
        input_tokens=98,
        rpm_dict={"d": 1, "e": None},
    )
    assert [found["model_info"]["id"] for found in left] == ["e"]
    for limit, tokens in ((1440, 1439), (0, 0)):
        router: Any = Router(model_list=[deployment("d", tpm=limit)], routing_strategy="usage-based-routing-v2")
        if tokens:
            router.lowesttpm_logger_v2.log_success_event(
                response_obj={}, kwargs=used("d", tokens), start_time=0, end_time=1
            )
        with pytest.raises((litellm.RateLimitError, ValueError)):
            router.get_available_deployment(model="m", messages=HELLO * 3)


@in_a_loop
async def test_counters_that_were_read_before_are_used_if_they_are_all_there() -> None:
    from litellm.router_strategy.lowest_tpm_rpm_v2 import PrefetchedUsage

    cache: Any = DualCache()
    cache.async_batch_get_cache = AsyncMock(return_value=[100, 10, None, None])
    logger: Any = LowestTPMLoggingHandler_v2(router_cache=cache)
    both = [deployment("d"), deployment("e")]
    tokens, requests = logger.usage_counter_keys(both)
    keys = [*tokens, *requests]

    async def chosen(known: list[str], values: list[Any]) -> str:
        usage = PrefetchedUsage(keys=frozenset(known), values=dict(zip(known, values, strict=True)))
        with PrefetchedUsage.scoped(usage):
            found = await logger.async_get_available_deployments(model_group="m", healthy_deployments=both)
        name: str = found["model_info"]["id"]
        return name

    assert await chosen(keys, [10, 100, None, None]) == "d"
    cache.async_batch_get_cache.assert_not_awaited()
    assert await chosen(keys[:1], [10]) == "e"
    cache.async_batch_get_cache.assert_awaited_once_with(keys=keys)


@pytest.mark.parametrize(("recorded", "served"), [(1, True), (3, False)])
@pytest.mark.parametrize("checks", [True, False])
def test_usage_by_the_first_strategy_is_read_from_the_routers_cache(
    recorded: int, served: bool, checks: bool
) -> None:
    router: Any = Router(
        model_list=[{**deployment("d"), "rpm": 3}],
        routing_strategy="usage-based-routing",
        enable_pre_call_checks=checks,
        num_retries=0,
    )
    now = datetime.now()
    for minute in (-1, 0, 1):
        key = f"m:rpm:{(now + timedelta(minutes=minute)).strftime('%H-%M')}"
        router.cache.set_cache(key, {"d": recorded}, ttl=float("inf"))
    if served:
        assert router.completion(model="m", messages=HELLO).choices[0].message.content == "from d"
        return
    with pytest.raises(ValueError, match=RouterErrors.no_deployments_available.value):
        router.completion(model="m", messages=HELLO)


def test_the_first_strategy_takes_the_one_with_less() -> None:
    router: Any = Router(
        model_list=[deployment("d"), deployment("e")], routing_strategy="usage-based-routing", num_retries=0
    )
    now = datetime.now()
    for minute in range(-1, 2):
        key = f"m:tpm:{(now + timedelta(minutes=minute)).strftime('%H-%M')}"
        router.cache.set_cache(key, {"d": 100, "e": 1}, ttl=float("inf"))
    assert router.get_available_deployment(model="m", messages=HELLO)["model_info"]["id"] == "e"
