"""What a client may send while its request is being answered is limited, with the front as without it."""

import time
from pathlib import Path

import pytest

from support.lane import COMBINATIONS, Server, server

_REQUEST = b"GET /told HTTP/1.1\r\nhost: here\r\n\r\n"
# Sockets' buffers take about 4 MiB in each direction.
_MUCH = 64 << 20


@pytest.mark.parametrize(("parser", "loop"), COMBINATIONS)
def test_a_client_cannot_fill_the_memory_with_pipelined_requests(tmp_path: Path, parser: str, loop: str) -> None:
    with server(tmp_path, parser, loop, accel=True, timeout_graceful_shutdown=1) as serving:
        assert _accepted(serving) < _MUCH
        assert serving.handed_over()["declined: pipelined"] == 1


def _accepted(serving: Server) -> int:
    """Bytes that the server takes from a client until it takes no more for a while, or far too many."""
    with serving.connect() as connection:
        connection.sendall(b"GET /unread/60000 HTTP/1.1\r\nhost: here\r\n\r\n" + _REQUEST)
        connection.setblocking(False)
        chunk = _REQUEST * 2000
        count = 0
        last = time.monotonic()
        while time.monotonic() - last < 0.5 and count < _MUCH:
            try:
                count += connection.send(chunk)
                last = time.monotonic()
            except BlockingIOError:
                time.sleep(0.005)
        return count
