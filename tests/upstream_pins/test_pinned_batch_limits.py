"""Batches: counted whole before they are submitted, by the day, and enqueued until they end."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from fastapi import HTTPException
from litellm.proxy.hooks.batch_enqueued_tokens import (
    BatchEnqueuedTokenOverLimit,
    BatchEnqueuedTokenReservation,
    BatchEnqueuedTokenScope,
)
from litellm.proxy.hooks.batch_rate_limiter import BatchFileUsage
from litellm.proxy.hooks.parallel_request_limiter_v3 import get_or_create_request_stash

from support.limiter import Moment, answer, caller, counter, in_a_loop, limiter, reject

pytestmark = pytest.mark.usefixtures("side")


async def submit(handler: Any, who: Any, tokens: int, requests: int = 1) -> HTTPException | None:
    """A batch of so many tokens and requests; its refusal, if it was refused."""
    try:
        await handler._get_batch_rate_limiter()._check_and_increment_batch_counters(
            user_api_key_dict=who,
            data={},
            batch_usage=BatchFileUsage(total_tokens=tokens, request_count=requests),
        )
    except HTTPException as error:
        return error if error.status_code == 429 else None
    return None


@in_a_loop
async def test_batches_at_once_do_not_pass_the_limit() -> None:
    handler, who = limiter(), caller(tpm_limit=100, rpm_limit=1000)
    asked: list[str] = []
    check, atomic = handler.should_rate_limit, handler.atomic_check_and_increment_by_n

    async def checking(*arguments: Any, **keywords: Any) -> Any:
        asked.append("check")
        return await check(*arguments, **keywords)

    async def counting(*arguments: Any, **keywords: Any) -> Any:
        asked.append("count")
        return await atomic(*arguments, **keywords)

    handler.should_rate_limit, handler.atomic_check_and_increment_by_n = checking, counting
    refused = await asyncio.gather(*(submit(handler, who, 40) for _ in range(5)))
    assert [error is None for error in refused] == [True, True, False, False, False]
    assert set(asked) == {"count"}, "checked and counted in one step"


@in_a_loop
async def test_a_batch_without_tokens_is_a_request() -> None:
    handler, who = limiter(), caller(tpm_limit=100, rpm_limit=3)
    assert [await submit(handler, who, 0) for _ in range(3)] == [None] * 3
    assert "RPM limit" in str((await submit(handler, who, 0)).detail)  # type: ignore[union-attr]
    assert await counter(handler, "api_key", "key", "requests") == 3
    assert await counter(handler, "api_key", "key", "tokens") == 0


@in_a_loop
async def test_with_a_limit_for_the_day_a_batch_is_under_that_alone(moment: Moment) -> None:
    moment.now = datetime(2026, 9, 13, 8, 0, 0)
    handler, who = limiter(time_provider=moment), caller(rpm_limit=1, tpm_limit=10, tpd_limit=1000)
    assert await submit(handler, who, 600, 50) is None
    assert await counter(handler, "api_key_tpd", "key", "tokens") == 600
    assert await counter(handler, "api_key", "key", "requests") == 0
    moment.advance(3 * 3600)
    error = await submit(handler, who, 600, 6)
    assert error is not None
    assert "600 tokens but only 400 tokens remaining out of 1000 TPD limit" in str(error.detail)
    assert error.headers is not None
    assert error.headers["retry-after"] == str(21 * 3600), "here it is what is left of the day"
    assert await submit(handler, who, 400, 4) is None


@in_a_loop
async def test_without_one_the_minutes_limits_hold() -> None:
    error = await submit(limiter(), caller(rpm_limit=1, tpm_limit=1000), 50, 5)
    assert error is not None
    assert "RPM limit" in str(error.detail)


@in_a_loop
async def test_a_teams_day_stands_for_the_teams_minute_only() -> None:
    handler, team = limiter(), {"team_id": "t", "team_rpm_limit": 1, "team_tpd_limit": 5000}
    assert await submit(handler, caller("a", **team), 800, 8) is None
    assert await counter(handler, "team_tpd", "t", "tokens") == 800
    error = await submit(handler, caller("b", rpm_limit=1, **team), 10, 2)
    assert error is not None
    assert "api_key: b" in str(error.detail)


@in_a_loop
async def test_each_end_user_has_a_day() -> None:
    handler = limiter()
    one, other = (caller(end_user_id=name, end_user_tpd_limit=100) for name in ("a", "b"))
    assert [await submit(handler, who, 90, 9) for who in (one, other)] == [None, None]
    error = await submit(handler, one, 20, 2)
    assert error is not None
    assert "end_user_tpd: a" in str(error.detail)


@in_a_loop
async def test_a_batch_that_fails_gives_its_day_back_once() -> None:
    handler = limiter()
    who = caller(rpm_limit=100, tpm_limit=10_000, team_id="t", team_tpd_limit=5000)
    assert await submit(handler, who, 800, 8) is None
    for _ in range(2):
        await reject(handler, who, {})
        assert await counter(handler, "team_tpd", "t", "tokens") == 0
        assert await counter(handler, "api_key", "key", "tokens") == 800, "the minute's is not given back"
        assert await counter(handler, "api_key", "key", "requests") == 8


@in_a_loop
async def test_a_batch_that_was_refused_has_nothing_to_give_back() -> None:
    handler, who = limiter(), caller(tpd_limit=100)
    assert await submit(handler, who, 90, 9) is None
    get_or_create_request_stash().batch_tpd_refund_ops = ()
    assert await submit(handler, who, 20, 2) is not None
    await reject(handler, who, {})
    assert await counter(handler, "api_key_tpd", "key", "tokens") == 90


def test_a_day_limits_batches_and_nothing_else() -> None:
    handler, who = limiter(), caller(rpm_limit=5, tpd_limit=100, team_id="t", team_tpd_limit=9)
    batch = handler._get_batch_rate_limiter()
    found = batch._create_batch_rate_limit_descriptors(user_api_key_dict=caller(tpd_limit=100), data={})
    assert batch._has_applicable_batch_rate_limits(found) is True
    online = handler.create_rate_limit_descriptors(
        user_api_key_dict=who, data={}, rpm_limit_type=None, tpm_limit_type=None, model_has_failures=False
    )
    assert [(d["key"], d["rate_limit"]["window_size"]) for d in online] == [("api_key", 60)]


QUEUE = BatchEnqueuedTokenScope(key="api_key", value="key", limit=100)


class Answered:
    """What a provider answers of a batch."""

    object = "batch"

    def __init__(self, status: str) -> None:
        self.id, self.status = "batch_1", status


@pytest.mark.parametrize("ended", ["completed", "Completed", "cancelling"])
@in_a_loop
async def test_tokens_are_enqueued_until_the_batch_ends(ended: str) -> None:
    handler, who = limiter(), caller()
    store = handler.batch_enqueued_token_store

    async def reserve(tokens: int) -> Any:
        return await store.reserve(tokens=tokens, scopes=(QUEUE,))

    async def answered(status: str) -> None:
        await handler.async_post_call_success_hook(data={}, user_api_key_dict=who, response=Answered(status))

    request = get_or_create_request_stash()
    request.batch_enqueued_reservation = await reserve(90)
    await handler.async_post_call_success_hook(data={}, user_api_key_dict=who, response=answer(1, 1))
    assert request.batch_enqueued_reservation is not None, "a chat is no batch"
    await answered("validating")
    assert request.batch_enqueued_reservation is None
    assert await reserve(50) == BatchEnqueuedTokenOverLimit(scope=QUEUE, enqueued=90)
    await answered(ended)
    await answered(ended)
    assert isinstance(await reserve(100), BatchEnqueuedTokenReservation)
    assert isinstance(await reserve(1), BatchEnqueuedTokenOverLimit)


@in_a_loop
async def test_a_batch_that_was_refused_is_not_enqueued() -> None:
    handler, who = limiter(), caller()
    store = handler.batch_enqueued_token_store
    get_or_create_request_stash().batch_enqueued_reservation = await store.reserve(tokens=80, scopes=(QUEUE,))
    await reject(handler, who, {})
    assert isinstance(await store.reserve(tokens=100, scopes=(QUEUE,)), BatchEnqueuedTokenReservation)


@in_a_loop
async def test_enqueuing_is_for_all_its_scopes_or_none() -> None:
    store = limiter().batch_enqueued_token_store
    team = BatchEnqueuedTokenScope(key="team", value="t", limit=50)
    over = await store.reserve(tokens=60, scopes=(QUEUE, team))
    assert over == BatchEnqueuedTokenOverLimit(scope=team, enqueued=0)
    fits = await store.reserve(tokens=50, scopes=(QUEUE, team))
    await store.refund(fits)
    await store.refund(fits)
    assert isinstance(await store.reserve(tokens=100, scopes=(QUEUE,)), BatchEnqueuedTokenReservation)
    await store.save_reservation("batch", fits)
    assert [await store.pop_reservation("batch") for _ in range(2)] == [fits, None]
