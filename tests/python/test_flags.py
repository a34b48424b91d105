"""Flags: what each layer may say, which one wins, and what a bad value does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.errors import FlagError
from accel.flags import Defaults, Environment, parse_value, read_file, validated
from accel.layers import Flags

NAME = "token_counting"
NAMES = frozenset({NAME, "other"})
DEFAULT = {"mode": "on", "percent": 100.0, "verify_percent": 0.1}
DEFAULTS = Defaults.model_validate({"seed": 1, "features": {NAME: DEFAULT, "other": DEFAULT}})


def flags_of(**variables: str) -> Flags:
    flags = Flags(DEFAULTS, Environment(NAMES, variables))
    flags.load_file()
    return flags


def write(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else orjson.dumps({"features": content}))
    return path


class TestValues:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("off", {"mode": "off"}),
            (" Shadow\n", {"mode": "shadow", "percent": 100.0}),
            ("ON", {"mode": "on", "percent": 100.0}),
            ("25%", {"mode": "on", "percent": 25.0}),
            ("0.001%", {"mode": "on", "percent": 0.001}),
            ("0%", {"mode": "on", "percent": 0.0}),
            ("100%", {"mode": "on", "percent": 100.0}),
        ],
    )
    def test_good(self, text: str, expected: dict[str, Any]) -> None:
        assert parse_value(text) == expected

    @pytest.mark.parametrize(
        "text", ["", "banana", "25", "%", "101%", "-1%", "nan%", "inf%", "0.0001%", "1e-9%", "12.3456%"]
    )
    def test_bad(self, text: str) -> None:
        with pytest.raises(FlagError, match="must be off, shadow, on or a percentage from 0% to 100%"):
            parse_value(text)

    @given(st.text() | st.from_regex(r"[\s+-]?[0-9_.eE]{0,12}%", fullmatch=True) | st.floats().map("{}%".format))
    def test_any_text_is_a_value_that_holds_or_a_flag_error(self, text: str) -> None:
        try:
            value = parse_value(text)
        except FlagError:
            return
        # What is accepted here must never be refused later, where nobody would catch it.
        flag = validated(NAME, {**DEFAULT, **value}, "test")
        assert 0 <= flag.percent <= 100

    @pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.1 + 0.2, 12.345, 33.333, 99.999, 100])
    @pytest.mark.parametrize("setting", ["percent", "verify_percent"])
    def test_thousandths_are_shares(self, setting: str, share: float) -> None:
        flag = validated(NAME, {**DEFAULT, setting: share}, "test")
        assert getattr(flag, setting) == pytest.approx(share, abs=1e-12)

    @pytest.mark.parametrize("share", [0.0001, 1e-9, 12.3456, 50.00000001, 1 / 3])
    @pytest.mark.parametrize("setting", ["percent", "verify_percent"])
    def test_finer_shares_are_refused_by_name(self, setting: str, share: float) -> None:
        with pytest.raises(FlagError, match=rf"^test: {NAME}\.{setting}: must be a multiple of 0\.001$"):
            validated(NAME, {**DEFAULT, setting: share}, "test")

    @pytest.mark.parametrize(
        ("settings", "place"),
        [
            ({"mode": "sometimes"}, "mode"),
            ({"percent": 100.001}, "percent"),
            ({"percent": -0.001}, "percent"),
            ({"percent": float("nan")}, "percent"),
            ({"verify_percent": None}, "verify_percent"),
            ({"include": "gpt-4o"}, "include"),
            ({"exclude": [1]}, "exclude.0"),
            ({"percentage": 5}, "percentage"),
        ],
    )
    def test_a_bad_setting_is_named(self, settings: dict[str, Any], place: str) -> None:
        with pytest.raises(FlagError, match=rf"^here: {NAME}\.{place}: "):
            validated(NAME, {**DEFAULT, **settings}, "here")


class TestLayers:
    def test_each_wins_over_the_one_before(self, tmp_path: Path) -> None:
        path = write(tmp_path / "flags.json", {NAME: {"percent": 1, "verify_percent": 7, "include": ["a"]}})
        flags = flags_of()
        assert flags.effective(NAME).model_dump() == {**DEFAULT, "include": (), "exclude": (), "settings": {}}
        flags = flags_of(ACCEL_FLAGS=str(path))
        assert (flags.effective(NAME).percent, flags.effective(NAME).verify_percent) == (1, 7)
        flags = flags_of(ACCEL_FLAGS=str(path), ACCEL_TOKEN_COUNTING="2%")
        assert (flags.effective(NAME).percent, flags.effective(NAME).verify_percent) == (2, 7)
        flags.set_overlay({"features": {NAME: {"percent": 3}}}, "overlay")
        assert flags.effective(NAME).percent == 3
        flags.set_runtime(NAME, {"percent": 4})
        assert flags.effective(NAME).percent == 4
        flags.set_overlay({"features": {}}, "overlay")
        assert flags.effective(NAME).percent == 4
        assert flags.effective(NAME).include == ("a",)
        assert flags.effective("other").percent == 100
        assert flags.problems == []

    def test_a_bad_change_changes_nothing(self) -> None:
        flags = flags_of()
        flags.set_runtime(NAME, {"percent": 4})
        for name, changes in (("unknown", {"mode": "off"}), (NAME, {"mode": "off", "percent": 101})):
            with pytest.raises(FlagError):
                flags.set_runtime(name, changes)
            flags.set_overlay({"features": {name: changes}}, "overlay")
            assert len(flags.problems) == 1
        assert (flags.effective(NAME).mode, flags.effective(NAME).percent) == ("on", 4)
        flags.set_overlay({"features": {NAME: {"percent": 3}}}, "overlay")
        assert flags.problems == []

    def test_a_bad_variable_closes_its_feature_until_a_mode_is_named(self) -> None:
        flags = flags_of(ACCEL_TOKEN_COUNTING="banana")
        assert (flags.effective(NAME).mode, flags.effective("other").mode) == ("off", "on")
        assert flags.problems == [
            "ACCEL_TOKEN_COUNTING must be off, shadow, on or a percentage from 0% to 100% in steps of 0.001, "
            "not 'banana'; token_counting stays off"
        ]
        flags.set_runtime(NAME, {"percent": 10})
        assert flags.effective(NAME).mode == "off"
        flags.set_runtime(NAME, {"mode": "on"})
        assert flags.effective(NAME).mode == "on"

    def test_pauses_overlap(self) -> None:
        flags = flags_of()
        flags.pause(NAME)
        flags.pause(NAME)
        flags.set_runtime(NAME, {"mode": "on"})
        flags.resume(NAME)
        assert flags.effective(NAME).mode == "off"
        flags.resume(NAME)
        assert flags.effective(NAME).mode == "on"


class TestFile:
    BAD = (
        (b"not JSON", "not JSON"),
        (b"[]", "must be"),
        (b'{"features": {"token_counting": 3}}', "must be"),
        ({"unknown": {}}, "unknown feature 'unknown'; known: other, token_counting"),
        ({NAME: {"percent": 101}}, r"token_counting\.percent: Input should be less than or equal to 100"),
    )

    @pytest.mark.parametrize(("content", "said"), BAD)
    def test_a_bad_file_at_the_start_closes_everything(self, tmp_path: Path, content: Any, said: str) -> None:
        path = write(tmp_path / "flags.json", content)
        flags = flags_of(ACCEL_FLAGS=str(path))
        assert {flags.effective(name).mode for name in NAMES} == {"off"}
        (problem,) = flags.problems
        assert problem.startswith(f"{path}: ")
        with pytest.raises(FlagError, match=said):
            raise FlagError(problem)
        write(path, {})
        flags.load_file()
        assert flags.problems == []
        assert {flags.effective(name).mode for name in NAMES} == {"on"}

    @pytest.mark.parametrize("first", [{}, {NAME: {"percent": 5}}])
    @pytest.mark.parametrize(("content", "said"), BAD)
    def test_a_bad_file_later_leaves_what_held(
        self, tmp_path: Path, first: dict[str, Any], content: Any, said: str
    ) -> None:
        path = write(tmp_path / "flags.json", first)
        flags = flags_of(ACCEL_FLAGS=str(path))
        before = flags.effective(NAME)
        write(path, content)
        flags.load_file()
        assert flags.effective(NAME) == before
        assert len(flags.problems) == 1

    def test_a_missing_file_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(FlagError, match="cannot be read: No such file"):
            read_file(tmp_path / "none.json", NAMES)
