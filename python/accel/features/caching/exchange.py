"""One command to Redis and its reply, on a connection that redis-py keeps ready.

redis-py asks for a connection under a condition and a timer, sends in a task of its own (before Python 3.12), and
notes each step for observers that are seldom there. Here the same connection is taken and given back at once where
nobody waits for one, and written to directly where its buffer is empty. Reading, closing, retries, time limits and
every error are redis-py's own.

For one event loop, like the pool. What is not as expected is left to redis-py before anything is sent.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from accel.features.caching.deadlines import Deadlines
from accel.features.names import Names

_CLIENT: Final = "redis.asyncio.client"
_CONNECTION: Final = "redis.asyncio.connection"
REPRODUCES: Final = (
    f"{_CLIENT}:Redis.execute_command",
    f"{_CLIENT}:Redis._send_command_parse_response",
    f"{_CLIENT}:Redis._close_connection",
    f"{_CLIENT}:Redis.initialize",
    f"{_CLIENT}:Redis.parse_response",
    "redis.asyncio.retry:Retry.call_with_retry",
    "redis.commands.core:AsyncScript.__call__",
    "redis.commands.core:ScriptCommands._evalsha",
    "redis._parsers.encoders:Encoder.encode",
    "redis._parsers.hiredis:_AsyncHiredisParser.can_read",
    "redis._parsers.hiredis:_AsyncHiredisParser.read_from_socket",
    "redis._parsers.hiredis:_AsyncHiredisParser.read_response",
    "redis.event:AsyncReAuthConnectionListener.listen",
    "redis.event:EventDispatcher.dispatch_async",
    f"{_CONNECTION}:AbstractConnection.re_auth",
    "redis.asyncio.observability.recorder:record_operation_duration",
    "redis.asyncio.observability.recorder:record_error_count",
    f"{_CONNECTION}:AbstractConnection._read_response_from_parser",
    f"{_CONNECTION}:AbstractConnection.check_health",
    f"{_CONNECTION}:AbstractConnection.connect_check_health",
    f"{_CONNECTION}:AbstractConnection.pack_command",
    f"{_CONNECTION}:AbstractConnection.read_response",
    f"{_CONNECTION}:AbstractConnection.send_command",
    f"{_CONNECTION}:AbstractConnection.send_packed_command",
    f"{_CONNECTION}:AbstractConnection.should_reconnect",
    f"{_CONNECTION}:BlockingConnectionPool.release",
    f"{_CONNECTION}:ConnectionPool.ensure_connection",
    f"{_CONNECTION}:ConnectionPool.get_available_connection",
    f"{_CONNECTION}:ConnectionPool.release",
)
# Behind a decorator, behind stubs of the same name: no fingerprint tells these, but nobody may have replaced them.
_WATCHED: Final = (
    *REPRODUCES,
    f"{_CONNECTION}:BlockingConnectionPool.get_connection",
    "redis.commands.core:ScriptCommands.evalsha",
)
CLOSED: Final = "the server has closed the connection"
"""Why `take` gave none: what follows is for `forget_closed`."""
_NO_START_S: Final = 0.0
"""Durations are for observers, and there are none."""


class Exchange:
    """What tells a client, a pool and a connection that are plain redis-py, and uses them."""

    def __init__(self) -> None:
        names = vars(sys.modules[_CONNECTION])
        self._names: Final = Names(_WATCHED, {})
        self._client: Final = vars(sys.modules[_CLIENT])["Redis"]
        self._pool: Final = names["BlockingConnectionPool"]
        self._connections: Final = (
            names["Connection"],
            names["SSLConnection"],
            names["UnixDomainSocketConnection"],
        )
        self._parser: Final = vars(sys.modules["redis._parsers.hiredis"])["_AsyncHiredisParser"]
        self._retry: Final = vars(sys.modules["redis.asyncio.retry"])["Retry"]
        self._errors: Final[Any] = sys.modules["redis.exceptions"]
        self._encoder: Final = vars(sys.modules["redis._parsers.encoders"])["Encoder"]
        self._deadlines: Final[WeakKeyDictionary[Any, Deadlines]] = WeakKeyDictionary()
        self._observers: Final = vars(sys.modules["redis.asyncio.observability.recorder"])
        events = vars(sys.modules["redis.event"])
        self._released: Final = events["AsyncAfterConnectionReleasedEvent"]
        self._authenticates: Final = events["AsyncReAuthConnectionListener"]

    def knows(self, client: Any) -> bool:
        """Whether it is a standalone client on a pool that waits, as LiteLLM makes them."""
        return type(client) is self._client and type(client.connection_pool) is self._pool

    def take(self, client: Any) -> Any:
        """A connection that is ready; a `str` says why there is none to be had this way. Suspends nowhere."""
        pool = client.connection_pool
        if type(pool) is not self._pool or client.connection is not None or client.single_connection_client:
            return "another pool of connections"
        # They are kept in upper case, and looked up by way of two more calls.
        if dict.__contains__(client.response_callbacks, "EVALSHA") or not self._names.intact():
            return "a redis-py function was replaced"
        condition = pool._condition
        if condition.locked() or condition._waiters or pool._in_maintenance or not pool._available_connections:
            return "no connection is idle"
        listeners = pool._event_dispatcher._event_listeners_mapping.get(self._released, ())
        # redis-py's own one logs in again where there is a new token; see `_gave_back`.
        if len(listeners) != 1 or type(listeners[0]) is not self._authenticates:
            return "redis-py is observed"
        if self._observers["_get_or_create_collector"]() is not None:
            return "redis-py is observed"
        connection = pool._available_connections[-1]
        if not self._is_ready(connection):
            return CLOSED if _was_closed(connection) else "the connection is not ready"
        pool._in_use_connections.add(pool._available_connections.pop())
        return connection

    def _is_ready(self, connection: Any) -> bool:
        """As `ensure_connection`, `check_health` and `drain` would find without waiting."""
        reader, writer, parser = connection._reader, connection._writer, connection._parser
        if reader is None or writer is None or connection.health_check_interval or connection._should_reconnect:
            return False
        if type(connection) not in self._connections or type(parser) is not self._parser or not parser._connected:
            return False
        if type(connection.retry) is not self._retry:
            return False
        if parser._reader.has_data() or reader._buffer or reader.at_eof() or reader.exception() is not None:
            return False
        encoder, transport = connection.encoder, writer.transport
        if type(encoder) is not self._encoder or (encoder.encoding, encoder.encoding_errors) != (
            "utf-8",
            "strict",
        ):
            return False
        return not transport.is_closing() and transport.get_write_buffer_size() == 0

    async def ask(
        self, client: Any, connection: Any, packed: bytes, command: tuple[Any, ...], deadlines: Deadlines
    ) -> Any:
        """The reply to `command`, packed as redis-py would pack it; the connection, taken before, is given back.

        `deadlines` are of the running loop.

        Raises what redis-py raises, after its own retries.
        """
        try:
            try:
                await self._write(connection, packed)
                return await self._read(connection, deadlines)
            except connection.retry._supported_errors as error:
                return await self._again(client, connection, command, error)
        finally:
            await self._release(client, connection)

    async def ask_all(
        self, client: Any, connection: Any, packed: bytes, replies_n: int, pipeline: Callable[[], Any]
    ) -> list[Any]:
        """The replies to so many commands, packed one after the other; one that is an error is in its place.

        `pipeline` makes redis-py's own for the same commands, should they have to be sent again. Else as `ask`.
        """
        deadlines = self._deadlines_of(client)

        async def again() -> Any:
            return await pipe._execute_pipeline(connection, pipe.command_stack, False)

        def close(error: Exception, failures: int) -> Any:
            return pipe._disconnect_raise_on_watching(connection, error, failures, _NO_START_S, "PIPELINE")

        try:
            try:
                await self._write(connection, packed)
                replies = []
                for _ in range(replies_n):
                    try:
                        # Whoever has closed it between two replies has ended this, though more may have come.
                        connected = connection._parser._connected
                        read = self._read(connection, deadlines) if connected else connection.read_response()
                        replies.append(await read)
                    except self._errors.ResponseError as error:
                        replies.append(error)
                return replies
            except connection.retry._supported_errors as error:
                pipe = pipeline()
                return await _retried(connection, error, again, close)  # type: ignore[no-any-return]
        finally:
            if not self._gave_back(client.connection_pool, connection):
                # As of a pipeline: it is given back though the caller gives up now.
                await asyncio.shield(client.connection_pool.release(connection))

    def _deadlines_of(self, client: Any) -> Deadlines:
        pool = client.connection_pool
        found = self._deadlines.get(pool)
        if found is None or found.loop is not asyncio.get_running_loop():
            found = self._deadlines[pool] = Deadlines()
        return found

    async def _write(self, connection: Any, packed: bytes) -> None:
        transport = connection._writer.transport
        transport.write(packed)
        if transport.is_closing():
            await self._drain(connection)
        elif transport.get_write_buffer_size():
            await connection.send_packed_command(())  # waits as redis-py does until there is room

    @staticmethod
    async def forget_closed(client: Any) -> None:
        """Idle connections that the server has closed are opened anew by whoever uses them next.

        redis-py sees to that itself, but not where it listens to the server's maintenance (since 8.0, by default):
        there the first use of each fails.
        """
        for connection in list(client.connection_pool._available_connections):
            if _was_closed(connection):
                await connection.disconnect(nowait=True)

    def lay_back(self, client: Any, connection: Any) -> None:
        """Gives back a connection that was taken and not used. Nobody can have come to wait for one since."""
        self._gave_back(client.connection_pool, connection)

    async def _release(self, client: Any, connection: Any) -> None:
        if not self._gave_back(client.connection_pool, connection):
            await client.connection_pool.release(connection)

    async def _drain(self, connection: Any) -> None:
        """As `send_packed_command`, once what was written failed at once."""
        try:
            await connection._writer.drain()
        except OSError as error:
            await connection.disconnect(nowait=True)
            number, text = ("UNKNOWN", *error.args) if len(error.args) == 1 else error.args[:2]
            raise self._errors.ConnectionError(f"Error {number} while writing to socket. {text}.") from error
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    async def _read(self, connection: Any, deadlines: Deadlines) -> Any:
        """`read_response`, with a deadline in place of a time-limited block."""
        errors, parser, host = self._errors, connection._parser, connection._host_error()
        limit_s = connection.socket_timeout
        try:
            if limit_s is None:
                response = await parser.read_response()
            else:
                with deadlines.within(limit_s) as deadline:
                    # What the server tells of its maintenance, on any connection, may move the end.
                    connection._active_read_timeout = deadline
                    try:
                        response = await parser.read_response()
                    finally:
                        connection._active_read_timeout = None
        except asyncio.TimeoutError:  # not the builtin one before Python 3.11
            await connection.disconnect(nowait=True)
            raise errors.TimeoutError(f"Timeout reading from {host}")  # noqa: B904  # as redis-py
        except OSError as error:
            await connection.disconnect(nowait=True)
            raise errors.ConnectionError(f"Error while reading from {host} : {error.args}")  # noqa: B904  # as redis-py
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        if isinstance(response, errors.ResponseError):
            raise response from None
        return response

    async def _again(self, client: Any, connection: Any, command: tuple[Any, ...], error: Exception) -> Any:
        """What redis-py does once its first attempt has ended in this error."""

        async def again() -> Any:
            # The command's name, and then the whole command.
            return await client._send_command_parse_response(connection, command[0], *command)

        def close(error: Exception, failures: int) -> Any:
            return client._close_connection(connection, error, failures, _NO_START_S, command[0])

        return await _retried(connection, error, again, close)

    @staticmethod
    def _gave_back(pool: Any, connection: Any) -> bool:
        """Whether nobody waits for it, so that it could be laid back at once."""
        condition = pool._condition
        if condition.locked() or condition._waiters or pool._in_maintenance or pool._lock.locked():
            return False
        if connection._should_reconnect or connection._re_auth_token is not None:
            return False
        if connection not in pool._in_use_connections:
            return False
        pool._in_use_connections.remove(connection)
        pool._available_connections.append(connection)
        return True


def _was_closed(connection: Any) -> bool:
    return connection._reader is not None and connection._reader.at_eof()


async def _retried(
    connection: Any, error: Exception, again: Callable[[], Any], close: Callable[[Exception, int], Any]
) -> Any:
    """redis-py's retries of what has failed once."""
    first = [error]

    async def attempt() -> Any:
        if first:
            raise first.pop()
        return await again()

    return await connection.retry.call_with_retry(attempt, close, with_failure_count=True)
