"""Scripts on Redis: what they are called with, what their answers mean, and what holds when they fail.

Redis is a double throughout, put on the handler or below it; what somebody puts there is what is called.
"""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.proxy.hooks.parallel_request_limiter_v3 import (
    PARALLEL_REQUEST_SLOT_TTL_SECONDS,
    get_or_create_request_stash,
)

from support.limiter import (
    Moment,
    admitted,
    answer,
    ask,
    caller,
    counter,
    fail,
    in_a_loop,
    limiter,
    refusal,
    stash,
)

pytestmark = pytest.mark.usefixtures("side")

GAUGE = "{api_key:key}:max_parallel_requests"

TTL = PARALLEL_REQUEST_SLOT_TTL_SECONDS

WINDOW = ["{api_key:key}:window", "{api_key:key}:requests"]


class Windows:
    """A window script of somebody's own, which also writes what it counts into the cache."""

    def __init__(self, cache: DualCache) -> None:
        self.calls: list[tuple[list[str], list[Any]]] = []
        self._cache, self._counts, self._starts = cache, {}, {}  # type: ignore[var-annotated]

    async def __call__(self, keys: Any, args: Any) -> list[Any]:
        self.calls.append((list(keys), list(args)))
        now, size = args
        values: list[Any] = []
        for window, requests in zip(keys[::2], keys[1::2], strict=True):
            if now - self._starts.get(window, 0) >= size:
                self._starts[window], self._counts[requests] = now, 0
            self._counts[requests] += 1
            await self._cache.async_set_cache(key=requests, value=self._counts[requests], ttl=size)
            values += [now, self._counts[requests]]
        return values


@in_a_loop
async def test_the_window_script_on_the_handler_decides(moment: Moment) -> None:
    cache = DualCache()
    handler, who = limiter(cache, time_provider=moment), caller(rpm_limit=3)
    script = handler.batch_rate_limiter_script = Windows(cache)
    assert await admitted(handler, who, 5) == 3
    assert script.calls == [(WINDOW, [int(moment().timestamp()), 60])] * 4, "the fifth is refused from memory"
    moment.advance(61)
    assert await admitted(handler, who, 1) == 1


@in_a_loop
async def test_what_the_window_script_answers_is_kept_in_memory(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=10)
    handler.batch_rate_limiter_script = AsyncMock(return_value=[1234, 7])
    await ask(handler, who)
    memory = handler.internal_usage_cache.dual_cache.in_memory_cache.cache_dict
    assert (memory[WINDOW[0]], memory[WINDOW[1]]) == (1234, 7)
    assert [s["limit_remaining"] for s in stash().rate_limit_response["statuses"]] == [3]
    handler.batch_rate_limiter_script = AsyncMock(return_value=[1234, 11])
    assert (await refusal(handler, who)).headers["rate_limit_type"] == "requests"


@in_a_loop
async def test_an_agents_window_is_the_scripts_too(moment: Moment) -> None:
    from litellm.types.agents import AgentResponse

    cache = DualCache()
    handler = limiter(cache, time_provider=moment)
    handler.batch_rate_limiter_script = Windows(cache)
    agent = AgentResponse(agent_id="a", agent_name="a", agent_card_params={}, rpm_limit=2)
    handler._get_agent_from_registry = lambda _agent_id: agent
    assert await admitted(handler, caller(agent_id="a"), 4) == 2
    assert "agent: a" in (await refusal(handler, caller(agent_id="a"))).detail


