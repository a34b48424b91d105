"""One command to Redis and its reply, on a connection that redis-py keeps ready.

redis-py asks for a connection under a condition and a timer, sends in a task of its own (before Python 3.12), and
notes each step for observers that are seldom there. Here the same connection is taken and given back at once where
nobody waits for one, and written to directly where its buffer is empty. Reading, closing, retries, time limits and
every error are redis-py's own.

For one event loop, like the pool. What is not as expected is left to redis-py before anything is sent.
"""

from __future__ import annotations

import sys
from typing import Any, Final

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
    "redis.event:AsyncReAuthConnectionListener.listen",
    "redis.event:EventDispatcher.dispatch_async",
    f"{_CONNECTION}:AbstractConnection.re_auth",
    "redis.asyncio.observability.recorder:record_operation_duration",
    "redis.asyncio.observability.recorder:record_error_count",
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
        self._encoder: Final = vars(sys.modules["redis._parsers.encoders"])["Encoder"]
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
        if "EVALSHA" in client.response_callbacks or not self._names.intact():
            return "a redis-py function was replaced"
        condition = pool._condition
        if condition.locked() or condition._waiters or pool._in_maintenance or not pool._available_connections:
            return "no connection is idle"
        listeners = pool._event_dispatcher._event_listeners_mapping.get(self._released, ())
        # redis-py's own one logs in again where there is a new token; see `_give_back`.
        if [type(listener) for listener in listeners] != [self._authenticates] or self._observers[
            "_get_or_create_collector"
        ]() is not None:
            return "redis-py is observed"
        connection = pool._available_connections[-1]
        if not self._is_ready(connection):
            return "the connection is not ready"
        pool._in_use_connections.add(pool._available_connections.pop())
        return connection

    def _is_ready(self, connection: Any) -> bool:
        """As `ensure_connection`, `check_health` and `drain` would find without waiting."""
        reader, writer, parser = connection._reader, connection._writer, connection._parser
        if reader is None or writer is None or connection.health_check_interval or connection._should_reconnect:
            return False
        if type(connection) not in self._connections or type(parser) is not self._parser or not parser._connected:
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

    async def ask(self, client: Any, connection: Any, packed: bytes, command: tuple[Any, ...]) -> Any:
        """The reply to `command`, packed as redis-py would pack it; the connection, taken before, is given back.

        Raises what redis-py raises, after its own retries.
        """
        try:
            try:
                connection._writer.write(packed)
                if connection._writer.transport.get_write_buffer_size():
                    await connection.send_packed_command(())  # waits as redis-py does until there is room
                return await connection.read_response()
            except connection.retry._supported_errors as error:
                return await self._again(client, connection, command, error)
        finally:
            await self._give_back(client.connection_pool, connection)

    async def _again(self, client: Any, connection: Any, command: tuple[Any, ...], error: Exception) -> Any:
        """What redis-py does once its first attempt has ended in this error."""
        first, start = [error], 0.0  # durations are for observers, and there were none

        async def attempt() -> Any:
            if first:
                raise first.pop()
            return await client._send_command_parse_response(connection, *command)

        def close(error: Exception, failures: int) -> Any:
            return client._close_connection(connection, error, failures, start, command[0])

        return await connection.retry.call_with_retry(attempt, close, with_failure_count=True)

    async def _give_back(self, pool: Any, connection: Any) -> None:
        condition = pool._condition
        waited_for = condition.locked() or condition._waiters or pool._in_maintenance or pool._lock.locked()
        changed = connection._should_reconnect or connection._re_auth_token is not None
        if waited_for or changed or connection not in pool._in_use_connections:
            await pool.release(connection)
        else:
            pool._in_use_connections.remove(connection)
            pool._available_connections.append(connection)
