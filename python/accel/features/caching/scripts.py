"""Registered Lua scripts: LiteLLM's executor, with the exchange of `exchange.py` in place of redis-py's.

Around the executor LiteLLM's circuit breaker stays; the binding to a loop is looked up without LiteLLM's detours,
and made by its own code where there is none yet.
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import update_wrapper
from inspect import getclosurevars
from typing import Any, Final

from accel import native
from accel.errors import Declined
from accel.features.caching import bound, health
from accel.features.caching.deadlines import Deadlines
from accel.features.caching.exchange import CLOSED, REPRODUCES, Exchange
from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_REDIS: Final = "litellm.caching.redis_cache"
_STEPS: Final = (f"{_REDIS}:RedisCache._admit_async_call", *health.REPRODUCES)
_UNBOUND: Final = "no executor is bound to this loop, or the breaker is open"


def _executor(junction: Junction, original: Any) -> Any:
    """What runs a script by its name on the client of one event loop."""
    exchange, refused = Exchange(), junction.refused
    plain = live(f"{_REDIS}:RedisCache.check_and_fix_namespace")

    def _register_script_for_current_loop(self: Any, script: str) -> Any:
        own = original(self, script)
        # The client that LiteLLM has just bound the script to; none on a cluster.
        registered: Any = getclosurevars(own).nonlocals.get("registered_script")
        redis: Any = getattr(registered, "registered_client", None)
        # Outside of a loop nothing is sent: whoever binds it there may use it on any.
        if not exchange.knows(redis) or asyncio._get_running_loop() is None:
            return own
        # Its name stays what it is: NOSCRIPT loads this very text again.
        pack, sha, deadlines = native.module.evalsha, registered.sha, Deadlines()
        from redis.exceptions import NoScriptError

        def namespaced(keys: Any) -> Any:
            fix = self.check_and_fix_namespace
            if not self.namespace and getattr(fix, "__func__", None) is plain:
                return keys
            return tuple(fix(key=key) for key in keys)

        def begin(keys: Any, args: Any, client: Any) -> tuple[tuple[Any, ...], bytes, Any] | str:
            """The command, packed, and a connection for it; a `str` says why redis-py must do it."""
            if client is not None:
                return "a client of the caller's"
            if deadlines.loop is not asyncio.get_running_loop():
                return "another event loop"
            # What can be gone through only once is not begun.
            if type(keys) is not list and type(keys) is not tuple:
                return "not short plain data"
            keys = namespaced(keys)
            packed = pack(sha, keys, args)
            if packed is None:
                return "not short plain data"
            connection = exchange.take(redis)
            if isinstance(connection, str):
                return connection
            return ("EVALSHA", sha, len(keys), *keys, *args), packed, connection

        async def finish(command: tuple[Any, ...], packed: bytes, connection: Any) -> Any:
            try:
                return await exchange.ask(redis, connection, packed, command, deadlines)
            except NoScriptError:
                await redis.script_load(registered.script)
                return await redis.evalsha(*command[1:])

        async def asked(keys: Any, args: Any, client: Any) -> Any:
            begun = begin(keys, args, client)
            if isinstance(begun, str):
                raise Declined(begun)
            return await finish(*begun)

        async def standalone_executor(keys: Any, args: Any, client: Any = None) -> Any:
            if detour := refused():
                return await junction.awaited(
                    detour,
                    lambda: asked(keys, args, client),
                    lambda: own(keys=keys, args=args, client=client),
                    reads=False,
                    raises=True,
                )
            begun = begin(keys, args, client)
            if isinstance(begun, str):
                junction.withdraw(begun)
                if begun is CLOSED:
                    await exchange.forget_closed(redis)
                return await own(keys=keys, args=args, client=client)
            return await finish(*begun)

        return standalone_executor

    return _register_script_for_current_loop


def _registered(junction: Junction, original: Any) -> Any:
    """What finds the running loop's executor and calls it under LiteLLM's breaker."""
    refused, names = junction.refused, Names(_STEPS, {})
    kept, class_ = bound.Bound(), live(f"{_REDIS}:RedisCache")

    def async_register_script(self: Any, script: str) -> Any:
        own = original(self, script)
        if type(self) is not class_:
            return own
        text = hashlib.sha256(script.encode()).hexdigest()[:16]
        name = f"redis-registered-script-{self._get_async_client_cache_key()}-{self.namespace}-{text}"

        def found(breaker: Any) -> Any:
            """The running loop's executor where LiteLLM finds one, and its breaker is not open; else None."""
            if not names.intact() or "_admit_async_call" in vars(self):
                return None
            executor = kept.find(name)
            # Asked last, for it may make this call the one that tries whether Redis is back.
            return None if executor is None or breaker.is_open() else executor

        async def asked(keys: Any, args: Any, client: Any) -> Any:
            breaker = self._circuit_breaker
            executor = found(breaker)
            if executor is None:
                raise Declined(_UNBOUND)
            return await health.under(breaker, executor(keys=keys, args=args, client=client))

        async def run_script(keys: Any, args: Any, client: Any = None) -> Any:
            if detour := refused():
                return await junction.awaited(
                    detour,
                    lambda: asked(keys, args, client),
                    lambda: own(keys=keys, args=args, client=client),
                    reads=False,
                    raises=True,
                )
            breaker = self._circuit_breaker
            executor = found(breaker)
            if executor is None:
                junction.withdraw(_UNBOUND)
                return await own(keys=keys, args=args, client=client)
            return await health.under(breaker, executor(keys=keys, args=args, client=client))

        update_wrapper(run_script, own)
        return run_script

    return async_register_script


def _seam(method: str, build: Any, *reproduces: str) -> Seam:
    return Seam(
        module=_REDIS,
        attribute=f"RedisCache.{method}",
        reproduces=(f"{_REDIS}:RedisCache.{method}", *reproduces),
        build=build,
    )


SEAMS: Final = (
    _seam(
        "_register_script_for_current_loop",
        _executor,
        f"{_REDIS}:RedisCache.check_and_fix_namespace",
        *REPRODUCES,
    ),
    _seam("async_register_script", _registered, *_STEPS, *bound.REPRODUCES),
)
