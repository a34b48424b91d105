"""Real processes for tests. What starts and stops them is the demonstration's own code."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from accel.demo.processes import HOST, ManagedProcess, ProcessError, answers, free_port

__all__ = [
    "HOST",
    "ManagedProcess",
    "ProcessError",
    "answers",
    "free_port",
    "mock_upstream",
    "run_python",
    "wait_until",
]

_LISTENING = re.compile(r"^listening on 127\.0\.0\.1:(\d+)$", re.MULTILINE)


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Poll until the condition holds; fail the test when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not true within {timeout_s} s"
        time.sleep(0.01)


def run_python(
    code: str,
    *,
    python: str = sys.executable,
    options: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    timeout_s: float = 180.0,
) -> subprocess.CompletedProcess[str]:
    """Run a program text in a fresh interpreter and wait for its end; both streams are captured."""
    return subprocess.run(
        [python, *options, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=dict(os.environ if environ is None else environ),
        check=False,
    )


@contextmanager
def mock_upstream(directory: Path) -> Iterator[str]:
    """The bundled mock upstream on a port of its own; gives its base URL, without `/v1`."""
    command = [sys.executable, "-m", "accel.demo.mock_upstream", "--port", "0"]
    with ManagedProcess("the mock upstream", command, log=directory / "upstream.log") as process:
        process.wait_until(lambda: _LISTENING.search(process.output()) is not None, 120.0)
        found = _LISTENING.search(process.output())
        assert found is not None
        yield f"http://{HOST}:{found[1]}"
