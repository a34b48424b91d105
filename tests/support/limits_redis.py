"""Limiters on Redis that programs run on: one by itself, and two instances of a proxy on one database."""

import asyncio
from typing import Any

from litellm.caching.redis_batch import flush_post_call_redis_batches, request_redis_batch_scope
from litellm.caching.redis_cache import RedisCache

import accel
from support import sides
from support.clocks import Clock
from support.limits import LimitWorld, Request, Setting
from support.mortal_redis import RedisServer
from support.programs import Step
from support.redis_database import ACCELERATED, HOST, PLAIN, Database, without_times
from support.shown import Told

COARSE_S = 100
"""Programs on Redis move their clock by multiples of this, and windows last as many: moments of Redis's own clock
between two runs decide nothing then."""


class RedisWorld(LimitWorld):
    """A limiter on a database of its own side. `batched` opens a request's pipeline around each hook, as the
    proxy's middleware does."""

    def __init__(
        self,
        setting: Setting,
        base_s: float,
        *,
        batched: bool = False,
        database: Database | None = None,
        clock: Clock | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        self._own = database is None
        self.database = database or Database(PLAIN if sides.running() == "plain" else ACCELERATED)
        if self._own:
            self.database.empty()
        redis_cache: Any = RedisCache(
            host=HOST, port=self.database.port, db=self.database.number, socket_timeout=timeout_s
        )
        super().__init__(setting, redis_cache, clock or Clock(base_s))
        self._base_s = base_s
        self._batched = batched

    async def step(self, step: Step) -> str:
        return without_times(await super().step(step), self._base_s - COARSE_S / 2, COARSE_S)

    def state(self) -> str:
        state = f"{super().state()}\n{self.database.state()}"
        return without_times(state, self._base_s - COARSE_S / 2, COARSE_S)

    async def _pre_call(self, request: Request, call_type: str) -> Any:
        return await self._in_batch(super()._pre_call(request, call_type))

    async def _during(self, number: int, run: Any) -> str:
        return await self._in_batch(super()._during(number, run))

    async def _in_batch(self, hook: Any) -> Any:
        if not self._batched:
            return await hook
        with request_redis_batch_scope():
            try:
                return await hook
            finally:
                await flush_post_call_redis_batches()

    def _redis(self, command: str, *arguments: Any) -> Any:
        """What somebody else does to the database."""
        return self.database.client.execute_command(command, *arguments)

    async def close(self) -> None:
        await super().close()
        # LiteLLM's pings of a new client and its log of services run beside the program.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        # LiteLLM keeps the client for the next world, which must not meet connections to a server that was killed.
        redis_cache: Any = self.cache.redis_cache
        await redis_cache.init_async_client().connection_pool.disconnect()
        redis_cache.redis_client.close()
        if self._own:
            self.database.empty()
            self.database.close()


class FaultWorld(RedisWorld):
    """A limiter on a server that fails. It starts each run with a server that is up and empty."""

    def __init__(
        self, setting: Setting, base_s: float, server: RedisServer, *, batched: bool, timeout_s: float
    ) -> None:
        server.kill()
        server.start()
        self.server = server
        super().__init__(setting, base_s, batched=batched, database=Database(0, server.port), timeout_s=timeout_s)
        self.breaker: Any = self.cache.redis_cache._circuit_breaker  # type: ignore[union-attr]
        # Timeouts count without five seconds between the first and the last of them.
        self.breaker.timeout_min_duration = 0.0

    def _server(self, what: str) -> None:
        getattr(self.server, what)()

    def _breaker(self) -> str:
        """The state of LiteLLM's circuit breaker."""
        return str(self.breaker._state)

    def _later(self) -> None:
        """The time that the breaker stays open has passed."""
        if self.breaker._opened_at is not None:
            self.breaker._opened_at -= self.breaker.recovery_timeout + 1

    def state(self) -> str:
        return without_times(LimitWorld.state(self), self._base_s - COARSE_S / 2, COARSE_S)

    def _look(self) -> str:
        """What Redis holds; only while it answers."""
        return Told(without_times(self.database.state(), self._base_s - COARSE_S / 2, COARSE_S))


class SharedWorld:
    """Two instances on one database: LiteLLM's own, or with accel the second one accelerated."""

    def __init__(self, setting: Setting, base_s: float) -> None:
        self._database = Database(PLAIN)
        self._database.empty()
        clock = Clock(base_s)
        self._mixed = sides.running() == "accelerated"
        first = RedisWorld(setting, base_s, database=self._database, clock=clock)
        self._instances = (first, RedisWorld(setting, base_s, database=self._database, clock=clock))

    async def step(self, step: Step) -> str:
        name, *rest = step
        if name == "key":
            return "; ".join([await self._on(number, step) for number in (0, 1)])
        first = rest[0][0][0] if name == "burst" else rest[0] if rest else 0
        # A request ends on the instance that took it; what is no request goes where its text says.
        return await self._on(first % 2 if isinstance(first, int) else len(repr(step)) % 2, step)

    async def _on(self, number: int, step: Step) -> str:
        instance = self._instances[number]
        if self._mixed and number == 0:
            with accel.disabled():
                return await instance.step(step)
        return await instance.step(step)

    def state(self) -> str:
        return "\n".join(instance.state() for instance in self._instances)

    async def close(self) -> None:
        for instance in self._instances:
            await instance.close()
        self._database.empty()
        self._database.close()
