"""Which process is meant, even after its pid was given to another one."""

import os
from dataclasses import asdict, dataclass
from typing import Any

# Fields of /proc/<pid>/stat after the command name, which is in parentheses and may hold anything.
_STATE_FIELD = 0
_START_TIME_FIELD = 19
_GONE = ("Z", "X", "x")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A pid, its start time in clock ticks since boot, and its pid namespace.

    The last two are None where the system has no /proc; then the pid alone decides. `exec` changes
    none of them.
    """

    pid: int
    start_ticks: int | None
    namespace: str | None

    @classmethod
    def of_self(cls) -> "ProcessIdentity":
        """The calling process."""
        pid = os.getpid()
        return cls(pid, _start_ticks(pid), _namespace())

    @classmethod
    def from_json(cls, value: Any) -> "ProcessIdentity":
        """Read back what `to_json` made. Raises `ValueError` for anything else."""
        if not isinstance(value, dict):
            raise ValueError("a process must be an object")
        pid, start_ticks, namespace = (value.get(name) for name in ("pid", "start_ticks", "namespace"))
        if not isinstance(pid, int) or pid <= 0:
            raise ValueError("pid must be a positive number")
        if not isinstance(start_ticks, int | None) or not isinstance(namespace, str | None):
            raise ValueError("start_ticks must be a number or null, namespace a text or null")
        return cls(pid, start_ticks, namespace)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)

    def is_visible(self) -> bool:
        """False when the process lives in another pid namespace (a container): it cannot be judged here."""
        here = _namespace()
        return self.namespace is None or here is None or self.namespace == here

    def is_alive(self) -> bool:
        """Whether this very process runs. A zombie does not. Meaningless unless `is_visible`."""
        if self.start_ticks is not None:
            return _start_ticks(self.pid) == self.start_ticks
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def _start_ticks(pid: int) -> int | None:
    """The start time of a running process; None when it is gone, a zombie, or there is no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) <= _START_TIME_FIELD or fields[_STATE_FIELD].decode("ascii", "replace") in _GONE:
        return None
    return int(fields[_START_TIME_FIELD])


def _namespace() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None
