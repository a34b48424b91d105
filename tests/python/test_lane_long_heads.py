"""h11 refuses a head of more than 16 KiB that comes in parts, not one that comes whole: it must stay whole."""

from pathlib import Path

import pytest

from support.lane import LOOPS, read_response, server

TRIES = 6
"""On a busy machine the kernel may give plain uvicorn, too, a long head in two parts."""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_long_head_that_comes_at_once_is_answered(tmp_path: Path, loop: str) -> None:
    for accel in (False, True):
        with server(tmp_path, "h11", loop, accel=accel) as serving:
            for size in (10_000, 20_000, 40_000, 60_000):
                head = b"GET /told HTTP/1.1\r\nhost: here\r\nx-a: " + b"v" * size + b"\r\n\r\n"
                statuses = []
                while b"200" not in statuses and len(statuses) < TRIES:
                    with serving.connect() as connection:
                        connection.sendall(head)
                        statuses.append(read_response(connection)[0].split()[1])
                assert statuses[-1] == b"200", (accel, size, statuses)
            if accel:
                assert serving.handed_over()["declined: route"] >= 4