@in_a_loop
async def test_a_slot_is_taken_by_the_script(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(max_parallel_requests=5)
    handler.parallel_acquire_script = AsyncMock(return_value=[0, 3])
    await ask(handler, who)
    slot = stash().parallel_slot
    handler.parallel_acquire_script.assert_awaited_once_with(keys=[GAUGE], args=[5, TTL, slot["slot_id"]])
    assert slot["counter_keys"] == [GAUGE]
    assert await counter(handler, "api_key", "key", "max_parallel_requests") == 3, "what it counted"
    assert stash().rate_limit_response["statuses"] == [
        {
            "code": "OK",
            "current_limit": 5,
            "limit_remaining": 2,
            "rate_limit_type": "max_parallel_requests",
            "descriptor_key": "api_key",
        }
    ]
    handler.parallel_acquire_script = AsyncMock(return_value=[1, 1, 5, 5])
    error = await refusal(handler, who)
    assert "Limit type: max_parallel_requests. Current limit: 5, Remaining: 0." in error.detail
    assert stash().parallel_slot == slot


@in_a_loop
async def test_a_slot_is_given_back_by_the_script() -> None:
    handler = limiter()
    handler.parallel_release_script = AsyncMock(return_value=[2])
    get_or_create_request_stash().parallel_slot = {"slot_id": "mine", "counter_keys": [GAUGE]}
    await fail(handler)
    handler.parallel_release_script.assert_awaited_once_with(keys=[GAUGE], args=["mine"])
    assert await counter(handler, "api_key", "key", "max_parallel_requests") == 2


@in_a_loop
async def test_who_only_looks_takes_no_slot() -> None:
    handler = limiter()
    descriptors: Any = [{"key": "api_key", "value": "key", "rate_limit": {"max_parallel_requests": 5}}]
    handler.parallel_count_script = AsyncMock(return_value=[3])
    seen = await handler.should_rate_limit(descriptors=descriptors, read_only=True)
    handler.parallel_count_script.assert_awaited_once_with(keys=[GAUGE], args=[TTL])
    assert (seen["overall_code"], seen["statuses"][0]["limit_remaining"]) == ("OK", 2)
    cache = handler.internal_usage_cache.dual_cache
    assert await cache.async_get_cache(GAUGE) is None
    handler.parallel_count_script = AsyncMock(side_effect=ConnectionError("refused"))
    moment = 4_000_000_000.0
    await cache.async_set_cache(GAUGE, dict.fromkeys("abcde", moment), local_only=True)
    seen = await handler.should_rate_limit(descriptors=descriptors, read_only=True)
    assert seen["overall_code"] == "OVER_LIMIT", "what memory knows, when Redis is gone"


@in_a_loop
async def test_without_redis_the_count_it_left_in_memory_holds() -> None:
    cache = DualCache()
    handler, who = limiter(cache), caller(max_parallel_requests=5)
    handler.parallel_acquire_script = AsyncMock(side_effect=ConnectionError("refused"))
    handler.parallel_release_script = AsyncMock(side_effect=ConnectionError("refused"))
    await cache.async_set_cache(GAUGE, 5, local_only=True)
    await refusal(handler, who)
    await cache.async_set_cache(GAUGE, 4, local_only=True)
    await ask(handler, who)
    assert await cache.async_get_cache(GAUGE) == 5
    await fail(handler)
    assert await cache.async_get_cache(GAUGE) == 4


@in_a_loop
async def test_two_ends_of_a_request_give_its_slot_back_once() -> None:
    cache = DualCache()
    handler, begun, may_fail = limiter(cache), asyncio.Event(), asyncio.Event()

    async def release(keys: Any, args: Any) -> list[int]:
        begun.set()
        await may_fail.wait()
        raise ConnectionError("refused")

    handler.parallel_release_script = AsyncMock(side_effect=release)
    await cache.async_set_cache(GAUGE, 2, local_only=True)
    mine = get_or_create_request_stash()
    mine.owner_litellm_call_id, mine.parallel_slot = "mine", {"slot_id": "mine", "counter_keys": [GAUGE]}
    data: Any = {"litellm_call_id": "mine"}
    response = handler.async_post_call_success_hook(
        data=data, user_api_key_dict=caller(max_parallel_requests=2), response=answer(1, 1)
    )
    tasks = [asyncio.create_task(response)]
    await begun.wait()
    logged = handler.async_log_success_event(kwargs=data, response_obj=None, start_time=None, end_time=None)
    tasks.append(asyncio.create_task(logged))
    may_fail.set()
    await asyncio.gather(*tasks)
    assert handler.parallel_release_script.await_count == 1
    assert (await cache.async_get_cache(GAUGE), mine.parallel_slot) == (1, None)


@in_a_loop
async def test_tokens_go_where_the_script_is_not() -> None:
    handler = limiter()
    operations: Any = [{"key": "k", "increment_value": 10.0, "ttl": 60}]
    assert handler.token_increment_script is None
    dual = handler.internal_usage_cache.dual_cache
    dual.async_increment_cache_pipeline = AsyncMock(wraps=dual.async_increment_cache_pipeline)
    await handler.async_increment_tokens_with_ttl_preservation(pipeline_operations=operations)
    assert dual.async_increment_cache_pipeline.await_count == 1
    assert await dual.async_get_cache("k") == 10.0
