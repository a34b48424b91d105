"""Flags that are wrong, mended, or changed while a process runs: what holds, and what is told."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from accel import flags, layers
from support.processes import run_python

NAME = "token_counting"
DEFAULTS = flags.Defaults(seed=1, features={NAME: flags.FeatureFlag(mode="on", percent=100.0, verify_percent=0.0)})


def flags_with(path: Path | None = None, **variables: str) -> layers.Flags:
    if path is not None:
        variables["ACCEL_FLAGS"] = str(path)
    made = layers.Flags(DEFAULTS, flags.Environment(frozenset({NAME}), variables))
    made.load_file()
    return made


def write(path: Path, **settings: object) -> Path:
    path.write_bytes(orjson.dumps({"features": {NAME: settings} if settings else {}}))
    return path


class TestValues:
    @pytest.mark.parametrize("before", ["25%", "off", "shadow", "on"])
    @pytest.mark.parametrize(
        ("value", "mode", "percent"), [("on", "on", 100.0), ("shadow", "shadow", 100.0), ("12.5%", "on", 12.5)]
    )
    def test_a_value_says_all_whatever_held_before(
        self, before: str, value: str, mode: str, percent: float
    ) -> None:
        made = flags_with(ACCEL_TOKEN_COUNTING=before)
        made.set_overlay({"features": {NAME: flags.parse_value(value)}}, "overlay")
        assert (made.effective(NAME).mode, made.effective(NAME).percent) == (mode, percent)

    @pytest.mark.parametrize("value", ["0.0001%", "nan%", "-1%", "100.001%", "25", "%", "yes"])
    def test_a_bad_value_is_told_and_the_feature_is_off(self, value: str) -> None:
        made = flags_with(ACCEL_TOKEN_COUNTING=value)
        assert made.effective(NAME).mode == "off"
        assert "ACCEL_TOKEN_COUNTING must be off, shadow, on or a percentage" in made.problems[0]

    def test_a_bad_value_does_not_break_the_import(self) -> None:
        environ = {**os.environ, "ACCEL_TOKEN_COUNTING": "0.0001%"}
        code = "import accel; print(accel.status().features['token_counting']['mode'])"
        assert run_python(code, environ=environ).stdout == "off\n"


BAD_FILES: dict[str, Callable[[Path], object]] = {
    "not JSON": lambda path: path.write_text("{"),
    "another shape": lambda path: path.write_text('{"features": []}'),
    "a bad setting": lambda path: write(path, percent=101),
    "gone": lambda path: path.unlink(),
}


class TestFile:
    @pytest.mark.parametrize("spoil", BAD_FILES.values(), ids=BAD_FILES.keys())
    @pytest.mark.parametrize("settings", [{}, {"percent": 25.0}], ids=["empty", "a quarter"])
    def test_one_that_goes_bad_leaves_what_held_until_it_is_mended(
        self, tmp_path: Path, spoil: Callable[[Path], object], settings: dict[str, float]
    ) -> None:
        path = write(tmp_path / "flags.json", **settings)
        made = flags_with(path)
        before = made.effective(NAME)
        spoil(path)
        made.load_file()
        assert made.effective(NAME) == before
        assert len(made.problems) == 1
        assert str(path) in made.problems[0]
        write(path, mode="shadow")
        made.load_file()
        assert made.effective(NAME).mode == "shadow"
        assert made.problems == [], "a mended file is no problem any more"

    def test_one_that_starts_bad_keeps_everything_off(self, tmp_path: Path) -> None:
        path = tmp_path / "flags.json"
        path.write_text("{")
        made = flags_with(path)
        assert made.effective(NAME).mode == "off"
        write(path)
        made.load_file()
        assert (made.effective(NAME).mode, made.problems) == ("on", [])


class TestOverlay:
    @pytest.mark.parametrize(
        "content", [[], {"features": []}, {"features": {NAME: "off"}}, {"features": {"nonsense": {}}}, {}]
    )
    def test_a_bad_one_leaves_what_held_until_it_is_mended(self, content: object) -> None:
        made = flags_with()
        made.set_overlay({"features": {NAME: {"percent": 5.0}}}, "the overlay")
        made.set_overlay(content, "the overlay")
        assert made.effective(NAME).percent == 5.0
        assert len(made.problems) == 1
        made.set_overlay({"features": {}}, "the overlay")
        assert (made.effective(NAME).percent, made.problems) == (100.0, [])


def test_an_unknown_name_switches_nothing_off() -> None:
    code = """
import accel
try:
    with accel.disabled("token_counting", "nonsense"):
        pass
except accel.FlagError:
    print(accel.status().features["token_counting"]["mode"])
"""
    assert run_python(code).stdout == "on\n"
