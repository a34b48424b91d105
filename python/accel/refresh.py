"""Once a second: take changed flags, and leave a snapshot for `accel status`.

Runs only where there is something to watch: below `accel run`, or with `ACCEL_FLAGS` set.
"""

from __future__ import annotations

import atexit
import logging
import sys
from pathlib import Path
from typing import Any, Final

from accel import control, report
from accel.state import OverlayReader, remove_snapshot, write_snapshot
from accel.state.files import Stamp, stamp_of
from accel.ticker import Ticker

_log: Final = logging.getLogger("accel")


class _Watch:
    """What one process looks at; used by its ticker's thread only."""

    def __init__(self, flags_file: Path | None, directory: Path | None) -> None:
        self._flags_file = flags_file
        self._flags_stamp: Stamp | None = stamp_of(flags_file) if flags_file else None
        self._directory = directory
        self._overlay = OverlayReader(directory) if directory else None
        self._last_body: dict[str, Any] | None = None
        self._last_problem: str | None = None

    def tick(self) -> None:
        self._take_flags_file()
        if self._directory is not None:
            self._take_overlay()
            self._leave_snapshot(self._directory)

    def _take_flags_file(self) -> None:
        if self._flags_file is None:
            return
        stamp = stamp_of(self._flags_file)
        # A file that is gone for a moment, while an editor or a config map replaces it, changes nothing.
        if stamp is not None and stamp != self._flags_stamp:
            self._flags_stamp = stamp
            control.reload_flags()

    def _take_overlay(self) -> None:
        overlay = self._overlay.poll() if self._overlay else None
        if overlay is None:
            return
        if overlay.problem is not None:
            _log.error("%s", overlay.problem)
            return
        control.set_overlay(overlay.flags.get("features", {}), "flag overlay")

    def _leave_snapshot(self, directory: Path) -> None:
        body = {"program": Path(sys.argv[0]).name if sys.argv else "", "status": report.status().to_dict()}
        if body == self._last_body:
            return
        self._last_body = body
        problem = write_snapshot(directory, body)
        if problem is not None and problem != self._last_problem:
            _log.warning("%s", problem)
        self._last_problem = problem


def start() -> None:
    """Begin to watch, if there is anything to watch."""
    environment = control.environment
    if environment.flags_file is None and environment.state_directory is None:
        return
    watch = _Watch(environment.flags_file, environment.state_directory)
    Ticker(watch.tick).start()
    _keep.append(watch)
    if environment.state_directory is not None:
        atexit.register(remove_snapshot, environment.state_directory)


_keep: Final[list[_Watch]] = []
