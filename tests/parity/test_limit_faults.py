"""Better windows where Redis is not what it should be: gone, fail-closed, or several nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.limit_handlers import Limiter, descriptor, engine, on, run
from support.limit_redis import database

# They share a database of Redis.
pytestmark = pytest.mark.xdist_group("redis windows")

NOWHERE = 1


@pytest.fixture(params=["sliding_window", "token_bucket"])
def feature(request: pytest.FixtureRequest) -> Iterator[str]:
    with on(request.param, burst_percent=100):
        yield request.param


def test_without_its_redis_the_limit_holds_in_memory(feature: str) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True, port=NOWHERE)
        limits = [descriptor(rpm=3, tpm=100, parallel=2)]
        first = await engine().admit(limiter.handler, limits, 90, "a", limiter.now)
        assert first.admitted
        assert not first.reservation.in_redis
        assert not (await engine().admit(limiter.handler, limits, 20, "b", limiter.now)).admitted
        refund = [{"key": "{api_key:k}:tokens", "increment_value": -80, "ttl": 60}]
        await engine().settle(limiter.handler, first.reservation, refund)
        assert (await engine().admit(limiter.handler, limits, 20, "b", limiter.now)).admitted
        full = await engine().admit(limiter.handler, limits, 20, "c", limiter.now)
        assert full.response["statuses"][0]["rate_limit_type"] == "max_parallel_requests"

    run(test)


def test_fail_closed_is_respected(feature: str) -> None:
    async def test() -> None:
        limiter = Limiter(redis=True, port=NOWHERE)
        limiter.handler._fail_closed_resolver = lambda: True
        from litellm.proxy.hooks.parallel_request_limiter_v3 import RateLimitUnverifiableError

        with pytest.raises(RateLimitUnverifiableError):
            await engine().admit(limiter.handler, [descriptor(rpm=3)], None, None, limiter.now)

    run(test)


def test_a_settlement_that_redis_refuses_is_lost_and_raises_nothing(feature: str) -> None:
    async def test() -> None:
        limiter, broken = Limiter(redis=True), Limiter(redis=True, port=NOWHERE)
        verdict = await engine().admit(limiter.handler, [descriptor(tpm=10)], 5, None, limiter.now)
        refund = [{"key": "{api_key:k}:tokens", "increment_value": -5, "ttl": 60}]
        await engine().settle(broken.handler, verdict.reservation, refund)
        await engine().settle(Limiter().handler, verdict.reservation, refund)

    with database():
        run(test)


def test_on_several_nodes_a_refusal_of_one_is_taken_back_from_the_others(feature: str) -> None:
    """LiteLLM's own switch makes it group keys by slot on a single Redis, too."""

    async def test() -> None:
        limiter = Limiter(redis=True)
        limiter.handler._force_hash_tag_grouping_resolver = lambda: True
        limits = [
            descriptor("api_key", "a", rpm=10, tpm=100, parallel=5),
            descriptor("user", "b", rpm=10),
            descriptor("team", "c", rpm=2, tpm=100),
        ]
        verdicts = [
            await engine().admit(limiter.handler, limits, 10, f"slot {number}", limiter.now) for number in range(4)
        ]
        assert [verdict.admitted for verdict in verdicts] == [True, True, False, False]
        assert len(verdicts[0].response["statuses"]) == 6
        alone = await engine().admit(limiter.handler, limits[:2], 10, "slot 9", limiter.now)
        remaining = {
            (entry["descriptor_key"], entry["rate_limit_type"]): entry["limit_remaining"]
            for entry in alone.response["statuses"]
        }
        # Two of all, and this one; what the bucket worked off meanwhile is less than one of ten.
        assert remaining["api_key", "requests"] == 7
        assert remaining["user", "requests"] == 7
        assert remaining["api_key", "max_parallel_requests"] == 2
        assert 70 <= remaining["api_key", "tokens"] <= 78

    with database():
        run(test)
