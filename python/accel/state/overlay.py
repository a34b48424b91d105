"""The flag overlay of a run: `flags.json`, which every worker looks at once a second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accel.state.files import Stamp, read_object, stamp_of, write_json

_NAME = "flags.json"


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the file says. `problem`, when set, says why it could not be read; then `flags` is empty and
    the reader should keep what it has."""

    flags: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def write_overlay(directory: Path, flags: Mapping[str, Any]) -> None:
    """Replace the whole overlay in one step; the last writer wins. Raises `OSError`, `TypeError`."""
    write_json(directory / _NAME, dict(flags))


def read_overlay(directory: Path) -> Overlay:
    """The overlay as it is now; empty without one. Never raises `OSError` or `ValueError`."""
    return OverlayReader(directory).poll() or Overlay()


class OverlayReader:
    """Reports the overlay when it has changed. For one thread; cheap enough for once a second."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._seen: Stamp | None = None

    def poll(self) -> Overlay | None:
        """None while nothing changed since the last call, else the new overlay (empty when the file was
        removed). A bad file is reported once, as `problem`. Never raises `OSError` or `ValueError`."""
        stamp = stamp_of(self._path)
        if stamp == self._seen:
            return None
        self._seen = stamp
        if stamp is None:
            return Overlay()
        try:
            return Overlay(read_object(self._path))
        except FileNotFoundError:
            self._seen = None
            return Overlay()
        except (OSError, ValueError) as error:
            return Overlay(problem=f"cannot read {self._path}: {error}")
