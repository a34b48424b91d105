"""The engines of better windows on LiteLLM's own limiter: its shapes, other windows, in memory and on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import accel
from accel import dispatch
from accel.errors import Declined
from accel.features.better_windows import chosen
from support.limit_handlers import START, Limiter, descriptor, engine, native_calls, on, run
from support.limit_redis import database

# They share a database of Redis.
pytestmark = pytest.mark.xdist_group("redis windows")

WINDOWS = ("sliding_window", "token_bucket")


@pytest.fixture(params=WINDOWS)
def feature(request: pytest.FixtureRequest) -> Iterator[str]:
    """One algorithm on; a bucket that may burst to its limit, so that both admit the same at once."""
    with on(request.param, burst_percent=100):
        yield request.param


@pytest.fixture(params=[False, True], ids=["memory", "redis"])
def redis(request: pytest.FixtureRequest) -> Iterator[bool]:
    if request.param:
        with database():
            yield True
    else:
        yield False


def test_answers_have_litellms_shapes(feature: str, redis: bool) -> None:
    """Admitted and refused as LiteLLM's own functions answer, but that a refusal costs nothing."""

    async def test() -> None:
        ours, theirs = Limiter(redis=redis), Limiter(redis=redis)
        wanted = [
            descriptor(value="a", rpm=3, tpm=10, parallel=5),
            descriptor("team", "t", rpm=10, tpm=8),
            descriptor("model_per_project_itpm", "p", tpm=1),
        ]
        # On one Redis both would fill one gauge.
        others = [{**entry, "value": f"{entry['value']}2"} for entry in wanted]
        statuses = []
        for number in range(4):
            verdict = await engine().admit(ours.handler, wanted, 2, f"slot {number}", START)
            first = await theirs.handler.should_rate_limit(
                others, skip_tpm_check=True, parallel_slot_id=f"slot {number}"
            )
            if first["overall_code"] == "OK":
                tokens = await theirs.handler.reserve_tpm_tokens(others, 2)
                first["statuses"].extend(tokens["statuses"])
            for status in first["statuses"]:
                if "descriptor_value" in status:
                    status["descriptor_value"] = status["descriptor_value"][:-1]
                if status["code"] == "OVER_LIMIT":
                    status["limit_remaining"] = 0  # LiteLLM has charged the refused request: -1
                elif first["overall_code"] == "OVER_LIMIT":
                    status["limit_remaining"] += 1
            assert verdict.response["overall_code"] == first["overall_code"]
            assert verdict.response["statuses"] == first["statuses"], number
            statuses.append(verdict.admitted)
        assert statuses == [True, True, True, False]
        assert native_calls(feature) == 4

    run(test)


def test_a_refusal_charges_nothing_and_says_when(feature: str, redis: bool) -> None:
    async def test() -> None:
        limiter = Limiter(redis=redis)
        both = [descriptor(rpm=10), descriptor("team", "t", rpm=2)]
        verdicts = [await engine().admit(limiter.handler, both, None, None, START) for _ in range(5)]
        assert [verdict.admitted for verdict in verdicts] == [True, True, False, False, False]
        assert all(0 < verdict.retry_after_s <= 60 for verdict in verdicts[2:])
        assert verdicts[2].reservation is None
        alone = await engine().admit(limiter.handler, [both[0]], None, None, START)
        assert alone.response["statuses"][0]["limit_remaining"] == 7

    run(test)


def test_tokens_that_refuse_take_no_slot_and_no_request(feature: str, redis: bool) -> None:
    async def test() -> None:
        limiter = Limiter(redis=redis)
        limits = [descriptor(rpm=10, tpm=100, parallel=2)]
        refused = await engine().admit(limiter.handler, limits, 101, "slot", START)
        (status,) = refused.response["statuses"]
        assert (status["rate_limit_type"], status["code"]) == ("tokens", "OVER_LIMIT")
        assert refused.retry_after_s == 60
        admitted = await engine().admit(limiter.handler, limits, 100, "slot", START)
        remaining = {entry["rate_limit_type"]: entry["limit_remaining"] for entry in admitted.response["statuses"]}
        assert remaining == {"requests": 9, "max_parallel_requests": 1, "tokens": 0}

    run(test)


def test_slots_are_litellms_and_its_release_frees_them(feature: str, redis: bool) -> None:
    async def test() -> None:
        limiter = Limiter(redis=redis)
        limits = [descriptor(rpm=10, parallel=1)]
        assert (await engine().admit(limiter.handler, limits, None, "first", START)).admitted
        full = await engine().admit(limiter.handler, limits, None, "second", START)
        (status,) = full.response["statuses"]
        assert (status["rate_limit_type"], status["limit_remaining"]) == ("max_parallel_requests", 0)
        assert "descriptor_value" not in status
        assert full.retry_after_s == 1
        slot = {"slot_id": "first", "counter_keys": ["{api_key:k}:max_parallel_requests"]}
        await limiter.handler._release_parallel_request_slots(slot)
        again = await engine().admit(limiter.handler, limits, None, "second", START)
        assert [entry["limit_remaining"] for entry in again.response["statuses"]] == [8, 0]

    run(test)


def test_a_settlement_corrects_what_was_reserved(feature: str, redis: bool) -> None:
    async def test() -> None:
        limiter = Limiter(redis=redis)
        limits = [descriptor(tpm=1_000)]

        async def remaining(cost: int = 1) -> int:
            verdict = await engine().admit(limiter.handler, limits, cost, None, START)
            left: int = verdict.response["statuses"][0]["limit_remaining"]
            await engine().undo(limiter.handler, verdict.reservation)
            return left + (cost if verdict.admitted else 0)

        verdict = await engine().admit(limiter.handler, limits, 1_000, None, START)
        # The bucket on Redis works off a token each 60 ms meanwhile.
        assert await remaining() <= 20
        operations = [
            {"key": "{api_key:k}:tokens", "increment_value": -900, "ttl": 60},
            {"key": "{user:nobody}:tokens", "increment_value": 100, "ttl": 60},
        ]
        await engine().settle(limiter.handler, verdict.reservation, operations)
        assert 900 <= await remaining() <= 940
        await engine().settle(limiter.handler, None, operations)

    run(test)


