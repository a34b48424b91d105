"""The seam in uvicorn: a server that has just started gets a front, if nothing speaks against it."""

from __future__ import annotations

import functools
import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from accel import native
from accel.lane import fronts

_log: Final = logging.getLogger("accel")


class Junction(Protocol):
    """The part of a junction that the seam uses."""

    guard: Any
    """The native guard; a new one in a forked child."""


def build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    """`uvicorn.Server.startup` with a front behind it."""

    async def startup(server: Any, sockets: list[socket.socket] | None = None) -> None:
        # Not before a server starts: asyncio is much to import for a process that has none.
        from accel.lane import connections, eligibility

        reason = eligibility.before_start(junction.guard)
        if reason is None:
            # Before any protocol is made, for each keeps the set that it finds.
            server.server_state.connections = connections.Connections()
        await original(server, sockets=sockets)
        if not server.started:
            return
        if reason is None:
            try:
                reason = eligibility.of_server(server)
                if reason is None:
                    await _install(server, junction.guard)
            except Exception as error:  # noqa: BLE001  # without a front the server serves as it is
                reason = f"{type(error).__name__}: {error}"
            if reason is not None:
                _log.warning("request_lane: no front: %s", reason)
        fronts.note(reason)

    return functools.wraps(original)(startup)


async def _install(server: Any, guard: Any) -> None:
    from accel.lane import protocols
    from accel.lane.door import Door
    from accel.lane.listening import Listening, retire

    known = protocols.known(server.config.http_protocol_class)
    assert known is not None
    assert native.module is not None
    # Descriptors of our own: the servers close theirs.
    listeners = [
        socket.socket(each.family, each.type, each.proto, fileno=os.dup(each.fileno()))
        for inner in server.servers
        for each in inner.sockets
    ]
    front = native.module.Front(guard)
    channel = socket.socket(fileno=front.channel())
    channel.setblocking(False)
    for listener in listeners:
        socket.send_fds(channel, [bytes(12)], [listener.fileno()])
    # A signal must find a thread of Python's: its handler interrupts the event loop's wait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        front.listen(len(listeners))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    door = Door(server, known, front, channel, listeners)
    # Nothing can fail from here on.
    await retire(server.servers)
    server.server_state.connections.outside = door.held
    server.servers = [Listening(door, listeners, server.servers)]
    door.open()
    fronts.opened(door)
