"""A native panic becomes a counted failure, opens the breaker and is answered by Python."""

from __future__ import annotations

from typing import Any

import pytest

from accel import _accel
from accel._accel import ManualClock
from support.junctions import SECRET, Original, breaker, call, calls, make
from support.live import calls as live_calls
from support.live import counted_by, fresh_account

panic_for_test = getattr(_accel, "_panic_for_test", None)
pytestmark = pytest.mark.skipif(panic_for_test is None, reason="needs the cargo feature panic-test")


def panics(_: Any = None, *__: Any) -> Any:
    assert panic_for_test is not None
    return panic_for_test()


def test_it_is_no_exception_that_a_handler_would_catch() -> None:
    with pytest.raises(_accel.PanicException, match="asked to"):
        panics()
    assert not issubclass(_accel.PanicException, Exception)


@pytest.mark.parametrize(("mode", "verify"), [("on", 0), ("on", 100), ("shadow", 0)])
def test_python_answers_and_the_breaker_opens_at_once(mode: str, verify: float) -> None:
    junction, original = make(mode, verify=verify), Original()
    assert call(junction, panics, original) == len(SECRET)
    assert original.seen == [SECRET]
    assert breaker(junction) == ("open", "panic")
    assert calls(junction)["failed_by"] == {"PanicException": 1}
    native = Original()
    assert call(junction, native) == len(SECRET)
    assert native.seen == []
    assert calls(junction)["python"]["breaker"] == 1


def test_it_closes_after_a_hundred_equal_shadow_trials_and_latches_the_second_time() -> None:
    clock = ManualClock()
    junction, native = make(clock=clock), Original()
    call(junction, panics)
    clock.advance_ms(29_999)
    call(junction, native)
    assert native.seen == []
    clock.advance_ms(1)
    for _ in range(100):
        assert breaker(junction) == ("half_open", "panic")
        original = Original()
        assert call(junction, native, original) == len(SECRET)
        assert original.seen == [SECRET], "a trial is answered by Python"
    assert len(native.seen) == 100
    assert breaker(junction) == ("closed", None)
    assert call(junction, lambda _: -1) == -1

    call(junction, panics)
    assert breaker(junction) == ("latched", "panic")
    clock.advance_ms(7 * 86_400_000)
    assert call(junction, lambda _: -1) == len(SECRET)
    assert breaker(junction) == ("latched", "panic")
    junction.guard.reset_errors()
    assert call(junction, lambda _: -1) == -1


def test_a_trial_that_panics_latches() -> None:
    clock = ManualClock()
    junction = make(clock=clock)
    call(junction, panics)
    clock.advance_ms(30_000)
    call(junction, panics)
    assert breaker(junction) == ("latched", "panic")


def test_a_panic_after_an_effect_is_told_to_the_caller() -> None:
    from accel.errors import NotReplayable

    original = Original()
    with pytest.raises(NotReplayable) as caught:
        call(make(replayable=False), panics, original)
    assert isinstance(caught.value.__cause__, _accel.PanicException)
    assert original.seen == []


def test_litellm_goes_on_counting() -> None:
    import litellm

    model, clock = "gpt-3.5-turbo", ManualClock()
    with fresh_account(clock) as junction:
        expected = litellm.token_counter(model=model, text=SECRET)
        assert live_calls(junction)["native"] == 1
        with counted_by(panics):
            assert litellm.token_counter(model=model, text=SECRET) == expected
            assert junction.guard.status()["breaker"]["state"] == "open"
            assert litellm.token_counter(model=model, text=SECRET) == expected
            counted = live_calls(junction)
            assert (counted["native"], counted["failed"]) == (1, 1)
            assert counted["python"] == {"failed": 1, "breaker": 1}
        clock.advance_ms(30_000)
        for _ in range(101):
            assert litellm.token_counter(model=model, text=SECRET) == expected
        assert live_calls(junction)["native"] == 2
        assert junction.guard.status()["breaker"]["state"] == "closed"
