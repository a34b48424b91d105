"""The same bytes sent to a server of uvicorn's and to one with the front, and what comes back of each.

Nothing here waits for a time. The plain server is asked something else, which it answers after what was sent
before; what it has said by then is what the front's server must say, however long it takes.
"""

import json
import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.lane import REQUEST, Server, read_response, server
from support.processes import wait_until

Script = Sequence[Sequence[bytes]]
"""Steps of pieces: those of a step are sent at once, one after the other; a step when the one before is done."""

KEPT = "connection kept"
"""Counted for each request that uvicorn read after the one that a connection was handed over with."""
DEADLINE_S = 60.0
# Of questions to a plain server: a request behind others takes some turns of the loop to be answered.
_TURNS = 8
_EVERYTHING = 1 << 30
# The library that answers a WebSocket's handshake says the time of day, whatever uvicorn's settings are.
_DATE = re.compile(rb"(?<=\r\nDate: )[^\r]+")


@dataclass(frozen=True)
class Heard:
    """What came back on a connection."""

    data: bytes
    closed: bool
    """By the server, while this side was open."""
    lengths: tuple[int, ...] = field(compare=False)
    """How much of it had come after each step."""


@dataclass
class Talk:
    """A connection, and what was heard on it so far."""

    connection: socket.socket
    data: bytes = b""
    closed: bool = False
    lengths: list[int] = field(default_factory=list)

    def say(self, piece: bytes) -> None:
        # It may have closed already. What it said before is still to be heard.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.sendall(piece)

    def listen(self, length: int | None = None) -> None:
        """Until it is closed or so much has come; without a length: what is there."""
        self.connection.settimeout(0 if length is None else DEADLINE_S)
        while not self.closed and (length is None or len(self.data) < length):
            try:
                data = self.connection.recv(1 << 20)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            self.data += data
            self.closed = not data

    def finish(self) -> Heard:
        """Close this side, whereupon the other must close, and hear the rest."""
        closed = self.closed
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
        self.listen(_EVERYTHING)
        return Heard(_DATE.sub(b"", self.data), closed, tuple(self.lengths))


