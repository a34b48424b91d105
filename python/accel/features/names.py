"""Names of live modules and the objects that they must be."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from accel import native
from accel.features.replaced import original_of
from accel.fingerprint import live


class Names:
    """Notices when somebody replaces one of the functions that native code stands for.

    `reproduced` are names and what they are now; `bound` are further names of the same objects, made by
    `from … import`, each with the name where it was defined. accel's own replacements count as what they replaced.
    """

    def __init__(self, reproduced: Iterable[str], bound: Mapping[str, str]) -> None:
        originals = {name: original_of(_held(name)) for name in reproduced}
        originals.update({name: original_of(_held(source)) for name, source in bound.items()})
        self._originals: Final = list(originals.items())
        self._expected = list(originals.values())
        self._bindings = self._as_bindings(self._expected)

    def intact(self) -> bool:
        """Whether all of them are what they were when this was made."""
        changed = self._bindings.changed()
        return not changed or self._only_ours(changed)

    def _only_ours(self, changed: list[int]) -> bool:
        """Whether accel's own were installed or taken out since; then these are expected from now on."""
        expected = list(self._expected)
        for place in changed:
            name, original = self._originals[place]
            try:
                found = _held(name)
            except (AttributeError, KeyError):
                return False
            if original_of(found) is not original:
                return False
            expected[place] = found
        self._expected, self._bindings = expected, self._as_bindings(expected)
        return True

    def _as_bindings(self, values: Iterable[Any]) -> Any:
        names = (name for name, _ in self._originals)
        return native.module.Bindings(
            [(vars(owner(name)), _last(name), value) for name, value in zip(names, values, strict=True)]
        )


def _held(name: str) -> Any:
    """What the name's owner holds: of a static or class method the object around the function."""
    found = vars(owner(name)).get(_last(name))
    return found if isinstance(found, (staticmethod, classmethod)) else live(name)


def _last(name: str) -> str:
    return re.split("[:.]", name)[-1]


def owner(name: str) -> Any:
    """The module or class that has `module:qualname`. Raises `KeyError` or `AttributeError` if it is not there."""
    module, _, qualname = name.partition(":")
    return live(f"{module}:{qualname.rpartition('.')[0]}") if "." in qualname else sys.modules[module]
