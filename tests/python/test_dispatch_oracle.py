"""The junction takes Python for the truth: its answers, its exceptions, and what is remembered of differences."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from accel import shadow
from accel.errors import AccelError, Declined, FellBack
from support.junctions import SECRET, Original, breaker, call, calls, make, raises

BOTH_RUN = pytest.mark.parametrize(("mode", "verify"), [("on", 100), ("shadow", 0)])
EVERY_WAY = pytest.mark.parametrize(("mode", "verify"), [("on", 0), ("on", 100), ("shadow", 0), ("off", 0)])


@pytest.fixture(autouse=True)
def _no_records_before() -> Any:
    shadow.forget()
    yield
    shadow.forget()


class TestMismatch:
    @BOTH_RUN
    @pytest.mark.parametrize("wrong", [-1, float(len(SECRET)), True, None])
    def test_pythons_answer_is_given_and_the_breaker_opens(self, mode: str, verify: float, wrong: Any) -> None:
        junction = make(mode, verify=verify)
        answer = call(junction, lambda _: wrong)
        assert (answer, type(answer)) == (len(SECRET), int)
        assert breaker(junction) == ("open", "mismatch")
        assert calls(junction)["mismatched"] == 1
        assert "native" not in calls(junction)

    @BOTH_RUN
    def test_a_value_where_python_raises_is_a_mismatch(self, mode: str, verify: float) -> None:
        junction, error = make(mode, verify=verify), TypeError("LiteLLM's own")
        with pytest.raises(TypeError) as caught:
            call(junction, len, raises(error))
        assert caught.value is error
        assert breaker(junction) == ("open", "mismatch")

    def test_a_record_holds_no_text_and_no_value(self) -> None:
        wrong, right = 918_273_645, 546_372_819
        call(make("shadow"), lambda _: wrong, lambda _: right)
        (record,) = shadow.mismatches()
        written = orjson.dumps(record).decode()
        for hidden in (SECRET, *SECRET.split(" ")[2:], str(wrong), str(right)):
            assert hidden not in written
        assert record["argument_length"] == len(SECRET)
        assert (record["native_type"], record["python_type"], record["argument_type"]) == ("int", "int", "str")

    def test_a_record_of_an_exception_names_its_class_only(self) -> None:
        with pytest.raises(ValueError, match=SECRET):
            call(make("shadow"), len, raises(ValueError(SECRET)))
        (record,) = shadow.mismatches()
        assert record["python_type"] == "ValueError"
        assert SECRET not in repr(record)

    def test_equal_texts_are_recognised_without_being_kept(self) -> None:
        for text in ("one", "two", "one", "\ud800"):
            call(make("shadow"), lambda _: -1, argument=text)
        first, second, third, _ = (record["argument_hash"] for record in shadow.mismatches())
        assert first == third != second

    def test_only_the_latest_hundred_are_kept(self) -> None:
        for length in range(105):
            call(make("shadow"), lambda _: -1, argument="x" * length)
        assert [record["argument_length"] for record in shadow.mismatches()] == list(range(5, 105))


class TestExceptionsOfTheOriginal:
    @EVERY_WAY
    @pytest.mark.parametrize("native", [raises(Declined("odd")), raises(ValueError()), "no native code"])
    def test_they_pass_unchanged(self, mode: str, verify: float, native: Any) -> None:
        error = RuntimeError("LiteLLM's own")
        with pytest.raises(RuntimeError) as caught:
            call(make(mode, verify=verify), native, raises(error))
        assert caught.value is error
        # A user who prints it, or a handler that walks the chain, must see LiteLLM only.
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None

    @EVERY_WAY
    def test_their_own_context_is_kept(self, mode: str, verify: float) -> None:
        def original(_: Any) -> Any:
            try:
                raise KeyError("inner")
            except KeyError:
                raise RuntimeError("outer")  # noqa: B904  # the implicit context is what is tested

        with pytest.raises(RuntimeError, match="outer") as caught:
            call(make(mode, verify=verify), raises(Declined("odd")), original)
        assert isinstance(caught.value.__context__, KeyError)

    def test_they_are_results_and_no_failures(self) -> None:
        junction = make()
        for _ in range(50):
            with pytest.raises(RuntimeError):
                call(junction, raises(Declined("odd")), raises(RuntimeError()))
        assert breaker(junction) == ("closed", None)
        assert calls(junction) == {"python": {"declined: odd": 50}}


class TestStrict:
    @pytest.mark.parametrize(
        "native", ["no native code", raises(Declined("odd")), raises(ValueError()), lambda _: -1]
    )
    @BOTH_RUN
    def test_what_went_to_python_raises(self, mode: str, verify: float, native: Any) -> None:
        junction = make(mode, verify=verify, strict=True)
        with pytest.raises(FellBack, match="probe"):
            call(junction, native)
        assert sum(calls(junction)["python"].values()) == 1

    def test_what_the_guard_decides_does_not(self) -> None:
        junction = make("off", strict=True)
        assert call(junction, len) == len(SECRET)
        junction.guard.configure("on", 0, 0, [], [])
        assert call(junction, len) == len(SECRET)
        junction.guard.configure("on", 100, 0, [], [])
        original = Original()
        assert call(junction, len, original) == len(SECRET)
        assert original.seen == []

    def test_it_is_one_of_accels_exceptions(self) -> None:
        assert issubclass(FellBack, AccelError)
