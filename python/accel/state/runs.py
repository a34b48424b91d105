"""The runs of this user: one directory for each `accel run`."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from accel.state.directory import StateError, candidates, check_private, parent_directory
from accel.state.files import read_object, write_json
from accel.state.identity import ProcessIdentity
from accel.state.snapshots import read_snapshots

_PREFIX = "run-"
_RECORD = "run.json"
# A run that is just being made has no record yet.
_GRACE_S = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """One `accel run`: its directory, the process it became, and the command it was given."""

    directory: Path
    process: ProcessIdentity
    command: tuple[str, ...]


def create_run(environ: Mapping[str, str], command: Sequence[str]) -> Run:
    """Make the directory of a run whose process is the calling one (an `exec` keeps it that).

    `command` is shown to people; it must not hold secrets, so pass the program, not its arguments.
    Removes stale runs first. Raises `StateError`.
    """
    parent = parent_directory(environ)
    remove_stale_runs(environ)
    process = ProcessIdentity.of_self()
    try:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        write_json(directory / _RECORD, {"process": process.to_json(), "command": list(command)})
    except OSError as error:
        raise StateError(f"cannot make a run below {parent}: {error.strerror}") from error
    return Run(directory, process, tuple(command))


def live_runs(environ: Mapping[str, str]) -> list[Run]:
    """The runs that have a live process, oldest pid first. Unreadable ones are left out."""
    runs = [run for path in _directories(environ) if (run := _read(path)) and _is_live(run)]
    return sorted(runs, key=lambda run: run.process.pid)


def remove_stale_runs(environ: Mapping[str, str]) -> int:
    """Remove the directories of runs that have ended; how many that were. Never raises `OSError`."""
    removed = 0
    for path in _directories(environ):
        run = _read(path)
        if _is_fresh(path) if run is None else _is_live(run):
            continue
        shutil.rmtree(path, ignore_errors=True)
        removed += 1
    return removed


def _is_live(run: Run) -> bool:
    """A daemon outlives the process that `accel run` became, so any live worker keeps the run alive.
    A run in another pid namespace cannot be judged from here, and is left alone."""
    return not run.process.is_visible() or run.process.is_alive() or bool(read_snapshots(run.directory).live)


def _is_fresh(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _GRACE_S
    except OSError:
        return True


def _directories(environ: Mapping[str, str]) -> Iterator[Path]:
    for parent in candidates(environ):
        try:
            check_private(parent)
            found = sorted(path for path in parent.iterdir() if path.name.startswith(_PREFIX))
        except (StateError, OSError):
            continue  # absent or not to be trusted: no run of ours can be in there
        yield from found


def _read(directory: Path) -> Run | None:
    try:
        record = read_object(directory / _RECORD)
        command = record.get("command")
        if not isinstance(command, list):
            return None
        return Run(directory, ProcessIdentity.from_json(record.get("process")), tuple(map(str, command)))
    except (OSError, ValueError):
        return None
