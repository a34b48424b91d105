"""Where the state lives: a directory that belongs to this user and to nobody else."""

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

_PRIVATE = 0o700


class StateError(Exception):
    """The state directory cannot be trusted or used; the text says which and why."""


def candidates(environ: Mapping[str, str]) -> list[Path]:
    """Every place where a run of this user may keep its state, the preferred one first.

    A service often has no XDG_RUNTIME_DIR where a login shell has one, so a reader looks at all.
    """
    found = [Path(tempfile.gettempdir()) / f"accel-{os.getuid()}"]
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    # sudo and containers pass the variable on where the directory is absent or another user's.
    if os.path.isabs(runtime) and _owner_of(runtime) == os.getuid():
        found.insert(0, Path(runtime) / "accel")
    return found


def parent_directory(environ: Mapping[str, str]) -> Path:
    """The preferred candidate, made when absent. Raises `StateError` when it cannot be made or trusted."""
    parent = candidates(environ)[0]
    try:
        parent.mkdir(mode=_PRIVATE, exist_ok=True)
    except OSError as error:
        raise StateError(f"cannot make the state directory {parent}: {error.strerror}") from error
    check_private(parent)
    return parent


def check_private(directory: Path) -> None:
    """Raise `StateError` unless this is a real directory of this user that nobody else can enter."""
    try:
        found = directory.lstat()
    except OSError as error:
        raise StateError(f"cannot use the state directory {directory}: {error.strerror}") from error
    if stat.S_ISLNK(found.st_mode):
        raise StateError(f"the state directory {directory} is a symbolic link; remove it")
    if not stat.S_ISDIR(found.st_mode):
        raise StateError(f"the state directory {directory} is not a directory; remove it")
    if found.st_uid != os.getuid():
        raise StateError(
            f"the state directory {directory} belongs to user {found.st_uid}, not to {os.getuid()}; "
            "remove it or set XDG_RUNTIME_DIR"
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise StateError(
            f"the state directory {directory} has mode {mode:04o}, which lets others in; "
            "it must be 0700: remove it"
        )


def _owner_of(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None
