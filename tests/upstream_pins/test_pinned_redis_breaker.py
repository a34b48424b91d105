"""When Redis is left alone: what opens the breaker, what closes it, and who may say so."""

import asyncio
import time
from typing import Any

import pytest
import redis.exceptions
from litellm.caching import redis_cache as module
from litellm.caching.redis_cache import RedisCircuitBreaker

from support.limiter import in_a_loop

pytestmark = pytest.mark.usefixtures("side")

run: Any = module._run_under_circuit_breaker


class Hands:
    """A clock in the place of `time.time`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


def breaker(failures: int = 0, **settings: Any) -> Any:
    made = RedisCircuitBreaker(**{"failure_threshold": 3, "recovery_timeout": 60, **settings})
    for _ in range(failures):
        made.record_failure()
    return made


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    assert not breaker(2).is_open()
    assert breaker(3).is_open()
    interrupted = breaker(2)
    interrupted.record_success()
    interrupted.record_failure()
    assert not interrupted.is_open()


def test_it_stays_open_for_its_time_and_then_lets_one_through(hands: Hands) -> None:
    opened = breaker(3)
    hands.now += 60
    assert (opened.is_open(), opened._state) == (True, "open")
    hands.now += 0.001
    assert (opened.is_open(), opened._state) == (False, "half_open")
    assert [opened.is_open() for _ in range(10)] == [True] * 10


def test_the_one_that_got_through_closes_it_or_opens_it_anew(hands: Hands) -> None:
    opened = breaker(3)
    hands.now += 61
    assert not opened.is_open()
    opened.record_success()
    assert (opened._state, opened._failure_count, opened.is_open()) == ("closed", 0, False)
    again = breaker(3)
    hands.now += 61
    assert not again.is_open()
    again.record_failure()
    hands.now += 59
    assert (again._state, again.is_open()) == ("open", True)


def test_switched_off_it_changes_nothing() -> None:
    off = breaker(100, enabled=False)
    assert (off._state, off.is_open()) == ("closed", False)
    off._state, off._failure_count = "open", 3
    off.record_success()
    assert (off._state, off._failure_count) == ("open", 3)


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        ("ConnectionError", True),
        ("BusyLoadingError", True),
        ("TimeoutError", False),
        ("ResponseError", False),
        ("DataError", False),
    ],
)
@in_a_loop
async def test_only_an_unreachable_redis_opens_it(error: str, opens: bool) -> None:
    """A wrong command says nothing of Redis; timeouts together may be the loop's own delay."""
    watched, raised = breaker(), getattr(redis.exceptions, error)("boom")

    async def call() -> None:
        raise raised

    for _ in range(3):
        with pytest.raises(type(raised), match="boom"):
            await run(watched, "op", call)
    assert watched.is_open() is opens


def test_timeouts_open_it_when_they_last(hands: Hands) -> None:
    watched = breaker(timeout_min_duration=5.0)

    def time_out() -> None:
        raise redis.exceptions.TimeoutError("slow")

    def calls(number: int) -> bool:
        for _ in range(number):
            with pytest.raises(redis.exceptions.TimeoutError):
                module._run_under_circuit_breaker_sync(watched, "op", time_out)
        return bool(watched.is_open())

    assert calls(8) is False
    hands.now += 4.9
    assert calls(1) is False
    hands.now += 0.1
    assert calls(1) is True


def test_each_kind_of_failure_opens_it_by_its_own(hands: Hands) -> None:
    watched = breaker(timeout_min_duration=5.0)
    watched.record_failure(is_timeout=True)
    hands.now += 6
    watched.record_failure()
    watched.record_failure()
    assert not watched.is_open(), "two refusals and a timeout of long ago"
    watched.record_failure(is_timeout=True)
    watched.record_failure(is_timeout=True)
    watched.record_failure(is_timeout=True)
    assert not watched.is_open(), "a refusal ended the first timeout's row; this one has just begun"
    hands.now += 5
    watched.record_failure(is_timeout=True)
    assert watched.is_open()


def test_what_is_a_timeout_is_told_by_its_cause() -> None:
    def chained(cause: Exception | None) -> Exception:
        error = redis.exceptions.ConnectionError("No connection available.")
        error.__cause__ = cause
        error.__context__ = asyncio.TimeoutError()
        return error

    assert module.is_redis_timeout_failure(chained(asyncio.TimeoutError())) is True
    assert module.is_redis_timeout_failure(chained(None)) is False
    assert module.is_redis_timeout_failure(redis.exceptions.ConnectionError("refused")) is False


@in_a_loop
async def test_a_success_is_not_cancelled_by_another_calls_failure() -> None:
    watched = breaker()
    failed = asyncio.Event()

    async def fails() -> None:
        await asyncio.sleep(0)
        module._record_swallowed_redis_failure(watched, redis.exceptions.ConnectionError("refused"))
        failed.set()

    async def works() -> str:
        await failed.wait()
        return "ok"

    for _ in range(4):
        failed.clear()
        await asyncio.gather(run(watched, "a", fails), run(watched, "b", works))
    assert watched._failure_count < 3
    assert not watched.is_open()


class Held:
    """A call that says when it began and ends when it is told to."""

    def __init__(self, watched: Any) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.task = asyncio.ensure_future(run(watched, "op", self._call))

    async def _call(self) -> str:
        self.begun.set()
        await self.may_end.wait()
        return "ok"

    async def end(self) -> None:
        self.may_end.set()
        assert await self.task == "ok"


@in_a_loop
async def test_only_the_probe_of_the_last_outage_closes_it(hands: Hands) -> None:
    watched = breaker()
    early = Held(watched)
    await early.begun.wait()
    for _ in range(3):
        watched.record_failure()
    hands.now += 61
    first = Held(watched)
    await first.begun.wait()
    assert watched._state == "half_open"
    await early.end()
    assert watched._state == "half_open", "admitted before the outage"
    watched.record_failure()
    hands.now += 61
    second = Held(watched)
    await second.begun.wait()
    await first.end()
    assert watched._state == "half_open", "its probe is of an outage before this one"
    await second.end()
    assert (watched._state, watched.is_open()) == ("closed", False)


def test_a_success_from_before_does_not_close_it() -> None:
    opened = breaker(3)
    opened.record_success()
    assert (opened._state, opened.is_open()) == ("open", True)
