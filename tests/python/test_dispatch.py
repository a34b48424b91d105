"""The junction: which of native code and the original answers, and what the account says of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from accel import shadow
from accel._accel import ManualClock
from accel.errors import Declined, NotReplayable
from support.junctions import SECRET, Original, breaker, call, calls, make, raises


@pytest.fixture(autouse=True)
def _no_records_before() -> Any:
    shadow.forget()
    yield
    shadow.forget()


class TestPaths:
    def test_native_answers_alone(self) -> None:
        junction, original = make(), Original()
        assert call(junction, lambda text: -1, original) == -1
        assert original.seen == []
        assert calls(junction) == {"native": 1}

    def test_verify_runs_both_and_gives_the_native_answer(self) -> None:
        junction, original = make(verify=100), Original()
        assert call(junction, len, original) == len(SECRET)
        assert original.seen == [SECRET]
        assert calls(junction) == {"native": 1, "verified": 1}

    def test_shadow_runs_both_and_gives_pythons_answer(self) -> None:
        junction, native, original = make("shadow"), Original(), Original()
        assert call(junction, native, original) == len(SECRET)
        assert (native.seen, original.seen) == ([SECRET], [SECRET])
        assert calls(junction) == {"python": {"shadow": 1}, "verified": 1}

    def test_python_runs_alone(self) -> None:
        junction, native = make(), Original()
        junction.guard.configure("on", 0, 100, [], [])
        assert call(junction, native) == len(SECRET)
        assert native.seen == []
        assert calls(junction) == {"python": {"percent": 1}}

    @pytest.mark.parametrize(("mode", "verify"), [("on", 0), ("on", 100), ("shadow", 0)])
    def test_a_reason_instead_of_native_code_declines(self, mode: str, verify: float) -> None:
        junction, original = make(mode, verify=verify), Original()
        assert call(junction, "no tokenizer", original) == len(SECRET)
        assert original.seen == [SECRET]
        assert calls(junction) == {"python": {"declined: no tokenizer": 1}}

    @pytest.mark.parametrize(("mode", "verify"), [("on", 0), ("on", 100), ("shadow", 0)])
    def test_declined_is_neither_a_failure_nor_a_comparison(self, mode: str, verify: float) -> None:
        junction, original = make(mode, verify=verify), Original()
        assert call(junction, raises(Declined("odd")), original) == len(SECRET)
        assert original.seen == [SECRET]
        assert calls(junction) == {"python": {"declined: odd": 1}}
        assert breaker(junction) == ("closed", None)

    def test_prepare(self) -> None:
        junction = make()
        assert junction.prepare(lambda a, b: a + b, 1, 2) == 3
        assert junction.prepare(raises(Declined("odd")), None) == "odd"
        assert junction.prepare(raises(KeyError(SECRET)), None) == "not prepared: KeyError"
        with pytest.raises(KeyboardInterrupt):
            junction.prepare(raises(KeyboardInterrupt()), None)
        assert calls(junction) == {}

    def test_the_breaker_is_asked_on_every_call(self) -> None:
        junction = make()
        unit = junction.next_unit()  # one unit, as one count function with many texts has
        assert junction.call(unit, (), lambda _: -1, len, "abc") == -1
        for _ in range(10):
            assert junction.call(unit, (), raises(ValueError()), len, "abc") == 3
        assert breaker(junction) == ("open", "failures")
        assert junction.call(unit, (), lambda _: -1, len, "abc") == 3
        assert calls(junction)["python"] == {"breaker": 1, "failed": 10}


class TestFailures:
    @pytest.mark.parametrize(("mode", "verify"), [("on", 0), ("on", 100), ("shadow", 0)])
    def test_a_failure_is_counted_and_the_original_answers_once(self, mode: str, verify: float) -> None:
        junction, original = make(mode, verify=verify), Original()
        assert call(junction, raises(ValueError(SECRET)), original) == len(SECRET)
        assert original.seen == [SECRET]
        # In shadow it was Python's call from the start.
        reason = "shadow" if mode == "shadow" else "failed"
        assert calls(junction) == {"python": {reason: 1}, "failed": 1, "failed_by": {"ValueError": 1}}

    def test_the_log_names_the_class_and_no_text(self, caplog: pytest.LogCaptureFixture) -> None:
        call(make(), raises(ValueError(SECRET)))
        assert "native code failed (ValueError)" in caplog.text
        assert SECRET not in caplog.text

    def test_after_an_effect_the_original_does_not_run(self) -> None:
        junction, original, failure = make(replayable=False), Original(), ValueError("spent")
        with pytest.raises(NotReplayable) as caught:
            call(junction, raises(failure), original)
        assert caught.value.__cause__ is failure
        assert original.seen == []
        assert calls(junction) == {"failed": 1, "failed_by": {"ValueError": 1}}

    def test_in_shadow_python_has_answered_already(self) -> None:
        junction, original = make("shadow", replayable=False), Original()
        assert call(junction, raises(ValueError()), original) == len(SECRET)
        assert original.seen == [SECRET]

    def test_a_decline_comes_before_any_effect(self) -> None:
        assert call(make(replayable=False), raises(Declined("odd"))) == len(SECRET)

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError()])
    @pytest.mark.parametrize(("mode", "verify"), [("on", 0), ("on", 100), ("shadow", 0)])
    def test_interrupts_of_native_code_pass(self, error: BaseException, mode: str, verify: float) -> None:
        junction = make(mode, verify=verify)
        with pytest.raises(type(error)) as caught:
            call(junction, raises(error))
        assert caught.value is error
        assert calls(junction)["abandoned"] == 1
        assert "failed" not in calls(junction)

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError()])
    @pytest.mark.parametrize(("mode", "verify"), [("on", 100), ("shadow", 0)])
    def test_interrupts_of_a_compared_original_pass(self, error: BaseException, mode: str, verify: float) -> None:
        junction = make(mode, verify=verify)
        with pytest.raises(type(error)):
            call(junction, len, raises(error))
        assert calls(junction)["abandoned"] == 1
        assert "mismatched" not in calls(junction)

    def test_interrupted_trials_give_their_places_back(self) -> None:
        clock = ManualClock()
        junction = make(clock=clock)
        junction.guard.compared(junction.guard.admit(1), False)
        clock.advance_ms(30_000)
        for _ in range(10):
            with pytest.raises(KeyboardInterrupt):
                call(junction, len, raises(KeyboardInterrupt()))
        assert junction.guard.status()["breaker"]["trials"]["in_flight"] == 0


def test_a_branch_is_strict_with_its_feature() -> None:
    junction = make()
    branch = junction.branch("module:name")
    assert junction.branch("module:name") is branch
    branch.strict = True
    assert (junction.strict, branch.strict) == (True, True)
    junction.strict = False
    assert (junction.strict, branch.strict) == (False, False)
