"""Numbers of a feature's own: their names and ranges are those of the defaults file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import accel
from accel import dispatch, native
from accel.errors import FlagError
from accel.flags import Defaults, Environment
from accel.layers import Flags
from support.live import kept_flags

NAME = "token_bucket"
FLAG = {"mode": "on", "percent": 100.0, "verify_percent": 0.0}
RANGE = {"default": 10, "minimum": 1, "maximum": 100}
DEFAULTS = Defaults.model_validate(
    {
        "seed": 1,
        "features": {NAME: FLAG, "other": FLAG},
        "settings": {NAME: {"burst_percent": RANGE, "further": RANGE}},
    }
)


def flags_of(**variables: str) -> Flags:
    flags = Flags(DEFAULTS, Environment(frozenset(DEFAULTS.features), variables))
    flags.load_file()
    return flags


def test_layers_change_single_settings() -> None:
    flags = flags_of()
    assert flags.effective(NAME).settings == {"burst_percent": 10, "further": 10}
    assert flags.effective("other").settings == {}
    flags.set_overlay({"features": {NAME: {"settings": {"burst_percent": 20}}}}, "overlay")
    flags.set_runtime(NAME, {"settings": {"further": 30}})
    flags.set_runtime(NAME, {"percent": 5})
    assert flags.effective(NAME).settings == {"burst_percent": 20, "further": 30}
    flags.set_overlay({"features": {}}, "overlay")
    assert flags.effective(NAME).settings == {"burst_percent": 10, "further": 30}


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        (NAME, {"burst": 5}, r"settings: unknown setting 'burst'; known: burst_percent, further"),
        ("other", {"burst": 5}, r"settings: unknown setting 'burst'; known: none"),
        (NAME, {"burst_percent": 0.5}, r"settings\.burst_percent: must be from 1 to 100"),
        (NAME, {"burst_percent": 100.5}, r"settings\.burst_percent: must be from 1 to 100"),
        (NAME, {"burst_percent": float("nan")}, r"settings\.burst_percent: must be from 1 to 100"),
        (NAME, {"burst_percent": "many"}, r"settings\.burst_percent: Input should be a valid number"),
        (NAME, 5, r"settings: Input should be a valid dictionary"),
    ],
)
def test_bad_ones_are_refused_by_name_and_change_nothing(
    tmp_path: Path, name: str, settings: Any, said: str
) -> None:
    flags = flags_of()
    before = flags.effective(name)
    with pytest.raises(FlagError, match=said):
        flags.set_runtime(name, {"settings": settings})
    flags.set_overlay({"features": {name: {"settings": settings}}}, "overlay")
    assert len(flags.problems) == 1
    assert flags.effective(name) == before
    if settings != settings or "nan" in repr(settings):
        return  # JSON has no such number
    path = tmp_path / "flags.json"
    path.write_bytes(orjson.dumps({"features": {name: {"settings": settings}}}))
    assert flags_of(ACCEL_FLAGS=str(path)).effective(name).mode == "off"


def test_every_setting_belongs_to_a_feature_and_its_default_is_in_its_range() -> None:
    assert native.module is not None
    defaults = Defaults.model_validate_json(native.module.DEFAULT_FLAGS)
    assert set(defaults.settings) <= set(defaults.features)
    for settings in defaults.settings.values():
        for setting in settings.values():
            assert setting.minimum <= setting.default <= setting.maximum
    assert all(not flag.settings for flag in defaults.features.values())


def test_they_reach_the_feature_at_run_time() -> None:
    with kept_flags():
        assert dispatch.junctions[NAME].settings == {"burst_percent": 10}
        accel.set_flag(NAME, settings={"burst_percent": 25})
        assert dispatch.junctions[NAME].settings == {"burst_percent": 25}
        assert accel.status().features[NAME]["settings"] == {"burst_percent": 25}
        with pytest.raises(FlagError, match="must be from 1 to 100"):
            accel.set_flag(NAME, settings={"burst_percent": 0})
    assert dispatch.junctions[NAME].settings == {"burst_percent": 10}
