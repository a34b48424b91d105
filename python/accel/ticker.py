"""A function called once a second on a daemon thread that never lives through a fork.

A thread that exists while the process forks may hold a lock that nobody in the child will release.
So every ticker stops before `os.fork` and starts again afterwards, in the parent and in the child.
"""

import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Final

_log = logging.getLogger("accel")

# How long a fork or a stop waits for a tick that is under way.
_PATIENCE_S: Final = 2.0

_tickers: "weakref.WeakSet[Ticker]" = weakref.WeakSet()
# One lock for all: it is held across a fork, and two locks could be taken in two orders.
_lock = threading.RLock()


class Ticker:
    """Calls `tick` every `interval_s` seconds from `start()` on. All methods are thread-safe.

    An exception in `tick` is logged once per exception class, and the next tick comes as usual.
    """

    def __init__(self, tick: Callable[[], None], *, interval_s: float = 1.0, name: str = "accel-ticker") -> None:
        self._tick = tick
        self._interval_s = interval_s
        self._name = name
        self._wanted = False
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._logged: set[type[BaseException]] = set()
        with _lock:
            _tickers.add(self)

    @property
    def running(self) -> bool:
        """Whether the thread is alive in this process now."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def start(self) -> bool:
        """Start unless it runs; whether it runs now. Never raises: without threads there are no ticks."""
        with _lock:
            self._wanted = True
            return self._resume()

    def stop(self) -> None:
        """Stop, and wait at most two seconds for a tick under way. Safe to call twice or from `tick`."""
        with _lock:
            self._wanted = False
            self.pause()

    def pause(self) -> None:
        """End the thread but remember that it was wanted. The caller holds the lock."""
        thread, self._thread = self._thread, None
        self._stopping.set()
        # A tick that stops or forks by itself cannot wait for its own end.
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE_S)

    def resume_after_fork(self) -> None:
        """In the parent and in the child: go on if the ticker was wanted. The caller holds the lock."""
        if self._wanted:
            self._resume()

    def _resume(self) -> bool:
        if self.running:
            return True
        self._stopping = threading.Event()
        thread = threading.Thread(target=self._run, args=(self._stopping,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # No thread to be had, or the interpreter is going down: status grows stale, serving goes on.
            _log.warning("accel: no thread for %s: %s", self._name, error)
            return False
        self._thread = thread
        return True

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.wait(self._interval_s):
            try:
                self._tick()
            except BaseException as error:  # noqa: BLE001  # a Rust panic is no Exception, nobody is above
                self._log_once(error)

    def _log_once(self, error: BaseException) -> None:
        if type(error) not in self._logged:
            self._logged.add(type(error))
            _log.error("accel: %s failed; it goes on, and this is said once", self._name, exc_info=error)


def _before_fork() -> None:
    _lock.acquire()  # released by _after_fork: nobody starts a thread in between
    for ticker in list(_tickers):
        ticker.pause()


def _after_fork() -> None:
    try:
        for ticker in list(_tickers):
            ticker.resume_after_fork()
    finally:
        _lock.release()


if hasattr(os, "register_at_fork"):  # absent on Windows, where nothing forks
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
