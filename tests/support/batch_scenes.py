"""Scenes of a batch of scripts, played for LiteLLM's own flush and for accel's, and all that is seen of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from litellm._logging import verbose_logger
from litellm.caching import redis_cache
from litellm.caching.redis_batch import BatchResult, RedisBatch
from litellm.caching.redis_cache import RedisCache

import accel
from support.calls import calls_of
from support.scripted_redis import HOST, Plan, ScriptedRedis

SEAM = "RedisBatch.flush"
NONE: Plan = {}


class Stage:
    """A batch and its cache on one loop; it notes what becomes of what was declared."""

    def __init__(self, server: ScriptedRedis, cache: RedisCache, batch: RedisBatch) -> None:
        self.server, self.cache, self.batch = server, cache, batch
        self.script = cache.async_register_script("return ARGV[1]")
        self.notes: list[Any] = []
        self.declared: list[BatchResult[Any]] = []

    @property
    def pool(self) -> Any:
        return self.cache.init_async_client().connection_pool

    def declare(self, *values: Any, hook: bool = True, keys: tuple[Any, ...] = ("k",)) -> list[BatchResult[Any]]:
        made: list[BatchResult[Any]] = [
            self.batch.script("return ARGV[1]", self.script, keys, [v]) for v in values
        ]
        for result, value in zip(made, values, strict=True):
            if hook:
                result.on_settled(lambda future, value=value: self._note(value, future))
        self.declared += made
        return made

    def _note(self, value: Any, future: asyncio.Future[Any]) -> None:
        short = value if len(str(value)) < 20 else len(value)
        self.notes.append(("settled", short, shown(future), self.batch._lock.locked()))

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(30_000):
            if condition():
                return
            await asyncio.sleep(0.001)
        raise AssertionError("it does not come")

    async def sent(self, scripts_n: int) -> None:
        """Until so many scripts have reached the server, and who sent them waits for replies."""
        await self.until(lambda: len(self.server.scripts()) >= scripts_n)
        for _ in range(9):  # before Python 3.12 a cancellation is lost on who has just sent
            await asyncio.sleep(0)

    def state(self) -> dict[str, Any]:
        """All that is left behind."""
        pool, breaker, lock = self.pool, self.cache._circuit_breaker, self.batch._lock
        return {
            "futures": [shown(result._op.future) for result in self.declared],
            "notes": self.notes,
            "batch": (self.batch.flushes, self.batch.pending, lock.locked(), bool(lock._waiters)),  # type: ignore[attr-defined]
            "idle": [connection.is_connected for connection in pool._available_connections],
            "busy": len(pool._in_use_connections),
            "breaker": (
                breaker._state,
                breaker._failure_count,
                breaker._hard_failure_count,
                breaker._timeout_count,
                breaker.generation,
            ),
            "client": self.cache.redis_async_client is self.cache.init_async_client(),
            "seen": list(self.server.seen),
            "connections": self.server.connections_n,
        }


Scene = Callable[[Stage], Awaitable[Any]]


def shown(future: asyncio.Future[Any]) -> Any:
    if not future.done():
        return "pending"
    if future.cancelled():
        return "cancelled"
    error = future.exception()
    if error is not None:
        return told_error(error)
    # An error inside a list is equal to itself alone.
    return repr(future.result()) if isinstance(future.result(), list) else future.result()


def told_error(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}: {error}"


async def told(answer: Awaitable[Any]) -> Any:
    """The value, or the class and text of the exception."""
    try:
        return await answer
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # an error is a result to compare
        return told_error(error)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


def played(scene: Scene, server: ScriptedRedis, plan: Plan, *, warm: bool = True, **settings: Any) -> Any:
    """What a scene came to and left, with its warnings."""
    lines = _Lines()
    server.begin(NONE)

    async def play() -> Any:
        cache = RedisCache(**{"host": HOST, "port": server.port, "socket_timeout": 5.0, **settings})
        await cache.ping()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            await task  # the ping that the cache makes by itself
        stage = Stage(server, cache, RedisBatch(cache, name="scene"))
        if warm:
            await stage.script(keys=["warm"], args=["warm"])
        server.begin(plan)
        redis_cache._redis_timeout_log_throttle._last_logged_at = None
        redis_cache._redis_timeout_log_throttle._suppressed = 0
        found = await told(scene(stage))
        await asyncio.sleep(0)
        state = stage.state()
        await cache.init_async_client().aclose()
        return found, state

    verbose_logger.addHandler(lines)
    try:
        return (*asyncio.run(play()), lines.lines)
    finally:
        verbose_logger.removeHandler(lines)


def same(
    scene: Scene,
    server: ScriptedRedis,
    plan: Plan = NONE,
    *,
    native: int | None = None,
    verify: float = 0,
    **settings: Any,
) -> Any:
    """Plays it on LiteLLM's own code and on accel's, and compares. `native`: how many flushes are to be native."""
    accel.set_flag("caching", mode="off")
    expected = played(scene, server, plan, **settings)
    accel.set_flag("caching", mode="on", percent=100, verify_percent=verify)
    with calls_of("caching", SEAM) as calls, calls_of("caching") as every:
        found = played(scene, server, plan, **settings)
    for theirs, ours in zip(_parts(expected), _parts(found), strict=True):
        assert ours == theirs, f"{ours!r} is not {theirs!r}"
    assert native is None or calls.native == native, calls
    assert (every.failed, every.mismatched) == (0, 0)
    return found


def _parts(told_of: Any) -> list[Any]:
    found, state, lines = told_of
    return [("answer", found), *state.items(), ("lines", lines)]
