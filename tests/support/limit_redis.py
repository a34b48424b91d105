"""Databases of the machine's Redis for tests of limits: a number of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from support.redis_server import is_there

HOST = "127.0.0.1"
PORT = 6379
DATABASE = int(os.environ.get("LIMITS_REDIS_DATABASE", "11"))


@contextmanager
def database() -> Iterator[Any]:
    """A client of the tests' database, which is empty before and after; skips the test where there is no Redis."""
    if not is_there():
        pytest.skip("no Redis")
    client = redis.Redis(host=HOST, port=PORT, db=DATABASE, decode_responses=True)
    client.flushdb()
    try:
        yield client
    finally:
        client.flushdb()
        client.close()
