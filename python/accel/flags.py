"""What a flag may be, in a flag file and in the environment.

The only reader of environment variables that begin with `ACCEL_`. What the layers come to is in `layers`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from accel.errors import FlagError

Mode = Literal["off", "shadow", "on"]


def _in_steps(share: float) -> float:
    # Pydantic's `multiple_of` lets 1e-9 pass, which the native guard refuses; here both agree.
    nearest = round(share, 3)
    if not math.isclose(share, nearest, rel_tol=1e-12):
        raise ValueError("must be a multiple of 0.001")
    return nearest


Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), AfterValidator(_in_steps)]

_SWITCHES: Final = {"1": True, "true": True, "on": True, "yes": True}
_SWITCHES_OFF: Final = {"0": False, "false": False, "off": False, "no": False}
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_VARIABLES: Final = (
    "ACCEL_ENABLED",
    "ACCEL_FLAGS",
    "ACCEL_STRICT",
    "ACCEL_LOG",
    "ACCEL_RUN",
    "ACCEL_STATE_DIR",
)


class FeatureFlag(BaseModel):
    """One feature's settings. Shares are percent, 0 to 100 in steps of 0.001."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode
    percent: Share
    verify_percent: Share
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    settings: dict[str, float] = {}
    """The feature's own numbers; which there are, and their ranges, `feature_flags.json` says."""


class Setting(BaseModel):
    """What one of a feature's own numbers is, and may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: float
    minimum: float
    maximum: float


class Defaults(BaseModel):
    """The shape of `feature_flags.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0, lt=2**64)]
    features: dict[str, FeatureFlag]
    settings: dict[str, dict[str, Setting]] = {}
    """By feature and name."""


def validated(name: str, settings: Mapping[str, Any], where: str) -> FeatureFlag:
    """The flag that `settings` describe. Raises `FlagError`, which names `where` and what may stand there."""
    try:
        return FeatureFlag.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        rule = first["msg"].removeprefix("Value error, ")
        raise FlagError(f"{where}: {name}.{place}: {rule}") from None


def in_range(name: str, flag: FeatureFlag, known: Mapping[str, Setting], where: str) -> FeatureFlag:
    """The same flag. Raises `FlagError` if one of its own settings is unknown or out of its range."""
    for setting, value in flag.settings.items():
        if setting not in known:
            there = ", ".join(sorted(known)) or "none"
            raise FlagError(f"{where}: {name}.settings: unknown setting {setting!r}; known: {there}")
        lowest, highest = known[setting].minimum, known[setting].maximum
        # Written so that a number that is none is refused too.
        if not lowest <= value <= highest:
            raise FlagError(f"{where}: {name}.settings.{setting}: must be from {lowest:g} to {highest:g}")
    return flag


def parse_value(text: str) -> dict[str, Any]:
    """`off`, `shadow`, `on` or a percentage such as `25%`; each says all: `on` is on for every call.

    Raises `FlagError`.
    """
    word = text.strip().lower()
    if word == "off":
        return {"mode": word}
    if word in ("shadow", "on"):
        return {"mode": word, "percent": 100.0}
    try:
        share = float(word.removesuffix("%"))
        if not word.endswith("%") or not 0 <= share <= 100:
            raise ValueError
        share = _in_steps(share)
    except ValueError:
        raise FlagError(
            f"must be off, shadow, on or a percentage from 0% to 100% in steps of 0.001, not {text!r}"
        ) from None
    return {"mode": "on", "percent": share}


def read_file(path: Path, names: frozenset[str]) -> dict[str, dict[str, Any]]:
    """The features' settings in a flag file: `{"features": {name: {setting: value}}}`, each setting optional.

    Raises `FlagError` for a file that cannot be read, other JSON, or an unknown feature.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise FlagError(f"{path}: cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise FlagError(f"{path}: not JSON: {error}") from None
    return features_of(content, names, str(path))


def features_of(content: Any, names: frozenset[str], where: str) -> dict[str, dict[str, Any]]:
    """The features' settings in what a flag file holds. Raises `FlagError`, which names `where`."""
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, dict) or not all(isinstance(value, dict) for value in features.values()):
        raise FlagError(f'{where}: must be {{"features": {{name: {{setting: value}}}}}}')
    unknown = sorted(set(features) - names)
    if unknown:
        raise FlagError(f"{where}: unknown feature {unknown[0]!r}; known: {', '.join(sorted(names))}")
    return features


class Environment:
    """What the `ACCEL_` variables say, read once. Bad values are kept as `problems`."""

    def __init__(self, names: frozenset[str], variables: Mapping[str, str] = os.environ) -> None:
        self.problems: list[str] = []
        self.bad_features: set[str] = set()
        self.enabled = self._switch(variables, "ACCEL_ENABLED", default=True)
        self.strict = self._switch(variables, "ACCEL_STRICT", default=False)
        self.flags_file = Path(variables["ACCEL_FLAGS"]) if variables.get("ACCEL_FLAGS") else None
        self.state_directory = Path(variables["ACCEL_STATE_DIR"]) if variables.get("ACCEL_STATE_DIR") else None
        self.log_level = self._level(variables)
        self.features: dict[str, dict[str, Any]] = {}
        known = {f"ACCEL_{name.upper()}": name for name in names}
        for variable, value in variables.items():
            if variable in known:
                self._feature(known[variable], variable, value)
            elif variable.startswith("ACCEL_") and variable not in _VARIABLES:
                self.problems.append(f"{variable}: unknown; known: {', '.join(sorted([*known, *_VARIABLES]))}")

    def _feature(self, name: str, variable: str, value: str) -> None:
        try:
            self.features[name] = parse_value(value)
        except FlagError as error:
            self.bad_features.add(name)
            self.problems.append(f"{variable} {error}; {name} stays off")

    def _switch(self, variables: Mapping[str, str], variable: str, *, default: bool) -> bool:
        value = variables.get(variable, "").strip().lower()
        if not value:
            return default
        found = {**_SWITCHES, **_SWITCHES_OFF}.get(value)
        if found is None:
            # A kill switch that was meant and misspelt must still kill.
            found = False
            self.problems.append(f"{variable} must be 1 or 0, not {value!r}; taken as 0")
        return found

    def _level(self, variables: Mapping[str, str]) -> str | None:
        value = variables.get("ACCEL_LOG", "").strip().lower()
        if value and value not in _LEVELS:
            self.problems.append(f"ACCEL_LOG must be one of {', '.join(_LEVELS)}, not {value!r}")
            return None
        return value or None
