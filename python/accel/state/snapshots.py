"""What each process of a run last said about itself: `<pid>.json` in the run's directory."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.state.files import read_object, write_json
from accel.state.identity import ProcessIdentity


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One live process, what it said, and when (file time, seconds since 1970)."""

    process: ProcessIdentity
    body: dict[str, Any]
    written_unix_s: float


@dataclass(frozen=True, slots=True)
class Snapshots:
    """All live processes of a run, by pid; `problems` names files that could not be read, in words."""

    live: tuple[Snapshot, ...]
    problems: tuple[str, ...]


def write_snapshot(directory: Path, body: Mapping[str, Any]) -> str | None:
    """Replace the calling process's snapshot. None when written, else why not. Never raises `Exception`.

    Thread-safe; the last writer wins. `body` must not hold secrets.
    """
    process = ProcessIdentity.of_self()
    try:
        write_json(_path(directory, process.pid), {"process": process.to_json(), "body": dict(body)})
    except (OSError, TypeError, ValueError) as error:
        # Called once a second in a serving process: a full or vanished disk must not reach it.
        return f"cannot write the snapshot of process {process.pid}: {error}"
    return None


def remove_snapshot(directory: Path) -> None:
    """Take back the calling process's snapshot, at its exit. Never raises `OSError`."""
    _unlink(_path(directory, os.getpid()))


def read_snapshots(directory: Path) -> Snapshots:
    """The snapshots of all processes that live. Files of dead ones are removed: workers that are
    recycled for days would otherwise pile up. Never raises `Exception`."""
    live: list[Snapshot] = []
    problems: list[str] = []
    for path in _files(directory, problems):
        try:
            written_unix_s = path.stat().st_mtime
            document = read_object(path)
            process = ProcessIdentity.from_json(document.get("process"))
            body = document.get("body")
            if not isinstance(body, dict):
                raise ValueError("body must be an object")
        except FileNotFoundError:
            continue  # its process has just ended
        except (OSError, ValueError) as error:
            problems.append(f"{path.name}: {error}")
            continue
        if process.is_visible() and not process.is_alive():
            _unlink(path)
        else:
            live.append(Snapshot(process, body, written_unix_s))
    return Snapshots(tuple(live), tuple(problems))


def _files(directory: Path, problems: list[str]) -> list[Path]:
    try:
        found = [path for path in directory.iterdir() if path.suffix == ".json" and path.stem.isdecimal()]
    except OSError as error:
        problems.append(f"{directory}: {error.strerror}")
        return []
    return sorted(found, key=lambda path: int(path.stem))


def _path(directory: Path, pid: int) -> Path:
    return directory / f"{pid}.json"


def _unlink(path: Path) -> None:
    # Gone already, or not ours to remove: either way there is nothing to do.
    with contextlib.suppress(OSError):
        path.unlink()
