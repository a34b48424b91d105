"""Drives a server's front on its event loop: accepts, hands over, takes back.

For the event loop's thread only. Nothing here waits for the lane's thread.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

from accel.lane.connections import Stay
from accel.lane.protocols import Known, is_idle

_log: Final = logging.getLogger("accel")

# After the n-th hand-over in a row a connection stays for 2^(n-1) requests, at most this many.
_LONGEST_STAY: Final = 64
# As asyncio does where a process has no descriptor left.
_RETRY_ACCEPT_S: Final = 1.0
_POLL_S: Final = 0.01
_NOTE: Final = struct.Struct("<III")


class _Arrival(asyncio.Protocol):
    """A connection that was handed over, and its transport once that is there."""

    def __init__(self, data: bytes, listener: int, streak: int, again: bool) -> None:
        self.data = data
        self.listener = listener
        self.streak = streak
        self.again = again
        self.transport: Any = None
        self.fed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        # Before it is fed, on a loop that takes more turns than `_take` expects; it comes behind what was read.
        self.data += data


class Door:
    """One server's front. `front` is the native one, `channel` the socket on which it takes connections back."""

    def __init__(
        self, server: Any, known: Known, front: Any, channel: socket.socket, listeners: Sequence[socket.socket]
    ) -> None:
        self._server: Final = server
        self._config: Final = server.config
        self._known: Final = known
        self._front: Final = front
        self._channel: Final = channel
        self._listeners: Final = list(listeners)
        self._kinds: Final = [(each.family, each.type, each.proto) for each in listeners]
        self._loop: Final = asyncio.get_running_loop()
        # uvloop would read what comes next, an end above all, before the request has had its first turn, which it
        # has where uvicorn reads; asyncio reads after it.
        self._reads_first: Final = not isinstance(self._loop, asyncio.SelectorEventLoop)
        self._bell: Final[int] = front.bell()
        self._pending = 0
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._plain: list[asyncio.AbstractServer] = []
        self._stopping = False
        self._stopped = False
        self._lost = False
        self._full = False

    def open(self) -> None:
        """Begin to accept."""
        self._loop.add_reader(self._bell, self._take)
        for number in range(len(self._listeners)):
            self._begin_to_accept(number)

    def held(self) -> int:
        """Connections that are neither closed nor have a protocol."""
        return int(self._front.held()) + self._pending

    def counts(self) -> dict[str, int]:
        """So far: connections `accepted`, `handed_over` and `returned`."""
        counts: dict[str, int] = self._front.counts()
        return counts

    def state(self) -> str:
        """`serving`, `stopping`, `stopped`, or `lost`: the lane's thread has ended by itself."""
        states = {"lost": self._lost, "stopped": self._stopped, "stopping": self._stopping}
        return next((name for name, holds in states.items() if holds), "serving")

    def _begin_to_accept(self, number: int) -> None:
        self._full = False
        if not (self._stopping or self._lost):
            self._loop.add_reader(self._listeners[number], self._accept, number)

    def _accept(self, number: int) -> None:
        try:
            self._front.accept(number, self._config.backlog)
        except BrokenPipeError:
            self._give_up()
        except OSError as error:
            self._full = True
            self._loop.remove_reader(self._listeners[number])
            self._loop.call_exception_handler(
                {"message": "socket.accept() out of system resource", "exception": error}
            )
            self._loop.call_later(_RETRY_ACCEPT_S, self._begin_to_accept, number)

    def _take(self) -> None:
        for descriptor, data, listener, streak, again in self._front.take():
            family, kind, proto = self._kinds[listener]
            connection = socket.socket(family, kind, proto, fileno=descriptor)
            self._pending += 1
            arrival = _Arrival(data, listener, streak, again)
            # Not by the loop's task factory: an eager task would be a turn ahead of the call below.
            task = asyncio.Task(self._hand(connection, arrival), loop=self._loop)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # Two turns from now, right behind the transport's own calls: it reads, but has read nothing.
            self._loop.call_soon(self._loop.call_soon, self._feed, arrival)

    async def _hand(self, connection: socket.socket, arrival: _Arrival) -> None:
        try:
            connection.setblocking(False)
            await self._loop.connect_accepted_socket(lambda: arrival, connection)
            if not arrival.fed:
                self._feed(arrival)
        except OSError as error:
            self._loop.call_exception_handler(
                {"message": "a connection could not be handed over", "exception": error}
            )
        finally:
            if arrival.transport is None:
                self._pending -= 1
                connection.close()

    def _feed(self, arrival: _Arrival) -> None:
        """Give the transport uvicorn's own protocol, as uvicorn makes it, and feed it what was read."""
        transport = arrival.transport
        if transport is None:
            return
        self._pending -= 1
        arrival.fed = True
        whole = False
        if self._reads_first:
            transport.pause_reading()
        try:
            protocol = self._protocol()
            self._let_stay(protocol, arrival.listener, arrival.streak)
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            if arrival.again:
                self._known.resume(protocol)
            if arrival.data:
                protocol.data_received(arrival.data)
            if self._stopping:
                # uvicorn has told all of its connections already. It may be WebSocket's by now.
                transport.get_protocol().shutdown()
            if self._reads_first:
                self._loop.call_soon(self._resume, protocol)
            whole = True
        finally:
            if not whole:
                # As the loop does where `data_received` raises.
                transport.abort()

    @staticmethod
    def _resume(protocol: Any) -> None:
        if not protocol.flow.read_paused:
            protocol.transport.resume_reading()

    def _let_stay(self, protocol: Any, listener: int, streak: int) -> None:
        stay = min(1 << (streak - 1), _LONGEST_STAY) if streak else 0
        leave = functools.partial(self._give_back, listener=listener, streak=streak) if streak else None
        protocol.tasks = Stay(protocol, stay, self._front.kept, leave)

    def _protocol(self) -> Any:
        return self._config.http_protocol_class(
            config=self._config,
            server_state=self._server.server_state,
            app_state=self._server.lifespan.state,
            _loop=self._loop,
        )

    def _give_back(self, protocol: Any, listener: int, streak: int) -> None:
        # Given back, a connection is without a descriptor until it arrives: others would take it.
        if self._stopping or self._full or not is_idle(protocol, self._known) or not self._front.is_running():
            return
        left_s = protocol.timeout_keep_alive_task.when() - self._loop.time()
        if left_s <= 0:
            return
        transport = protocol.transport
        note = _NOTE.pack(listener, streak, min(int(left_s * 1000), 0xFFFFFFFF))
        transport.pause_reading()
        self._front.announce()
        try:
            socket.send_fds(self._channel, [note], [transport.get_extra_info("socket").fileno()])
        except OSError:
            # The lane's thread is behind, or there is no memory; the connection stays.
            self._front.retract()
            transport.resume_reading()
            return
        protocol.connections.discard(protocol)
        # Closes our descriptor only. The connection lives on in the front's.
        transport.abort()

    def _give_up(self) -> None:
        """The lane's thread is gone, which is a defect: serve as uvicorn does without a front."""
        self._lost = True
        _log.error("request_lane: the front's thread has ended; connections go to uvicorn directly")
        for listener in self._listeners:
            self._loop.remove_reader(listener)
        duplicates = [listener.dup() for listener in self._listeners]
        task = self._loop.create_task(self._serve_plainly(duplicates))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_plainly(self, listeners: Sequence[socket.socket]) -> None:
        for listener in listeners:
            server = await self._loop.create_server(self._protocol, sock=listener, backlog=self._config.backlog)
            self._plain.append(server)
            if self._stopping:
                server.close()

    def stop(self) -> None:
        """No connection is accepted any more; those without a request are closed."""
        self._stopping = True
        for server in self._plain:
            server.close()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        self._front.stop()

    async def wait_stopped(self) -> None:
        """Until the lane's thread has ended and all that it read has been handed over."""
        while self._front.is_running() or self._pending:
            await asyncio.sleep(_POLL_S)
        if not self._stopped:
            self._stopped = True
            self._take()
            self._loop.remove_reader(self._bell)
            self._channel.close()
