"""Flags in force: what real calls of `litellm.token_counter` do under them, and run-time changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import litellm
import pytest

import accel
from accel import dispatch
from support.live import MODEL, NAME, TEXT, calls, count, counted_by, expected, fresh_account


@pytest.fixture
def junction() -> Iterator[dispatch.Junction]:
    with fresh_account() as junction:
        yield junction


class TestShares:
    def test_nobody_and_everybody(self, junction: dispatch.Junction) -> None:
        for percent, native in ((0, 0), (100, 50)):
            accel.set_flag(NAME, percent=percent)
            assert {count() for _ in range(50)} == {expected()}
            assert calls(junction)["native"] == native
        assert calls(junction)["python"] == {"percent": 50}

    @pytest.mark.parametrize("percent", [0.001, 25, 99.999])
    def test_a_share_of_calls(self, junction: dispatch.Junction, percent: float) -> None:
        # Which calls take part depends on the seed alone, so this is no matter of luck.
        accel.set_flag(NAME, percent=percent)
        first = junction.next_unit() + 1
        native = sum(junction.guard.bucket(unit) < percent * 1000 for unit in range(first, first + 400))
        assert {count("a") for _ in range(400)} == {1}
        assert calls(junction)["native"] == native
        assert native == pytest.approx(4 * percent, abs=40)

    def test_include_and_exclude_by_model(self, junction: dispatch.Junction) -> None:
        accel.set_flag(NAME, percent=0, include=["gpt-4o"])
        assert (count(model="gpt-4o"), count()) == (expected(model="gpt-4o"), expected())
        assert (calls(junction)["native"], calls(junction)["python"]) == (1, {"percent": 1})
        accel.set_flag(NAME, percent=100, include=[], exclude=[MODEL])
        assert (count(model="gpt-4o"), count()) == (expected(model="gpt-4o"), expected())
        assert (calls(junction)["native"], calls(junction)["python"]) == (2, {"percent": 1, "excluded": 1})


class TestComparing:
    def test_verify_everything(self, junction: dispatch.Junction) -> None:
        accel.set_flag(NAME, verify_percent=100)
        messages = [{"role": "user", "content": text} for text in ("", TEXT, "word " * 3000)]
        answer = litellm.token_counter(model=MODEL, messages=messages)
        counted = calls(junction)
        assert counted["verified"] == counted["native"] == 1
        assert (counted["mismatched"], counted["python"]) == (0, {})
        accel.set_flag(NAME, mode="off")
        assert litellm.token_counter(model=MODEL, messages=messages) == answer

    def test_shadow_answers_with_python_and_compares(self, junction: dispatch.Junction) -> None:
        accel.set_flag(NAME, mode="shadow")
        assert count() == expected()
        counted = calls(junction)
        assert (counted["native"], counted["verified"], counted["python"]) == (0, 1, {"shadow": 1})

    @pytest.mark.parametrize("settings", [{"mode": "shadow"}, {"verify_percent": 100}])
    def test_a_wrong_counter_never_reaches_a_caller(
        self, junction: dispatch.Junction, settings: dict[str, Any]
    ) -> None:
        count()
        with counted_by(lambda _text: 999):
            accel.set_flag(NAME, **settings)
            assert [count(), count()] == [expected()] * 2
        assert junction.guard.status()["breaker"]["opened_by"] == "mismatch"
        assert len(accel.status().mismatches) == 1
        assert TEXT not in repr(accel.status())
        assert any("breaker is open" in advice for advice in accel.get_recommendations())
