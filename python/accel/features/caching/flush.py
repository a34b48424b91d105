"""A request's scripts sent together: LiteLLM's batch, with the exchange of `exchange.py` in place of a pipeline.

Only batches of scripts, of a plain client, to whose failures and successes no service callback listens: these are
what a limited request sends before the provider's call and after it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from accel import native
from accel.errors import Declined
from accel.features.caching import bound, health
from accel.features.caching.exchange import CLOSED, Exchange
from accel.features.caching.exchange import REPRODUCES as EXCHANGE
from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_BATCH: Final = "litellm.caching.redis_batch"
_REDIS: Final = "litellm.caching.redis_cache"
_PIPELINE: Final = "redis.asyncio.client"
_STEPS: Final = (
    f"{_BATCH}:RedisBatch._flush_pipeline",
    f"{_BATCH}:RedisBatch.flush",
    f"{_BATCH}:_Op.run_settled_hooks",
    f"{_BATCH}:_Op.settle",
    f"{_BATCH}:_Script.enqueue",
    f"{_BATCH}:_Script.resolve",
    f"{_BATCH}:_is_missing_script",
    f"{_PIPELINE}:Pipeline._disconnect_raise_on_watching",
    f"{_PIPELINE}:Pipeline._execute_pipeline",
    f"{_PIPELINE}:Pipeline.execute",
    f"{_PIPELINE}:Pipeline.parse_response",
    f"{_REDIS}:RedisCache.check_and_fix_namespace",
    f"{_REDIS}:RedisCache.init_async_client",
    "litellm._service_logger:ServiceLogging.async_service_failure_hook",
    "litellm._service_logger:ServiceLogging.async_service_success_hook",
    "redis.asyncio._himport_exec:pipeline_prepares",
    "redis.asyncio._himport_exec:reconcile_discards",
)
REPRODUCES: Final = (*_STEPS, *bound.REPRODUCES, *health.REPRODUCES, *EXCHANGE)
# No fingerprint is needed of what only makes a pipeline and ends it, but nobody may have replaced it.
_WATCHED: Final = (
    *_STEPS,
    *health.REPRODUCES,
    f"{_PIPELINE}:Pipeline.execute_command",
    f"{_PIPELINE}:Pipeline.pipeline_execute_command",
    f"{_PIPELINE}:Pipeline.reset",
    f"{_PIPELINE}:Redis.pipeline",
)
_BOUND: Final = {f"{_BATCH}:_run_under_circuit_breaker": f"{_REDIS}:_run_under_circuit_breaker"}
_HOOKS: Final = frozenset(("async_service_failure_hook", "async_service_success_hook"))
_OWN: Final = frozenset(("_circuit_breaker", "namespace", "redis_kwargs", "service_logger_obj"))
_METHODS: Final = frozenset(("check_and_fix_namespace", "init_async_client"))


class _Begun(NamedTuple):
    """What was made ready, and must be sent or given back."""

    client: Any
    connection: Any
    packed: bytes


class Flush:
    """Made when LiteLLM's modules are there; for one event loop at a time, like what it uses."""

    def __init__(self) -> None:
        self._module: Final[Any] = sys.modules[_BATCH]
        self._litellm: Final[Any] = sys.modules["litellm"]
        self._names: Final = Names(_WATCHED, _BOUND)
        self._bound: Final = bound.Bound()
        self._exchange: Final = Exchange()
        self._batch: Final = live(f"{_BATCH}:RedisBatch")
        self._cache: Final = live(f"{_REDIS}:RedisCache")
        self._script: Final = live(f"{_BATCH}:_Script")
        self._services: Final = live("litellm._service_logger:ServiceLogging")

    def begin(self, batch: Any) -> _Begun | str | None:
        """Readies what the batch holds; None: it holds nothing. A `str` says why LiteLLM must send it."""
        # A lock that is free may be promised to one that waits, behind whom this one must wait, too.
        if batch._flush_hooks or batch._lock.locked() or batch._lock._waiters:
            return "it is being flushed, or more is to be declared"
        if not batch._pending:
            return None
        cache = batch.redis_cache
        if type(cache) is not self._cache or any(type(op) is not self._script for op in batch._pending):
            return "more than scripts"
        if type(batch) is not self._batch or not _is_plain(vars(cache)):
            return "an odd batch or cache"
        services = cache.service_logger_obj
        if self._litellm.service_callback or type(services) is not self._services or services.mock_testing:
            return "somebody listens to services"
        if not _HOOKS.isdisjoint(vars(services)) or not self._names.intact():
            return "a LiteLLM function was replaced"
        client = self._bound.find(cache._get_async_client_cache_key())
        if client is None or not self._exchange.knows(client):
            return "no plain client of this loop"
        packed = b""
        for op in batch._pending:
            command = _packed(cache, op)
            if command is None:
                return "not short plain data"
            packed += command
        connection = self._exchange.take(client)
        if isinstance(connection, str):
            return connection
        registry = connection.himport_registry
        if registry is not None and registry.revision != connection._himport_reconciled_revision:
            self._exchange.lay_back(client, connection)
            return "the connection has something to discard"
        # Asked last, for it may make this call the one that tries whether Redis is back.
        if cache._circuit_breaker.is_open():
            self._exchange.lay_back(client, connection)
            return "the breaker is open"
        cache.redis_async_client = client
        return _Begun(client, connection, packed)

    async def forget_closed(self, cache: Any) -> None:
        """As `Exchange.forget_closed`, for the client of this loop."""
        client = self._bound.find(cache._get_async_client_cache_key())
        if client is not None:
            await self._exchange.forget_closed(client)

    async def send(self, batch: Any, begun: _Begun) -> None:
        """As `RedisBatch.flush` once it has the lock, which nobody else has."""
        async with batch._lock:
            ops = tuple(batch._pending)
            batch._pending.clear()
            batch.flushes += 1
            try:
                await self._sent(batch, begun, ops)
            finally:
                for op in ops:
                    if not op.future.done():
                        op.future.cancel()
                if any(op.settled_hooks for op in ops):
                    await asyncio.gather(*(op.run_settled_hooks() for op in ops))

    async def _sent(self, batch: Any, begun: _Begun, ops: Sequence[Any]) -> None:
        client, connection, packed = begun

        def pipeline() -> Any:
            pipe = client.pipeline(transaction=False)
            for op in ops:
                op.enqueue(pipe)
            return pipe

        asked = self._exchange.ask_all(client, connection, packed, len(ops), pipeline)
        try:
            replies = await health.under(batch.redis_cache._circuit_breaker, asked)
        except Exception as error:  # noqa: BLE001  # each declaring caller applies its own fallback
            self._module.log_redis_failure(
                self._module.verbose_logger,
                logging.WARNING,
                f"{batch.name}: pipeline of {len(ops)} ops failed",
                error,
            )
            for op in ops:
                op.future.set_exception(error)
            return
        retries = [op.settle((reply,)) for op, reply in zip(ops, replies, strict=True)]
        alone = [retry for retry in retries if retry is not None]
        if alone:
            await asyncio.gather(*alone)


