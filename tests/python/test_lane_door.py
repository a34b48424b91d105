"""The door and what it closes, in an event loop of the test's own."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from accel.lane.door import Door
from accel.lane.listening import retire


class Front:
    """A front in which nothing happens of its own accord."""

    def __init__(self, items: list[tuple[int, bytes, int, int, bool]]) -> None:
        self._rope, self._ear = socket.socketpair()
        self._items = items
        self.announced = 0
        self.accept: Callable[[int, int], int] = lambda _number, _most: 0
        self._rope.send(b"\0")

    def bell(self) -> int:
        return self._ear.fileno()

    def take(self) -> list[tuple[int, bytes, int, int, bool]]:
        self._ear.recv(1)
        items, self._items = self._items, []
        return items

    def kept(self) -> None:
        """Nothing to account for."""

    def is_running(self) -> bool:
        return True

    def announce(self) -> None:
        self.announced += 1

    def close(self) -> None:
        self._rope.close()
        self._ear.close()


class Raising(asyncio.Protocol):
    """uvicorn's protocol with a defect."""

    def __init__(self, **_settings: Any) -> None:
        self.tasks: Any = set()

    def data_received(self, data: bytes) -> None:
        raise ValueError("a defect")


@contextmanager
def door(front: Front, listeners: list[socket.socket]) -> Iterator[Door]:
    config = SimpleNamespace(http_protocol_class=Raising, backlog=100)
    server = SimpleNamespace(config=config, server_state=None, lifespan=SimpleNamespace(state={}))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    made = Door(server, SimpleNamespace(), front, ours, listeners)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        asyncio.get_running_loop().remove_reader(front.bell())
        for each in (front, ours, theirs, *listeners):
            each.close()


def test_a_connection_whose_protocol_raises_is_closed() -> None:
    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        told: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _loop, context: told.append(context))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
            client.setblocking(False)
            front = Front([(accepted.detach(), b"GET", 0, 1, False)])
            with client, door(front, [listener.dup()]) as opened:
                opened.open()
                # It used to stay open, with nobody who read it.
                answer = await asyncio.wait_for(loop.sock_recv(client, 1), 10.0)
                assert [type(each["exception"]) for each in told] == [ValueError]
                return answer

    assert asyncio.run(run()) == b""


def test_a_listener_that_waits_for_descriptors_is_not_opened_again_once_the_thread_is_lost() -> None:
    async def run() -> int:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, door(Front([]), [listener.dup()]) as made:
            made._lost = True
            made._begin_to_accept(0)
            return int(loop.remove_reader(made._listeners[0]))

    assert asyncio.run(run()) == 0


def test_connections_stay_while_there_are_no_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """On its way back a connection has none."""
    monkeypatch.setattr("accel.lane.door.is_idle", lambda _protocol, _known: True)

    def full(_number: int, _most: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.set_exception_handler(lambda _loop, _context: told.set())
        counts = []
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as given:
            front = Front([])
            front.accept = full
            with door(front, [listener.dup()]) as made, socket.create_connection(listener.getsockname()):
                transport = MagicMock()
                transport.get_extra_info.return_value = given
                protocol = MagicMock(transport=transport, timeout_keep_alive_task=loop.call_later(60, int))
                made.open()
                await asyncio.wait_for(told.wait(), 10.0)
                for _ in range(2):
                    made._give_back(protocol, 0, 1)
                    counts.append(front.announced)
                    made._begin_to_accept(0)
                loop.remove_reader(made._listeners[0])
        return counts

    assert asyncio.run(run()) == [0, 1]


@pytest.mark.parametrize("steps", range(5))
def test_servers_that_are_retired_lose_no_connection_that_they_accepted(steps: int) -> None:
    async def run() -> tuple[int, int]:
        made: list[Any] = []

        class Counting(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                made.append(transport)

        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            waiting = listener.dup()
            clients = [socket.create_connection(listener.getsockname()) for _ in range(5)]
            server = await loop.create_server(Counting, sock=listener)
            # With several sockets the first is served while the last is opened.
            for _ in range(steps):
                await asyncio.sleep(0)
            await retire([server])
            await asyncio.sleep(0)
            waiting.setblocking(False)
            left = 0
            while True:
                try:
                    waiting.accept()[0].close()
                except BlockingIOError:
                    break
                left += 1
            for each in (waiting, *clients, *made):
                each.close()
            return len(made), left

    accepted, left = asyncio.run(run())
    assert accepted + left == 5
