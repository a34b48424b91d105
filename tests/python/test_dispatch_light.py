"""Light admission: as the junction's ordinary way, cheaper; nobody passes where LiteLLM's own answer is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from accel import around, dispatch, shadow
from accel._accel import ManualClock
from accel.errors import Declined, FellBack, NotReplayable
from support.junctions import SECRET, Original, breaker, call, calls, make, raises

ASKED = [False, True]


@pytest.fixture(autouse=True)
def _no_records_before() -> Any:
    shadow.forget()
    yield
    shadow.forget()


def ask(junction: dispatch.Junction, native: Any, original: Any, waits: bool, reads: bool = True) -> Any:
    """One call of a seam that is a function or, where it waits, a coroutine function."""
    if not waits:
        return junction.lightly(native, original, reads=reads)(SECRET)

    async def step(answer: Any) -> Any:
        await asyncio.sleep(0)
        return answer(SECRET)

    async def replacement() -> Any:
        detour = junction.refused()
        if not detour:
            return await step(native)
        return await junction.awaited(detour, lambda: step(native), lambda: step(original), reads=reads)

    return asyncio.run(replacement())


@pytest.mark.parametrize("waits", ASKED)
class TestWays:
    def test_native_answers_alone(self, waits: bool) -> None:
        junction, original = make(), Original()
        assert ask(junction, lambda _: -1, original, waits) == -1
        assert (original.seen, calls(junction)) == ([], {"native": 1})

    def test_off_is_tallied_once(self, waits: bool) -> None:
        junction, native = make("off"), Original()
        assert ask(junction, native, len, waits) == len(SECRET)
        assert (native.seen, calls(junction)) == ([], {"python": {"off": 1}})

    def test_a_share(self, waits: bool) -> None:
        junction = make()
        junction.guard.configure("on", 50, 0, [], [])
        assert {ask(junction, lambda _: -1, len, waits) for _ in range(40)} == {-1, len(SECRET)}
        assert sum(calls(junction)["python"].values()) + calls(junction)["native"] == 40

    @pytest.mark.parametrize(("mode", "verify"), [("on", 100), ("shadow", 0)])
    def test_both_run_and_are_compared(self, waits: bool, mode: str, verify: float) -> None:
        junction, native, original = make(mode, verify=verify), Original(), Original()
        assert ask(junction, native, original, waits) == len(SECRET)
        assert (native.seen, original.seen) == ([SECRET], [SECRET])
        assert calls(junction)["verified"] == 1
        junction.guard.configure(mode, 100, verify, [], [])
        assert ask(junction, lambda _: -1, original, waits) == len(SECRET)
        assert breaker(junction) == ("open", "mismatch")
        assert (calls(junction)["verified"], calls(junction)["mismatched"]) == (1, 1)

    @pytest.mark.parametrize(("mode", "verify"), [("on", 100), ("shadow", 0)])
    def test_what_changed_in_between_is_no_mismatch(self, waits: bool, mode: str, verify: float) -> None:
        junction, values = make(mode, verify=verify), iter([1, 2, 2])
        assert ask(junction, lambda _: next(values), lambda _: next(values), waits) == 2
        assert (calls(junction)["verified"], breaker(junction)) == (1, ("closed", None))

    def test_an_effect_is_never_had_twice(self, waits: bool) -> None:
        junction, native, original = make(verify=100), Original(), Original()
        ask(junction, native, original, waits, reads=False)
        assert (native.seen, original.seen, calls(junction)) == ([SECRET], [], {"native": 1})
        junction = make("shadow")
        ask(junction, native, original, waits, reads=False)
        assert (native.seen, original.seen, calls(junction)) == ([SECRET], [SECRET], {"python": {"shadow": 1}})

    def test_the_breaker_is_asked_on_every_call(self, waits: bool) -> None:
        junction = make(clock=ManualClock())
        for _ in range(10):
            junction.guard.failed(junction.guard.admit(1), "ValueError")
        assert ask(junction, lambda _: -1, len, waits) == len(SECRET)
        assert calls(junction)["python"] == {"failed": 10, "breaker": 1}

    @pytest.mark.parametrize(("mode", "verify"), [("on", 100), ("shadow", 0)])
    @pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError()])
    def test_what_interrupts_a_compared_original_passes(
        self, waits: bool, mode: str, verify: float, error: BaseException
    ) -> None:
        junction = make(mode, verify=verify)
        with pytest.raises(type(error)):
            ask(junction, len, raises(error), waits)
        assert calls(junction) == {"abandoned": 1}

    def test_the_originals_exceptions_are_results(self, waits: bool) -> None:
        for junction in (make("off"), make("shadow"), make("on", verify=100)):
            with pytest.raises(LookupError, match="LiteLLM's own"):
                ask(junction, raises(LookupError("LiteLLM's own")), raises(LookupError("LiteLLM's own")), waits)


class TestFailures:
    def test_a_decline(self) -> None:
        junction, original = make(replayable=False), Original()
        assert ask(junction, raises(Declined("odd")), original, False) == len(SECRET)
        assert calls(junction) == {"python": {"declined: odd": 1}}

    def test_a_failure_is_charged_and_the_original_answers_once(self) -> None:
        junction, original = make(), Original()
        for _ in range(10):
            assert ask(junction, raises(ValueError(SECRET)), original, False) == len(SECRET)
        assert len(original.seen) == 10
        assert calls(junction) == {"python": {"failed": 10}, "failed": 10, "failed_by": {"ValueError": 10}}
        assert breaker(junction) == ("open", "failures")

    def test_after_an_effect_the_original_does_not_run(self) -> None:
        junction, original = make(replayable=False), Original()
        with pytest.raises(NotReplayable):
            ask(junction, raises(ValueError()), original, False, reads=False)
        assert original.seen == []
        assert ask(junction, raises(ValueError()), original, False, reads=True) == len(SECRET)

    def test_exceptions_of_coroutines_that_answer_by_raising(self) -> None:
        junction = make("on", verify=100)

        async def scene(error: BaseException) -> Any:
            async def native() -> Any:
                raise error

            async def original() -> Any:
                return 1

            ticket = junction.guard.admit(junction.next_unit())
            return await junction.awaited(ticket, native, original, reads=False, raises=True)

        with pytest.raises(LookupError):
            asyncio.run(scene(LookupError()))
        assert (calls(junction), breaker(junction)) == ({"native": 1}, ("closed", None))
        assert asyncio.run(scene(Declined("odd"))) == 1
        assert calls(junction)["python"] == {"declined: odd": 1}

    def test_interrupts_of_native_code_pass(self) -> None:
        junction = make()
        with pytest.raises(KeyboardInterrupt):
            ask(junction, raises(KeyboardInterrupt()), len, False)
        assert calls(junction) == {"abandoned": 1}

    def test_strict(self) -> None:
        with pytest.raises(FellBack):
            ask(make(strict=True), raises(Declined("odd")), len, False)


class TestScopes:
    """Inside LiteLLM's own answer, and inside what native is compared with, no seam helps."""

    def inner(self, asked: Callable[[Any], Any]) -> Callable[[Any], Any]:
        junction = make()
        native, original = Original(lambda _: -1), Original(lambda _: 1)
        answer = junction.lightly(native, original, reads=True)

        def run(argument: Any) -> Any:
            asked((answer(argument), calls(junction)))
            return 1

        return run

    @pytest.mark.parametrize(("mode", "verify"), [("on", 100), ("shadow", 0)])
    def test_inside_an_oracle_of_any_feature(self, mode: str, verify: float) -> None:
        seen: list[Any] = []
        call(make(mode, verify=verify), lambda _: 1, self.inner(seen.append))
        assert seen == [(1, {})]

    def test_inside_an_oracle_that_waits(self) -> None:
        seen: list[Any] = []
        ask(make("shadow"), lambda _: 1, self.inner(seen.append), True)
        assert seen == [(1, {})]

    def test_inside_pythons_answer_of_the_same_feature(self) -> None:
        junction, seen = make(), []
        answer = junction.branch("module:name").lightly(lambda _: -1, lambda _: 1, reads=True)
        call(junction, raises(ValueError()), lambda _: seen.append(answer(1)))
        assert seen == [1]
        call(junction, "not mine", lambda _: seen.append(answer(1)))
        assert seen == [1, -1]

    def test_beside_one_that_is_open_elsewhere_native_answers_the_ordinary_way(self) -> None:
        junction, other = make(), make("shadow")

        async def scene() -> None:
            inside, leave = asyncio.Event(), asyncio.Event()

            async def original() -> int:
                inside.set()
                await leave.wait()
                return 1

            async def native() -> int:
                return 1

            begun = asyncio.ensure_future(other.awaited(-1, native, original, reads=True))
            await inside.wait()
            assert junction.refused() == -1
            assert junction.lightly(lambda _: -1, len, reads=True)(SECRET) == -1
            assert calls(junction) == {"native": 1}
            leave.set()
            assert await begun == 1
            assert junction.refused() == 0

        asyncio.run(scene())


@pytest.mark.parametrize("inside", [False, True])
def test_a_forked_child_has_an_account_of_its_own(inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    junction = make("on")
    monkeypatch.setitem(dispatch.junctions, "probe", junction)
    refused = junction.refused
    assert refused() == 0

    def as_in_a_child(_: Any) -> int:
        before = around._scopes
        dispatch.renew_all()
        junction.guard.configure("on", 100, 0, [], [])
        assert (refused(), calls(junction)) == ((-1, {}) if inside else (0, {"native": 1}))
        around._scopes = before
        junction.renew()
        return 1

    if inside:
        call(make("shadow"), lambda _: 1, as_in_a_child)
    else:
        as_in_a_child(SECRET)
