"""The strategy of the least busy deployment: how many calls each has under way, and who has fewest."""

import logging
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.caching.redis_cache import RedisCircuitBreakerOpenError
from litellm.router_strategy.least_busy import IN_FLIGHT_COUNT_TTL_SECONDS, LeastBusyLoggingHandler

from support.limiter import in_a_loop
from support.routes import picked, routed, row

pytestmark = pytest.mark.usefixtures("side")

D, E, F = ALL = [row("d"), row("e"), row("f")]
KEY = "m_request_count:d"


class Counters:
    """Of a Redis: how many, floored at nothing, and until when, which is said once."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.lives: dict[str, int] = {}
        self.error: Exception | None = None

    def increment_with_floor(self, key: str, value: int, ttl: int) -> int:
        if self.error is not None:
            raise self.error
        self.counts[key] = max(0, self.counts.get(key, 0) + value)
        self.lives.setdefault(key, ttl)
        return self.counts[key]

    async def async_increment_with_floor(self, key: str, value: int, ttl: int) -> int:
        return self.increment_with_floor(key, value, ttl)

    def batch_get_counts(self, key_list: list[str]) -> tuple[int | None, ...]:
        if self.error is not None:
            raise self.error
        return tuple(self.counts.get(key) for key in key_list)

    async def async_batch_get_counts(self, key_list: list[str]) -> tuple[int | None, ...]:
        return self.batch_get_counts(key_list)


def worker(shared: Any = None) -> Any:
    return LeastBusyLoggingHandler(DualCache(in_memory_cache=InMemoryCache(), redis_cache=shared))


def told(name: Any) -> dict[str, Any]:
    return {"litellm_params": {"metadata": {"model_group": "m"}, "model_info": {"id": name}}}


def began(strategy: Any, name: Any) -> None:
    strategy.log_pre_api_call(model="m", messages=[], kwargs=told(name))


async def ended(strategy: Any, name: Any, how: int) -> None:
    """In one of the ways that a call can end."""
    call = (told(name), None, None, None)
    if how % 2:
        await (strategy.async_log_success_event(*call) if how == 1 else strategy.async_log_failure_event(*call))
    elif how == 0:
        strategy.log_success_event(*call)
    else:
        strategy.log_failure_event(*call)


async def quietest(strategy: Any, deployments: Any = None) -> Any:
    """Whom the strategy picks, awaited or not."""
    found = strategy.get_available_deployments("m", deployments or ALL)
    assert await strategy.async_get_available_deployments("m", deployments or ALL) is found
    return found


@pytest.mark.parametrize("how", range(4))
@pytest.mark.parametrize("shared", [True, False])
@in_a_loop
async def test_who_has_fewest_calls_under_way_is_picked(shared: bool, how: int) -> None:
    strategy = worker(Counters() if shared else None)
    assert await quietest(strategy) is D, "of equals the first"
    for name in ("d", "d", "f"):
        began(strategy, name)
    assert strategy.router_cache.get_cache(KEY, local_only=True) == 2
    assert await quietest(strategy) is E
    began(strategy, "e")
    assert await quietest(strategy) is E
    assert await quietest(strategy, [D, F]) is F
    for _ in range(2):
        await ended(strategy, "d", how)
    assert strategy.router_cache.get_cache(KEY, local_only=True) == 0
    assert await quietest(strategy) is D


@pytest.mark.parametrize("how", range(4))
@in_a_loop
async def test_another_workers_calls_count(how: int) -> None:
    shared = Counters()
    one, other = worker(shared), worker(shared)
    began(other, "d")
    await ended(other, "d", how)
    began(one, "d")
    assert await quietest(other) is E
    await ended(one, "d", how)
    assert await quietest(other) is D


@in_a_loop
async def test_a_count_lives_an_hour_from_its_first_call() -> None:
    shared = Counters()
    strategy = worker(shared)
    began(strategy, "d")
    assert shared.lives == {KEY: IN_FLIGHT_COUNT_TTL_SECONDS} == {KEY: 3600}
    shared.lives[KEY] = 5
    began(strategy, "d")
    await ended(strategy, "d", 1)
    assert (shared.lives, shared.counts) == ({KEY: 5}, {KEY: 1})


@pytest.mark.parametrize("shared", [True, False])
@in_a_loop
async def test_a_count_that_expired_meanwhile_does_not_go_below_nothing(shared: bool) -> None:
    counters = Counters()
    strategy = worker(counters if shared else None)
    for how in range(4):
        began(strategy, "d")
        counters.counts.clear()
        strategy.router_cache.in_memory_cache.delete_cache(KEY)
        await ended(strategy, "d", how)
        assert strategy.router_cache.get_cache(KEY, local_only=True) == 0
        assert counters.counts == ({KEY: 0} if shared else {})
        began(strategy, "d")
        assert await quietest(strategy) is E
        await ended(strategy, "d", how)


@pytest.mark.parametrize(
    ("error", "warnings"),
    [(ConnectionError("down"), 3), (RedisCircuitBreakerOpenError("Redis circuit breaker is open"), 0)],
)
@in_a_loop
async def test_without_redis_a_worker_counts_its_own(
    error: Exception, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    shared = Counters()
    shared.error = error
    strategy = worker(shared)
    with caplog.at_level(logging.WARNING, logger="LiteLLM Router"):
        began(strategy, "d")
        assert await quietest(strategy) is E
    assert len(caplog.records) == warnings, "an open breaker is told of once, by itself"
    await ended(strategy, "d", 1)
    assert await quietest(strategy) is D


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"litellm_params": {"metadata": None}},
        {"litellm_params": {"metadata": {"model_group": "m"}}},
        {"litellm_params": {"metadata": {}, "model_info": {"id": "d"}}},
    ],
)
def test_a_call_to_no_deployment_is_not_counted(said: Any) -> None:
    shared = Counters()
    worker(shared).log_pre_api_call(model="m", messages=[], kwargs=said)
    assert shared.counts == {}


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_a_router_goes_to_the_least_busy(synchronous: bool) -> None:
    router = routed(*ALL, routing_strategy="least-busy")
    for name, number in (("d", 5), ("e", 2), ("f", 8), ("gone", 0)):
        router.cache.set_cache(f"m_request_count:{name}", number)
    assert {await picked(router, synchronous=synchronous) for _ in range(10)} == {"e"}
