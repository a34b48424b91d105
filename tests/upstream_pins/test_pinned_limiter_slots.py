"""Requests in flight: a slot for each, given back once, by whoever ends the request."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.proxy.hooks.parallel_request_limiter_v3 import get_or_create_request_stash

from support.limiter import (
    MODEL,
    Moment,
    admitted,
    answer,
    ask,
    caller,
    fail,
    in_a_loop,
    in_flight,
    limiter,
    refusal,
    reject,
    stash,
    succeed,
)

pytestmark = pytest.mark.usefixtures("side")

GAUGE = "{api_key:key}:max_parallel_requests"


async def seeded(*slots: str) -> tuple[Any, DualCache]:
    """A handler with these slots taken, by requests that began elsewhere."""
    cache = DualCache()
    await cache.async_set_cache(key=GAUGE, value=dict.fromkeys(slots, time.time()), local_only=True)
    return limiter(cache), cache


def owned(slot: str) -> None:
    """This request has the slot."""
    get_or_create_request_stash().parallel_slot = {"slot_id": slot, "counter_keys": [GAUGE]}


@in_a_loop
async def test_a_request_knows_its_slot_and_tells_nobody() -> None:
    handler, who = limiter(), caller(max_parallel_requests=1)
    data = await ask(handler, who)
    assert data == {"model": MODEL}
    slot = stash().parallel_slot
    assert (slot["counter_keys"], len(slot["slot_id"])) == ([GAUGE], 32)
    registry = await handler.internal_usage_cache.dual_cache.async_get_cache(GAUGE, local_only=True)
    assert list(registry) == [slot["slot_id"]]


@in_a_loop
async def test_a_refused_request_takes_no_slot() -> None:
    handler, who = limiter(), caller(max_parallel_requests=1)
    await ask(handler, who)
    mine = stash().parallel_slot
    for _ in range(3):
        error = await refusal(handler, who)
        assert "Limit type: max_parallel_requests. Current limit: 1, Remaining: 0." in error.detail
    assert stash().parallel_slot == mine
    await fail(handler)
    assert await admitted(handler, who, 2) == 1


@in_a_loop
async def test_a_new_window_frees_no_slot(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(max_parallel_requests=2)
    assert await admitted(handler, who, 3) == 2
    moment.advance(61)
    assert await admitted(handler, who, 1) == 0
    moment.advance(3600)
    assert await admitted(handler, who, 1) == 1, "an hour after it was taken a slot is nobody's"


@in_a_loop
async def test_a_slot_is_given_back_once_and_by_its_owner() -> None:
    handler, _cache = await seeded("a", "b")
    owned("a")
    await fail(handler)
    assert (stash().parallel_slot, await in_flight(handler)) == (None, 1)
    for slot in ("a", "unknown", "a"):
        owned(slot)
        await fail(handler)
    assert await in_flight(handler) == 1
    owned("b")
    await fail(handler)
    assert await in_flight(handler) == 0


@in_a_loop
async def test_a_request_without_a_slot_gives_none_back() -> None:
    handler, _cache = await seeded("a", "b", "c")
    await fail(handler)
    await succeed(handler, answer(1, 1))
    assert await in_flight(handler) == 3


ENDS: dict[str, Callable[[Any, Any, Any], Awaitable[None]]] = {
    "success": lambda handler, _who, _data: succeed(handler, answer(5, 5)),
    "failure": lambda handler, _who, _data: fail(handler),
    "rejection": reject,
    "disconnect": lambda handler, who, _data: handler.async_release_max_parallel_requests_on_disconnect(who),
    "response": lambda handler, who, data: handler.async_post_call_success_hook(
        data=data, user_api_key_dict=who, response=answer(5, 5)
    ),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("again", ENDS)
@in_a_loop
async def test_every_end_of_a_request_gives_its_slot_back(end: str, again: str) -> None:
    """And whichever comes second changes nothing."""
    handler, who = limiter(), caller(max_parallel_requests=1)
    data = await ask(handler, who)
    assert await in_flight(handler) == 1
    await ENDS[end](handler, who, data)
    assert await in_flight(handler) == 0
    await ENDS[again](handler, who, data)
    assert await in_flight(handler) == 0
    assert await admitted(handler, who, 2) == 1


@in_a_loop
async def test_a_disconnected_request_is_freed_although_the_key_changed() -> None:
    for limit in (2, None):
        handler, _cache = await seeded("a")
        owned("a")
        await handler.async_release_max_parallel_requests_on_disconnect(caller(max_parallel_requests=limit))
        assert (stash().parallel_slot, await in_flight(handler)) == (None, 0)


@in_a_loop
async def test_a_disconnected_request_without_a_slot_changes_nothing() -> None:
    cache = DualCache()
    handler = limiter(cache)
    await handler.async_release_max_parallel_requests_on_disconnect(caller(max_parallel_requests=None))
    await handler.async_release_max_parallel_requests_on_disconnect(caller(None, max_parallel_requests=5))
    assert cache.in_memory_cache.cache_dict == {}


@in_a_loop
async def test_a_call_within_the_request_leaves_its_slot_and_tokens_alone() -> None:
    handler, who = limiter(), caller(max_parallel_requests=2, tpm_limit=10_000)
    await ask(handler, who, litellm_call_id="mine", max_tokens=50)
    mine = stash()
    assert mine.owner_litellm_call_id == "mine"
    await succeed(handler, None, litellm_call_id="a judge's")
    await fail(handler, litellm_call_id="a judge's")
    assert mine.parallel_slot is not None
    assert (mine.reservation_released, await in_flight(handler)) == (False, 1)
    await fail(handler, litellm_call_id="mine")
    assert mine.parallel_slot is None
    assert (mine.reservation_released, await in_flight(handler)) == (True, 0)


@in_a_loop
async def test_without_a_call_id_on_either_side_it_is_the_requests_own() -> None:
    handler = limiter()
    for owner, told in ((None, {"litellm_call_id": "any"}), ("mine", {})):
        request = get_or_create_request_stash()
        request.owner_litellm_call_id, request.reserved_tokens = owner, 42
        request.reservation_released = False
        await fail(handler, **told)
        assert request.reservation_released is True
