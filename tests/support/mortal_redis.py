"""A Redis server of a test's own, to be killed, frozen and started again."""

import os
import signal
import subprocess
from typing import Any

import redis

from support.processes import HOST, free_port, wait_until


class RedisServer:
    """Keeps nothing on disk: started again it is empty. Use as a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self.client: Any = redis.Redis(host=HOST, port=self.port, socket_timeout=60.0)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.client.close()

    def start(self) -> None:
        """Does nothing while it runs; returns when it answers."""
        if self._process is not None:
            self.thaw()
            return
        self._process = subprocess.Popen(
            [
                *("redis-server", "--port", str(self.port), "--bind", HOST),
                *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            ],
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        wait_until(self._answers)

    def kill(self) -> None:
        """At once, with all that it holds; returns when it is gone."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """It takes connections and bytes, and answers nothing until `thaw`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Returns when it has done what came meanwhile."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
