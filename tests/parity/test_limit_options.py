"""Where accel's limiter may answer otherwise than LiteLLM's: each option, on and off, and off by default."""

from __future__ import annotations

from collections.abc import Iterator

import litellm.proxy.proxy_server  # noqa: F401  # as in the proxy
import pytest

import accel
from support.calls import calls_of
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
    succeed,
)
from support.live import kept_flags

OPTIONS = ("exact_retry_after", "uncharged_rejection", "guarded_settle")
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(params=[True, False], ids=["on", "off"])
def switched(request: pytest.FixtureRequest) -> Iterator[bool]:
    """The options are on, or off as they are by default; afterwards as before."""
    with kept_flags():
        for name in ("caching", "rate_limiting"):
            accel.set_flag(name, mode="on", percent=100, verify_percent=0)
        for name in OPTIONS:
            accel.set_flag(name, mode="on" if request.param else "off", percent=100)
        yield request.param


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    return Moment(monkeypatch)


@in_a_loop
async def test_a_client_is_told_when_its_window_ends(switched: bool, moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=1)
    await ask(handler, who)
    moment.advance(50)
    with calls_of("exact_retry_after") as calls:
        error = await refusal(handler, who)
    assert error.headers is not None
    assert error.headers["retry-after"] == ("10" if switched else "60")
    # Seconds since 1970 have no zone; the text says UTC.
    assert error.headers["reset_at"] in str(error.detail)
    assert calls.native == int(switched)


@in_a_loop
async def test_a_gauge_has_no_window(switched: bool, moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(max_parallel_requests=1)
    await ask(handler, who)
    error = await refusal(handler, who)
    assert error.headers is not None
    assert error.headers["retry-after"] == "60"


@in_a_loop
async def test_what_is_refused_is_charged_or_not(switched: bool, moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=10, max_parallel_requests=1)
    assert await admitted(handler, who, 10) == 1
    assert await counter(handler, "api_key", "key", "requests") == (1 if switched else 10)
    other = limiter(time_provider=moment)
    assert await admitted(other, caller(rpm_limit=10, tpm_limit=30), 10, messages=HELLO, max_tokens=29) == 1
    assert await counter(other, "api_key", "key", "requests") == (1 if switched else 10)
    few = limiter(time_provider=moment)
    assert await admitted(few, caller(rpm_limit=3), 10) == 3
    assert await counter(few, "api_key", "key", "requests") == (3 if switched else 4)


@in_a_loop
async def test_a_reservation_makes_no_room_in_the_next_window(switched: bool, moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(tpm_limit=10_000)
    await ask(handler, who, messages=HELLO, max_tokens=999)
    assert await counter(handler, "api_key", "key", "tokens") == 1_000
    moment.advance(61)
    await succeed(handler, answer(100, 10))
    # What was given back belongs to a window that has ended.
    assert await counter(handler, "api_key", "key", "tokens") == (0 if switched else -890)


@in_a_loop
async def test_within_its_window_a_reservation_is_settled(switched: bool, moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(tpm_limit=10_000)
    await ask(handler, who, messages=HELLO, max_tokens=999)
    moment.advance(59)
    await succeed(handler, answer(100, 10))
    assert await counter(handler, "api_key", "key", "tokens") == 110


@pytest.mark.parametrize("later_s", [1, 61])
@in_a_loop
async def test_a_failure_gives_back_within_its_window_only(switched: bool, moment: Moment, later_s: int) -> None:
    handler, who = limiter(time_provider=moment), caller(tpm_limit=10_000)
    await ask(handler, who, messages=HELLO, max_tokens=999)
    moment.advance(later_s)
    await fail(handler)
    assert await counter(handler, "api_key", "key", "tokens") == (0 if switched or later_s == 1 else -1_000)


def test_all_are_off_by_default() -> None:
    defaults = accel.native.module.DEFAULT_FLAGS
    for name in OPTIONS:
        assert f'"{name}": {{\n      "mode": "off"' in defaults
