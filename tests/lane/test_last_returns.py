"""Connections that are given back at the very moment at which the server stops."""

import socket
import struct
from contextlib import ExitStack

from accel import native
from support.processes import wait_until

ROUNDS = 100
CONNECTIONS = 20
NOTE = struct.pack("<III", 0, 1, 5000)


def test_none_of_them_stays_counted() -> None:
    """uvicorn waits until no connection is counted."""
    assert native.module is not None
    for _ in range(ROUNDS):
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            front = native.module.Front(native.module.Guard("request_lane"))
            channel = stack.enter_context(socket.socket(fileno=front.channel()))
            socket.send_fds(channel, [bytes(12)], [listener.fileno()])
            front.listen(1)
            clients = [
                stack.enter_context(socket.create_connection(listener.getsockname())) for _ in range(CONNECTIONS)
            ]
            given = [listener.accept()[0] for _ in clients]
            for connection in given:
                front.announce()
                try:
                    socket.send_fds(channel, [NOTE], [connection.fileno()])
                except BlockingIOError:
                    front.retract()
                connection.close()
            front.stop()
            wait_until(lambda front=front: not front.is_running())  # type: ignore[misc]
            assert front.held() == 0
            assert front.take() == []
            # Each was closed, for no request had come.
            assert {client.recv(1) for client in clients} == {b""}