class Side:
    """One of the servers."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @contextmanager
    def frozen(self, really: bool = True) -> Iterator[None]:
        """It does nothing meanwhile, so that all that is sent to it comes at once."""
        if really:
            os.kill(self.server.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.server.process.pid, signal.SIGCONT)

    def connect(self, count: int, stack: ExitStack) -> list[Talk]:
        """So many connections."""
        talks = [Talk(stack.enter_context(self.server.connect(DEADLINE_S))) for _ in range(count)]
        for talk in talks:
            # No piece waits until another has been acknowledged.
            talk.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return talks


class Plain(Side):
    """A server without a front."""

    def settle(self) -> None:
        """Until what was sent has been answered."""
        for _ in range(_TURNS):
            # On a new connection each: one that is kept may wait 40 ms for an acknowledgement (Nagle).
            self.server.ask()

    def hear(self, scripts: Sequence[Script], after: int = 0, frozen: bool = False) -> list[Heard]:
        """What comes back of each, on a connection of its own. `after`: good requests on it that come first."""
        with ExitStack() as stack:
            talks = self.connect(len(scripts), stack)
            for _ in range(after):
                _ask(talks)
            for step in range(max(map(len, scripts))):
                with self.frozen(frozen):
                    _say(talks, scripts, step)
                self.settle()
                for talk in talks:
                    talk.listen()
                    talk.lengths.append(len(talk.data))
            return [talk.finish() for talk in talks]


class Front(Side):
    """A server with a front, and its account since `begin`."""

    _asked = 0

    def look(self, order: bytes = b"/lane") -> dict[str, Any]:
        """What it says of the lane, after this order. On a connection that never comes back, so that it is one of
        each on the account.
        """
        with self.server.connect(DEADLINE_S) as connection:
            connection.sendall(b"GET %s HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n" % order)
            lane: dict[str, Any] = json.loads(read_response(connection)[1])
        self._asked += 1
        return lane

    def begin(self) -> None:
        """Count from here."""
        self._before = self.look()
        self._asked = 0

    def counted(self, name: str) -> int:
        """How many connections were `handed_over` or `returned`."""
        front = self.look()["front"]
        return int(front[name] - self._before["front"][name] - (self._asked if name == "handed_over" else 0))

    def reasons(self, asked: str = "declined: route") -> dict[str, int]:
        """Why requests were handed over, and how many. `asked`: why those were that asked for the account."""
        now, before = (Counter(lane["calls"]["python"]) for lane in (self.look(), self._before))
        now.subtract(before)
        now[asked] -= self._asked
        return {reason.removeprefix("declined: "): count for reason, count in now.items() if count}

    def hear(
        self, scripts: Sequence[Script], expected: Sequence[Heard], after: int = 0, frozen: bool = False
    ) -> list[Heard]:
        """As `Plain.hear`, whose answer is `expected`; the account begins after the good requests."""
        with ExitStack() as stack:
            self.begin()
            talks = self.connect(len(scripts), stack)
            for number in range(after):
                _ask(talks)
                if number == 0:
                    wait_until(lambda: self.counted("returned") == len(scripts), DEADLINE_S)
            self.begin()
            for step in range(max(map(len, scripts))):
                with self.frozen(frozen):
                    _say(talks, scripts, step)
                # After its second request in a row a connection stays for two.
                if step == 0 and after < 2:
                    wait_until(lambda: self.counted("handed_over") >= len(scripts), DEADLINE_S)
                for talk, heard in zip(talks, expected, strict=True):
                    talk.listen(heard.lengths[step])
                    talk.lengths.append(len(talk.data))
            for talk, heard in zip(talks, expected, strict=True):
                if heard.closed:
                    talk.listen(_EVERYTHING)
            self.look()
            for talk in talks:
                talk.listen()
            return [talk.finish() for talk in talks]


@dataclass(frozen=True)
class Both:
    """The two servers, of one parser and loop."""

    plain: Plain
    front: Front

    def differences(self, scripts: Mapping[str, Script], after: int = 0, frozen: bool = False) -> dict[str, Any]:
        """What they answer differently, by name. `after`: good requests on each connection that come first; one:
        and it has come back to the front; two: and it stays with uvicorn. `frozen`: each step comes at once.
        """
        expected = self.plain.hear([*scripts.values()], after, frozen)
        heard = self.front.hear([*scripts.values()], expected, after, frozen)
        return {
            name: {"sent": script, "uvicorn": left, "front": right}
            for (name, script), left, right in zip(scripts.items(), expected, heard, strict=True)
            if left != right
        }


@contextmanager
def both(directory: Path, parser: str, loop: str) -> Iterator[Both]:
    """They run until the block ends."""
    # Nothing ends by itself while a test looks at it.
    settings: dict[str, Any] = {"timeout_keep_alive": 120, "access_log": False}
    with (
        server(directory, parser, loop, accel=False, **settings) as plain,
        server(directory, parser, loop, accel=True, **settings) as front,
    ):
        yield Both(Plain(plain), Front(front))


def _ask(talks: Sequence[Talk]) -> None:
    """A good request on each, answered."""
    for talk in talks:
        talk.say(REQUEST)
    for talk in talks:
        read_response(talk.connection)


def _say(talks: Sequence[Talk], scripts: Sequence[Script], step: int) -> None:
    """The first piece of each, then the second of each …"""
    steps = [(talk, script[step]) for talk, script in zip(talks, scripts, strict=True) if step < len(script)]
    for number in range(max((len(pieces) for _, pieces in steps), default=0)):
        for talk, pieces in steps:
            if number < len(pieces):
                talk.say(pieces[number])
