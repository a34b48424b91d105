"""Real processes on 127.0.0.1: started in their own group, waited for, and stopped whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

HOST = "127.0.0.1"
_POLL_S = 0.05
_STOP_TIMEOUT_S = 10.0
_LOG_TAIL_LINES = 25


class ProcessError(Exception):
    """A process ended early or did not get ready in time; the text ends with the tail of its log."""


class ManagedProcess:
    """A process and all that it starts. Use it as a context manager: leaving stops the whole group."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._stopped = False
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environ is None else dict(environ),
                # Its own group: the terminal's Ctrl-C reaches only us, and we can stop workers too.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The pid of the process, which is its group's id too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float = _STOP_TIMEOUT_S) -> int:
        """Wait for its own end; the exit code. Raises `subprocess.TimeoutExpired`."""
        return self._process.wait(timeout_s)

    def output(self) -> str:
        """Everything it has written so far, both streams."""
        return self.log.read_text("utf-8", "replace")

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Poll `ready` until it is true. Raises `ProcessError` when the process ends or the time is up."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.exit_code is not None:
                raise ProcessError(f"{self.name} ended with code {self.exit_code}\n{self._tail()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} was not ready after {timeout_s:.0f} s\n{self._tail()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Ask the group to end, wait at most ten seconds, then kill what is left. Safe to call twice."""
        if self._stopped:
            return
        self._stopped = True
        try:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)
        finally:
            # After a second Ctrl-C too, and when the leader is gone: a worker may have outlived it.
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _tail(self) -> str:
        return "\n".join(self.output().splitlines()[-_LOG_TAIL_LINES:])

    def __enter__(self) -> "ManagedProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """A port on 127.0.0.1 that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


def answers(url: str) -> bool:
    """Whether this address answers 200 within two seconds. Proxies of the environment are not asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2.0) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