def _is_plain(attributes: Any) -> bool:
    """Whether a cache has all that is looked at, and its methods are its class's."""
    return attributes.keys() >= _OWN and _METHODS.isdisjoint(attributes)


def _packed(cache: Any, op: Any) -> bytes | None:
    keys = op._keys
    if cache.namespace:
        if any(type(key) is not str for key in keys):
            return None
        keys = tuple(cache.check_and_fix_namespace(key=key) for key in keys)
    packed: bytes | None = native.module.evalsha(op._sha, keys, op._args)
    return packed


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    flushing, refused = Flush(), junction.refused

    async def asked(batch: Any) -> None:
        begun = flushing.begin(batch)
        if isinstance(begun, str):
            raise Declined(begun)
        if begun is not None:
            await flushing.send(batch, begun)

    async def flush(self: Any) -> None:
        if detour := refused():
            await junction.awaited(detour, lambda: asked(self), lambda: original(self), reads=False, raises=True)
            return
        begun = flushing.begin(self)
        if isinstance(begun, str):
            junction.withdraw(begun)
            if begun is CLOSED:
                await flushing.forget_closed(self.redis_cache)
            await original(self)
        elif begun is not None:
            await flushing.send(self, begun)

    return flush


SEAM: Final = Seam(module=_BATCH, attribute="RedisBatch.flush", reproduces=REPRODUCES, build=_build)
