"""Packages that are not installed, remembered for a few seconds."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any, Final

LOOK_AGAIN_S: Final = 5.0


class Absent:
    """Whether a package cannot be imported. Thread-safe.

    Python looks through its path at every import of a package that is not there, and runs the body of whatever
    imports it again. Here it is looked for every `LOOK_AGAIN_S` seconds.
    """

    def __init__(self, package: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        """To look for a package inside of another imports that one, as its own import would."""
        self._package: Final = package
        self._clock_s: Final = clock_s
        self._until_s = float("-inf")
        self._looked: tuple[list[Any], ...] = ()

    def is_sure(self) -> bool:
        """True only where an import would fail because the package is not there. Never raises."""
        if self._package in sys.modules:
            # None there makes its import fail too, in other words; LiteLLM's own code says them.
            return False
        now_s = self._clock_s()
        # Where Python looks may change at any time.
        if now_s < self._until_s and self._looked == (sys.path, sys.meta_path, sys.path_hooks):
            return True
        try:
            if importlib.util.find_spec(self._package) is not None:
                return False
        except ModuleNotFoundError:
            pass  # not even the one around it
        except Exception:  # noqa: BLE001  # an importer or a package of somebody's: LiteLLM's own import meets it
            return False
        self._looked = [*sys.path], [*sys.meta_path], [*sys.path_hooks]
        self._until_s = now_s + LOOK_AGAIN_S
        return True
