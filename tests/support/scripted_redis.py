"""A server that speaks as much of Redis's protocol as LiteLLM needs, and answers scripts as a test says."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, Literal

HOST: Final = "127.0.0.1"
Reply = bytes | Literal["close", "reset", "silent"]
Plan = Mapping[int, Reply]
"""What the n-th script is answered, counted over all connections; bytes are sent as they are."""

_HELLO: Final = b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.4.0\r\n$5\r\nproto\r\n:3\r\n"
_OLD_HELLO: Final = b"*6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.4.0\r\n$5\r\nproto\r\n:2\r\n"


class ScriptedRedis:
    """In a thread with a loop of its own, for LiteLLM also asks in blocking ways. An EVALSHA without a plan is
    answered with its last argument."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[tuple[str, ...]] = []
        """Every command but those that greet, with its arguments."""
        self.connections_n = 0
        self._plan: Plan = {}
        self._scripts_n = 0
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self, plan: Plan) -> None:
        """Forgets what it saw."""
        self._plan, self._scripts_n, self.connections_n = plan, 0, 0
        self.seen.clear()

    def scripts(self) -> list[tuple[str, ...]]:
        """The scripts that came, each with its keys and arguments."""
        return [command[2:] for command in self.seen if command[0] == "EVALSHA"]

    def close_all(self) -> None:
        """Ends every connection from its side; returns when that is under way."""

        async def close() -> None:
            for writer in self._writers:
                writer.close()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(60)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections_n += 1
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                reply = self._answer(await self._command(reader))
                if reply == "reset":
                    writer.transport.abort()
                if reply in ("close", "reset"):
                    break
                if isinstance(reply, bytes):
                    writer.write(reply)
        self._writers.discard(writer)
        with suppress(RuntimeError):
            writer.close()

    @staticmethod
    async def _command(reader: asyncio.StreamReader) -> tuple[str, ...]:
        parts_n = int((await reader.readuntil(b"\r\n"))[1:])
        parts = []
        for _ in range(parts_n):
            length = int((await reader.readuntil(b"\r\n"))[1:])
            parts.append((await reader.readexactly(length + 2))[:-2].decode())
        return tuple(parts)

    def _answer(self, command: tuple[str, ...]) -> Reply:
        name = command[0].upper()
        if name == "HELLO":
            return _HELLO if command[1:2] == ("3",) else _OLD_HELLO
        if name == "INFO":
            return b"$19\r\nredis_version:7.4.0\r\n"
        if name == "PING":
            return b"+PONG\r\n"
        if name == "CLIENT" and command[1].upper() == "MAINT_NOTIFICATIONS":
            return b"-ERR unknown subcommand\r\n"
        if name in ("CLIENT", "SELECT"):
            return b"+OK\r\n"
        self.seen.append(command)
        if name == "SCRIPT":
            return b"$40\r\n%s\r\n" % hashlib.sha1(command[2].encode()).hexdigest().encode()
        if name == "HIMPORT":
            return b":1\r\n"
        if name != "EVALSHA":
            return b"+OK\r\n"
        self._scripts_n += 1
        told = command[-1].encode()
        return self._plan.get(self._scripts_n - 1, b"$%d\r\n%s\r\n" % (len(told), told))


@contextmanager
def scripted() -> Iterator[ScriptedRedis]:
    server = ScriptedRedis()
    server.start()
    try:
        yield server
    finally:
        server.stop()
