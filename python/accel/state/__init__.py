"""The private state of an `accel run`: who serves, what each process reports, and the flag overlay.

One directory per run, 0700, below a 0700 parent that belongs to the user. Nothing in it is secret and
nothing in it is needed to serve: a process that cannot read or write it goes on without.
"""

from accel.state.directory import StateError, candidates, check_private, parent_directory
from accel.state.identity import ProcessIdentity
from accel.state.overlay import Overlay, OverlayReader, read_overlay, write_overlay
from accel.state.runs import Run, create_run, live_runs, remove_stale_runs
from accel.state.snapshots import Snapshot, Snapshots, read_snapshots, remove_snapshot, write_snapshot

__all__ = [
    "Overlay",
    "OverlayReader",
    "ProcessIdentity",
    "Run",
    "Snapshot",
    "Snapshots",
    "StateError",
    "candidates",
    "check_private",
    "create_run",
    "live_runs",
    "parent_directory",
    "read_overlay",
    "read_snapshots",
    "remove_snapshot",
    "remove_stale_runs",
    "write_overlay",
    "write_snapshot",
]
