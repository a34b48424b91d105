"""JSON files that are either whole or absent."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import orjson


def write_json(path: Path, value: Any) -> None:
    """Replace the file in one step, mode 0600. Thread-safe. Raises `OSError`, and `TypeError` for a
    value that JSON cannot hold.

    Not synced to disk: the readers are processes of this machine, and a reboot ends the run anyway.
    """
    body = orjson.dumps(value)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in the file. Raises `OSError`, and `ValueError` when it is anything else."""
    value = orjson.loads(path.read_bytes())
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


Stamp = tuple[int, int, int]
"""Differs for every replacement of a file: a new one has a new inode, an edited one a new time or size."""


def stamp_of(path: Path) -> Stamp | None:
    """The file's stamp now; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
