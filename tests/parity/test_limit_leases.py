"""Leases of LiteLLM's own windows on a real Redis, beside plain LiteLLM on the same one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from accel.errors import Declined
from support.limit_handlers import START, Limiter, descriptor, engine, native_calls, on, run
from support.limit_redis import database

# They share a database of Redis.
pytestmark = pytest.mark.xdist_group("redis windows")

COUNTER = "{api_key:k}:requests"


@pytest.fixture
def client() -> Iterator[Any]:
    with database() as client, on("limit_leases"):
        yield client


async def admitted(limiter: Limiter, limits: list[dict[str, Any]], slot: str | None = None) -> bool:
    answer = await engine().admit(limiter.handler, limits, 1, slot, limiter.now)
    return answer.admitted


def test_with_plain_litellm_the_limit_holds_exactly(client: Any) -> None:
    async def test() -> None:
        leased, plain = [Limiter(redis=True), Limiter(redis=True)], Limiter(redis=True)
        limits = [descriptor(rpm=200)]
        for limiter in leased:
            limiter.now = plain.now
        counts = {"leased": 0, "plain": 0}
        for number in range(900):
            if number % 3 == 2:
                answer = await plain.handler.should_rate_limit(limits, skip_tpm_check=True)
                counts["plain"] += answer["overall_code"] == "OK"
            else:
                counts["leased"] += await admitted(leased[number % 3], limits)
        assert counts["leased"] + counts["plain"] == 200
        assert min(counts.values()) > 20
        assert native_calls("limit_leases") == 600

    run(test)


def test_most_requests_take_no_trip(client: Any) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True)
        limits = [descriptor(rpm=1_000)]
        assert await admitted(limiter, limits)
        before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        assert sum([await admitted(limiter, limits) for _ in range(500)]) == 500
        trips = client.info("commandstats")["cmdstat_evalsha"]["calls"] - before
        # Others may use this Redis too; a trip for each request would be 500.
        assert trips < 250
        assert 500 < int(client.get(COUNTER)) < 700

    run(test)


def test_a_spent_window_refuses_without_a_trip_until_it_ends(client: Any) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True)
        limits = [descriptor(rpm=3)]
        assert [await admitted(limiter, limits) for _ in range(5)] == [True, True, True, False, False]
        assert int(client.get(COUNTER)) == 3
        limiter.now += 20
        refused = await engine().admit(limiter.handler, limits, 1, None, limiter.now)
        assert refused.retry_after_s == 40
        (status,) = refused.response["statuses"]
        assert status == {
            "code": "OVER_LIMIT",
            "current_limit": 3,
            "limit_remaining": 0,
            "rate_limit_type": "requests",
            "descriptor_key": "api_key",
            "descriptor_value": "k",
        }
        limiter.now += 40
        assert await admitted(limiter, limits)
        assert int(client.get(COUNTER)) == 1

    run(test)


def test_what_another_limit_refuses_is_put_back(client: Any) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True)
        limits = [descriptor(rpm=100, parallel=1, tpm=5)]
        first = await engine().admit(limiter.handler, limits, 3, "first", limiter.now)
        kinds = [entry["rate_limit_type"] for entry in first.response["statuses"]]
        assert kinds == ["requests", "max_parallel_requests", "tokens"]
        full = await engine().admit(limiter.handler, limits, 1, "second", limiter.now)
        assert full.response["statuses"][0]["rate_limit_type"] == "max_parallel_requests"
        slot = {"slot_id": "first", "counter_keys": ["{api_key:k}:max_parallel_requests"]}
        await limiter.handler._release_parallel_request_slots(slot)
        tokens = await engine().admit(limiter.handler, limits, 4, "second", limiter.now)
        assert tokens.response["statuses"][0]["rate_limit_type"] == "tokens"
        assert client.zcard("{api_key:k}:max_parallel_requests") == 0
        await engine().undo(limiter.handler, first.reservation)
        assert int(client.get("{api_key:k}:tokens")) == 0
        await engine().close(limiter.handler)
        assert int(client.get(COUNTER)) == 0

    run(test)


def test_what_is_left_is_given_back_at_shutdown(client: Any) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True)
        limits = [descriptor(rpm=1_000)]
        for _ in range(5):
            assert await admitted(limiter, limits)
        assert int(client.get(COUNTER)) == 7
        await engine().close(limiter.handler)
        assert int(client.get(COUNTER)) == 5
        await engine().close(limiter.handler)
        assert int(client.get(COUNTER)) == 5
        # Of a window that has ended nothing is given back.
        assert await admitted(limiter, limits)
        client.set("{api_key:k}:window", "1")
        await engine().close(limiter.handler)
        assert int(client.get(COUNTER)) == 6

    run(test)


def test_a_thousand_at_once_and_several_limits(client: Any) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True)
        limits = [descriptor(rpm=500), descriptor("team", "t", rpm=100)]
        answers = await asyncio.gather(
            *(engine().admit(limiter.handler, limits, 1, None, limiter.now) for _ in range(1_000)),
            return_exceptions=True,
        )
        declined = [answer for answer in answers if isinstance(answer, Declined)]
        assert [str(answer) for answer in declined] == ["lease contended"] * len(declined)
        taken = sum(answer.admitted for answer in answers if not isinstance(answer, BaseException))
        assert len(declined) < 1_000
        assert 0 < taken <= 100
        assert int(client.get("{team:t}:requests")) <= 100

    run(test)


def test_tokens_are_settled_by_litellm(client: Any) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True)
        limits = [descriptor(rpm=10, tpm=100)]
        verdict = await engine().admit(limiter.handler, limits, 60, None, limiter.now)
        operations = [{"key": "{api_key:k}:tokens", "increment_value": -50, "ttl": 60}]
        await engine().settle(limiter.handler, verdict.reservation, operations)
        assert int(client.get("{api_key:k}:tokens")) == 10

    run(test)


def test_without_redis_or_reserved_tokens_they_decline() -> None:
    async def test() -> None:
        with pytest.raises(Declined, match="no leases"):
            await engine().admit(Limiter().handler, [descriptor(rpm=1)], 1, None, START)
        broken = Limiter(redis=True, port=1)
        with pytest.raises(Declined, match="Redis failed"):
            await engine().admit(broken.handler, [descriptor(rpm=1)], 1, None, START)

    with on("limit_leases"):
        run(test)
