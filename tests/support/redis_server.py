"""Redis for tests: the machine's own, in a database of these tests, and servers that may be stopped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import redis

HOST = "127.0.0.1"
DATABASE = int(os.environ.get("ACCEL_TEST_REDIS_DB", "12"))


def is_there() -> bool:
    """Whether the machine has a Redis on its standard port."""
    try:
        return bool(redis.Redis(HOST, socket_connect_timeout=1).ping())
    except redis.ConnectionError:
        return False


def can_start() -> bool:
    return shutil.which("redis-server") is not None


class Server:
    """A Redis without persistence on a port of its own. Not started when made."""

    def __init__(self) -> None:
        with socket.create_server((HOST, 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no", "--bind", HOST]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"Ready to accept connections" in line:
                return
        raise AssertionError("redis-server ended")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def client(self) -> redis.Redis:
        """A blocking client of the test's own."""
        return redis.Redis(HOST, self.port)


@contextmanager
def own_server() -> Iterator[Server]:
    server = Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()
