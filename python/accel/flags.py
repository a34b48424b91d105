"""Flags: the defaults of `feature_flags.json`, a file, the environment, and changes at run time.

The only reader of environment variables that begin with `ACCEL_`. Later layers win over earlier
ones: defaults, `ACCEL_FLAGS`, `ACCEL_<FEATURE>`, the overlay of `accel run`, `set_flag`.
"""

from __future__ import annotations

import logging
import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from accel.errors import FlagError

_log: Final = logging.getLogger("accel")

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


class Defaults(BaseModel):
    """The shape of `feature_flags.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0, lt=2**64)]
    features: dict[str, FeatureFlag]


def validated(name: str, settings: Mapping[str, Any], where: str) -> FeatureFlag:
    """The flag that `settings` describe. Raises `FlagError`, which names `where` and what may stand there."""
    try:
        return FeatureFlag.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        rule = first["msg"].removeprefix("Value error, ")
        raise FlagError(f"{where}: {name}.{place}: {rule}") from None


def parse_value(text: str) -> dict[str, Any]:
    """`off`, `shadow`, `on` or a percentage such as `25%`. Raises `FlagError`."""
    word = text.strip().lower()
    if word in ("off", "shadow", "on"):
        return {"mode": word}
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
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, dict) or not all(isinstance(value, dict) for value in features.values()):
        raise FlagError(f'{path}: must be {{"features": {{name: {{setting: value}}}}}}')
    unknown = sorted(set(features) - names)
    if unknown:
        raise FlagError(f"{path}: unknown feature {unknown[0]!r}; known: {', '.join(sorted(names))}")
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


class Flags:
    """The layers of settings, and what they come to. Not thread-safe; `control` holds the lock."""

    def __init__(self, defaults: Defaults, environment: Environment) -> None:
        self._defaults: Final = defaults
        self._environment: Final = environment
        self.seed: Final = defaults.seed
        self.names: Final = frozenset(defaults.features)
        self._file_was_read = False
        self._file: dict[str, dict[str, Any]] = {}
        self._overlay: dict[str, dict[str, Any]] = {}
        self._runtime: dict[str, dict[str, Any]] = {}
        self._closed: set[str] = set(environment.bad_features)
        self._pauses: Counter[str] = Counter()
        self._problems: dict[str, str] = {}

    @property
    def problems(self) -> list[str]:
        """What is wrong now; a file or an overlay that was mended is not."""
        return [*self._environment.problems, *self._problems.values()]

    def load_file(self) -> None:
        """Read `ACCEL_FLAGS` again. A bad file leaves what held before; at the start, everything off."""
        path = self._environment.flags_file
        if path is None:
            return
        try:
            settings = read_file(path, self.names)
            for name, changes in settings.items():
                validated(name, {**self._settings(name), **changes}, str(path))
        except FlagError as error:
            self._complain("file", str(error))
            if not self._file_was_read:
                self._closed |= self.names
            return
        self._problems.pop("file", None)
        self._file_was_read = True
        self._closed = set(self._environment.bad_features)
        self._file = settings

    def set_overlay(self, settings: Mapping[str, Mapping[str, Any]], where: str) -> None:
        """Take the overlay of `accel run`; a bad one leaves what held before."""
        try:
            for name, changes in settings.items():
                if name not in self.names:
                    raise FlagError(f"{where}: unknown feature {name!r}")
                validated(name, {**self._settings(name), **changes}, where)
        except FlagError as error:
            self._complain("overlay", str(error))
            return
        self._problems.pop("overlay", None)
        self._overlay = {name: dict(changes) for name, changes in settings.items()}

    def set_runtime(self, name: str, changes: Mapping[str, Any]) -> None:
        """Add to this process's own settings. Raises `FlagError`, changing nothing."""
        if name not in self.names:
            raise FlagError(f"unknown feature {name!r}; known: {', '.join(sorted(self.names))}")
        validated(name, {**self._settings(name), **changes}, "set_flag")
        self._runtime[name] = {**self._runtime.get(name, {}), **changes}

    def pause(self, name: str) -> None:
        """Off, whatever the layers say, until `resume`. Pauses may overlap: the last `resume` ends them."""
        self._pauses[name] += 1

    def resume(self, name: str) -> None:
        """End one pause."""
        self._pauses[name] -= 1

    def effective(self, name: str) -> FeatureFlag:
        """What holds for a feature now."""
        flag = validated(name, self._settings(name), "flags")
        # What a bad value closed is opened by a mode that somebody names, not by a percentage alone.
        opened = "mode" in self._runtime.get(name, {}) or "mode" in self._overlay.get(name, {})
        if self._pauses[name] > 0 or (name in self._closed and not opened):
            return flag.model_copy(update={"mode": "off"})
        return flag

    def _settings(self, name: str) -> dict[str, Any]:
        merged = self._defaults.features[name].model_dump()
        for layer in (self._file, self._environment.features, self._overlay, self._runtime):
            merged.update(layer.get(name, {}))
        return merged

    def _complain(self, layer: str, problem: str) -> None:
        if self._problems.get(layer) != problem:
            self._problems[layer] = problem
            _log.error("%s", problem)
