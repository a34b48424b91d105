"""Once a second: take changed flags, and leave a snapshot for `accel status`.

Imported only where there is something to watch: below `accel run`, or with `ACCEL_FLAGS` set.
"""

from __future__ import annotations

import atexit
import logging
import os
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
        # With the pid: a forked child begins with its parent's memory, but has left nothing yet.
        self._last_left: tuple[int, dict[str, Any]] | None = None
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
            control.refuse_overlay(overlay.problem)
        else:
            control.set_overlay(overlay.flags or {"features": {}}, "flag overlay")

    def _leave_snapshot(self, directory: Path) -> None:
        body = {"program": Path(sys.argv[0]).name if sys.argv else "", "status": report.status().to_dict()}
        left = (os.getpid(), body)
        if left == self._last_left:
            return
        self._last_left = left
        problem = write_snapshot(directory, body)
        if problem is not None and problem != self._last_problem:
            _log.warning("%s", problem)
        self._last_problem = problem


def start() -> None:
    """Begin to watch the flag file and the state directory that the environment names."""
    environment = control.environment
    watch = _Watch(environment.flags_file, environment.state_directory)
    ticker = Ticker(watch.tick)
    _tickers.append(ticker)
    ticker.start()
    if environment.state_directory is not None:
        atexit.register(remove_snapshot, environment.state_directory)


# Held here because nothing else does while a fork has ended the ticker's thread.
_tickers: Final[list[Ticker]] = []
