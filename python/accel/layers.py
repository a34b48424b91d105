"""The layers of flags and what they come to.

Later layers win over earlier ones: the defaults of `feature_flags.json`, `ACCEL_FLAGS`,
`ACCEL_<FEATURE>`, the overlay of `accel run`, `set_flag`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from accel.errors import FlagError
from accel.flags import Defaults, Environment, FeatureFlag, features_of, in_range, read_file, validated

_log: Final = logging.getLogger("accel")

_FILE: Final = "file"
OVERLAY: Final = "overlay"
"""A source of problems that its reader may report too."""


class Flags:
    """The layers of settings, and what they come to. Not thread-safe; `control` holds the lock."""

    def __init__(self, defaults: Defaults, environment: Environment) -> None:
        self._defaults: Final = defaults
        self._environment: Final = environment
        self.seed: Final = defaults.seed
        self.names: Final = frozenset(defaults.features)
        self._problems: dict[str, str] = {}
        self._file: dict[str, dict[str, Any]] | None = None
        self._overlay: dict[str, dict[str, Any]] = {}
        self._runtime: dict[str, dict[str, Any]] = {}
        self._closed: set[str] = set(environment.bad_features)
        self._pauses: Counter[str] = Counter()

    def load_file(self) -> None:
        """Read `ACCEL_FLAGS` again. A bad file leaves what held before; at the start, everything off."""
        path = self._environment.flags_file
        if path is None:
            return
        try:
            self._file = self._checked(read_file(path, self.names), str(path))
        except FlagError as error:
            self.complain(_FILE, str(error))
            if self._file is None:
                self._closed |= self.names
            return
        self._closed = set(self._environment.bad_features)
        self._problems.pop(_FILE, None)

    def set_overlay(self, content: Any, where: str) -> None:
        """Take what the overlay of `accel run` holds; a bad one leaves what held before."""
        try:
            self._overlay = self._checked(features_of(content, self.names, where), where)
        except FlagError as error:
            self.complain(OVERLAY, str(error))
        else:
            self._problems.pop(OVERLAY, None)

    def complain(self, source: str, problem: str) -> None:
        """Keep this as what is wrong with `source` until it is mended; log it once."""
        if self._problems.get(source) != problem:
            self._problems[source] = problem
            _log.error("%s", problem)

    @property
    def problems(self) -> list[str]:
        """What is wrong now, in words."""
        return [*self._environment.problems, *self._problems.values()]

    def _checked(self, settings: dict[str, dict[str, Any]], where: str) -> dict[str, dict[str, Any]]:
        for name, changes in settings.items():
            self._validated(name, _over(self._settings(name), changes), where)
        return settings

    def _validated(self, name: str, settings: dict[str, Any], where: str) -> FeatureFlag:
        return in_range(name, validated(name, settings, where), self._defaults.settings.get(name, {}), where)

    def set_runtime(self, name: str, changes: Mapping[str, Any]) -> None:
        """Add to this process's own settings. Raises `FlagError`, changing nothing."""
        if name not in self.names:
            raise FlagError(f"unknown feature {name!r}; known: {', '.join(sorted(self.names))}")
        self._validated(name, _over(self._settings(name), changes), "set_flag")
        self._runtime[name] = _over(self._runtime.get(name, {}), changes)

    def pause(self, name: str) -> None:
        """Off, whatever the layers say, until `resume`. Pauses may overlap: the last `resume` ends them."""
        self._pauses[name] += 1

    def resume(self, name: str) -> None:
        """End one pause."""
        self._pauses[name] -= 1

    def effective(self, name: str) -> FeatureFlag:
        """What holds for a feature now."""
        flag = self._validated(name, self._settings(name), "flags")
        # What a bad value closed is opened by a mode that somebody names, not by a percentage alone.
        opened = "mode" in self._runtime.get(name, {}) or "mode" in self._overlay.get(name, {})
        if self._pauses[name] > 0 or (name in self._closed and not opened):
            return flag.model_copy(update={"mode": "off"})
        return flag

    def _settings(self, name: str) -> dict[str, Any]:
        merged = self._defaults.features[name].model_dump()
        own = self._defaults.settings.get(name, {})
        merged["settings"] = {setting: kind.default for setting, kind in own.items()}
        for layer in (self._file or {}, self._environment.features, self._overlay, self._runtime):
            merged = _over(merged, layer.get(name, {}))
        return merged


def _over(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with these changes; of a feature's own numbers those that are not named stay."""
    merged = {**settings, **changes}
    before, after = settings.get("settings"), changes.get("settings")
    if isinstance(before, dict) and isinstance(after, dict):
        merged["settings"] = {**before, **after}
    return merged
