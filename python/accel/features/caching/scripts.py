"""Registered Lua scripts: LiteLLM's executor, with the exchange of `exchange.py` in place of redis-py's.

The circuit breaker, the admission and the binding to the running loop are around the executor, and LiteLLM's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from accel.errors import Declined
from accel.features.caching.exchange import REPRODUCES, Exchange
from accel.features.seam import Junction, Seam

_REDIS: Final = "litellm.caching.redis_cache"
_TARGET: Final = "RedisCache._register_script_for_current_loop"
_PLAIN: Final = frozenset((str, bytes, int, float))
_LONGEST_BYTES: Final = 6000
"""As redis-py cuts a command into pieces; a longer one is its affair."""


def pack(head: bytes, keys: Sequence[str], values: Sequence[Any]) -> bytes | None:
    """An EVALSHA of the script whose name `head` spells; None for anything but short plain data."""
    parts = [b"*%d\r\n%b$%d\r\n%d\r\n" % (3 + len(keys) + len(values), head, len(str(len(keys))), len(keys))]
    for value in (*keys, *values):
        kind = type(value)
        if kind is str:
            try:
                data = value.encode()
            except UnicodeEncodeError:
                return None
        elif kind is bytes:
            data = value
        elif kind in _PLAIN:
            data = repr(value).encode()
        else:
            return None
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    packed = b"".join(parts)
    return packed if len(packed) < _LONGEST_BYTES else None


def _build(junction: Junction, original: Any) -> Any:
    exchange, refused = Exchange(), junction.refused

    def _register_script_for_current_loop(self: Any, script: str) -> Any:
        own = original(self, script)
        # The client that LiteLLM has just bound the script to.
        redis = getattr(self, "redis_async_client", None)
        if redis is None or not exchange.knows(redis):
            return own
        # Its name stays what it is: NOSCRIPT loads this very text again.
        registered = redis.register_script(script)
        sha = registered.sha.encode()
        head = b"$7\r\nEVALSHA\r\n$%d\r\n%b\r\n" % (len(sha), sha)
        from redis.exceptions import NoScriptError

        def begin(keys: Any, args: Any, client: Any) -> tuple[tuple[Any, ...], bytes, Any] | str:
            """The command, packed, and a connection for it; a `str` says why redis-py must do it."""
            if client is not None:
                return "a client of the caller's"
            command = ("EVALSHA", registered.sha, len(keys), *keys, *args)
            packed = pack(head, keys, args)
            if packed is None:
                return "not short plain data"
            connection = exchange.take(redis)
            return connection if isinstance(connection, str) else (command, packed, connection)

        async def finish(begun: tuple[tuple[Any, ...], bytes, Any]) -> Any:
            command, packed, connection = begun
            try:
                return await exchange.ask(redis, connection, packed, command)
            except NoScriptError:
                await redis.script_load(registered.script)
                return await redis.evalsha(*command[1:])

        async def asked(keys: Any, args: Any, client: Any) -> Any:
            begun = begin(tuple(self.check_and_fix_namespace(key=key) for key in keys), args, client)
            if isinstance(begun, str):
                raise Declined(begun)
            return await finish(begun)

        async def standalone_executor(keys: Any, args: Any, client: Any = None) -> Any:
            if detour := refused():
                return await junction.awaited(
                    detour,
                    lambda: asked(keys, args, client),
                    lambda: own(keys=keys, args=args, client=client),
                    reads=False,
                    raises=True,
                )
            namespaced = tuple(self.check_and_fix_namespace(key=key) for key in keys)
            begun = begin(namespaced, args, client)
            if isinstance(begun, str):
                junction.withdraw(begun)
                return await own(keys=keys, args=args, client=client)
            return await finish(begun)

        return standalone_executor

    return _register_script_for_current_loop


SEAM: Final = Seam(
    module=_REDIS,
    attribute=_TARGET,
    reproduces=(f"{_REDIS}:{_TARGET}", f"{_REDIS}:RedisCache.check_and_fix_namespace", *REPRODUCES),
    build=_build,
)