def test_tokens_without_an_estimate_are_charged_when_they_are_known(feature: str, redis: bool) -> None:
    async def test() -> None:
        limiter = Limiter(redis=redis)
        limits = [descriptor(rpm=10, tpm=100)]
        first = await engine().admit(limiter.handler, limits, None, None, START)
        assert [entry["rate_limit_type"] for entry in first.response["statuses"]] == ["requests", "tokens"]
        used = [{"key": "{api_key:k}:tokens", "increment_value": 500, "ttl": 60}]
        await engine().settle(limiter.handler, first.reservation, used)
        second = await engine().admit(limiter.handler, limits, None, None, START)
        codes = {entry["rate_limit_type"]: entry["code"] for entry in second.response["statuses"]}
        assert codes == {"requests": "OK", "tokens": "OVER_LIMIT"}

    run(test)


def test_a_thousand_at_once(feature: str, redis: bool) -> None:
    async def test() -> None:
        # The Redis bucket works off its debt while the thousand are sent: a limit of which a second is nothing.
        limiter = Limiter(redis=redis)
        limits = [descriptor(rpm=100)]
        limits[0]["rate_limit"]["window_size"] = 86_400
        engine_now = engine()
        verdicts = await asyncio.gather(
            *(engine_now.admit(limiter.handler, limits, None, None, START) for _ in range(1_000))
        )
        assert sum(verdict.admitted for verdict in verdicts) == 100
        assert native_calls(feature) == 1_000

    run(test)


def test_two_instances_share_what_is_on_redis(feature: str) -> None:
    async def test() -> None:
        limiters = [Limiter(redis=True), Limiter(redis=True)]
        limits = [descriptor(rpm=10)]
        limits[0]["rate_limit"]["window_size"] = 86_400
        admitted = 0
        for number in range(30):
            verdict = await engine().admit(limiters[number % 2].handler, limits, None, None, START)
            admitted += verdict.admitted
        assert admitted == 10

    with database() as client:
        run(test)
        (key,) = client.keys("*")
        assert key in ("{api_key:k}:sliding:requests", "{api_key:k}:bucket:requests")
        assert client.pttl(key) > 0


def test_limiters_without_redis_share_nothing(feature: str) -> None:
    async def test() -> None:
        for limiter in (Limiter(), Limiter()):
            assert (await engine().admit(limiter.handler, [descriptor(rpm=1)], None, None, START)).admitted

    run(test)


def test_the_clock_is_the_handlers() -> None:
    async def test() -> None:
        limiter = Limiter()
        limits = [descriptor(rpm=1)]
        assert (await engine().admit(limiter.handler, limits, None, None, START)).admitted
        refused = await engine().admit(limiter.handler, limits, None, None, START + 10)
        assert refused.retry_after_s == 50
        assert (await engine().admit(limiter.handler, limits, None, None, START + 60)).admitted

    with on("sliding_window"):
        run(test)


def test_a_burst_in_percent() -> None:
    async def admitted() -> int:
        limiter = Limiter()
        limits = [descriptor(rpm=50)]
        verdicts = [await engine().admit(limiter.handler, limits, None, None, START) for _ in range(60)]
        return sum(verdict.admitted for verdict in verdicts)

    for percent, burst in ((10, 5), (1, 1), (50, 25)):
        with on("token_bucket", burst_percent=percent):
            assert asyncio.run(admitted()) == burst


class TestChoice:
    def test_none(self) -> None:
        with on():
            assert chosen(dispatch.junctions["token_counting"]) is None

    def test_the_sliding_window_wins_and_the_status_says_so(self) -> None:
        with on("sliding_window", "token_bucket", "limit_leases"):
            first = engine()
            assert first is engine()
            features = accel.status().features
            assert (
                features["token_bucket"]["yields_to"] == features["limit_leases"]["yields_to"] == "sliding_window"
            )
            accel.set_flag("sliding_window", mode="off")
            assert engine() is not first
            features = accel.status().features
            assert features["token_bucket"]["yields_to"] is None
            assert features["limit_leases"]["yields_to"] == "token_bucket"
            assert features["token_bucket"]["settings"] == {"burst_percent": 10}

    def test_a_share_of_keys_declines_before_any_effect(self) -> None:
        async def test() -> None:
            limiter = Limiter()
            for number in range(40):
                limits = [descriptor(value=f"key {number}", rpm=1)]
                taken = set()
                for _ in range(3):
                    try:
                        await engine().admit(limiter.handler, limits, None, None, START)
                        taken.add(True)
                    except Declined:
                        taken.add(False)
                assert len(taken) == 1, "a key goes one way"

        with on("sliding_window"):
            accel.set_flag("sliding_window", percent=50)
            run(test)
            account = dispatch.junctions["sliding_window"].guard.status()["calls"]
            assert account["native"] + account["python"]["percent"] == 120
            assert 30 <= account["native"] <= 90

    def test_shadow_declines(self) -> None:
        async def test() -> None:
            with pytest.raises(Declined, match="no shadow"):
                await engine().admit(Limiter().handler, [descriptor(rpm=1)], None, None, START)

        with on("sliding_window"):
            accel.set_flag("sliding_window", mode="shadow")
            run(test)
