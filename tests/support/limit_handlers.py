"""LiteLLM's limiter with a clock that a test moves, and the engines of better windows beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import accel
from accel import dispatch
from accel.features.better_windows import Engine, chosen
from support.limit_redis import DATABASE, HOST, PORT
from support.live import kept_flags

START = 1_795_242_099.0
FEATURES = ("sliding_window", "token_bucket", "limit_leases")


_stores: list[Any] = []


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test in a loop of its own; its connections to Redis are closed before the loop is."""

    async def closed_after() -> None:
        try:
            await test()
        finally:
            while _stores:
                await _stores.pop().init_async_client().connection_pool.disconnect()

    asyncio.run(closed_after())


class Limiter:
    """A handler of LiteLLM's, with or without Redis."""

    def __init__(self, *, redis: bool = False, port: int = PORT) -> None:
        from litellm.caching.dual_cache import DualCache
        from litellm.caching.redis_cache import RedisCache
        from litellm.proxy.hooks.parallel_request_limiter_v3 import PROXY_MaxParallelRequestsHandler_v3
        from litellm.proxy.utils import InternalUsageCache

        # Redis has the machine's clock, and LiteLLM compares it with the handler's.
        self.now = time.time() if redis else START
        store = RedisCache(host=HOST, port=port, db=DATABASE) if redis else None
        if store is not None:
            _stores.append(store)
        self.handler: Any = PROXY_MaxParallelRequestsHandler_v3(
            InternalUsageCache(DualCache(redis_cache=store)),
            time_provider=lambda: datetime.fromtimestamp(self.now),
        )


def descriptor(
    scope: str = "api_key",
    value: str = "k",
    *,
    rpm: int | None = None,
    tpm: int | None = None,
    parallel: int | None = None,
) -> dict[str, Any]:
    """One of LiteLLM's `RateLimitDescriptor`s."""
    limits = {"requests_per_unit": rpm, "tokens_per_unit": tpm, "max_parallel_requests": parallel}
    return {"key": scope, "value": value, "rate_limit": {**limits, "window_size": 60}}


def engine() -> Engine:
    """The one that the flags choose."""
    found = chosen(dispatch.junctions["sliding_window"])
    assert found is not None
    return found


@contextmanager
def on(*features: str, **settings: float) -> Iterator[None]:
    """These features on and the others of their kind off, with fresh guards and so with fresh windows."""
    with kept_flags():
        for name in FEATURES:
            dispatch.junctions[name].renew()
            accel.set_flag(name, mode="on" if name in features else "off", percent=100, include=[], exclude=[])
        if settings:
            accel.set_flag("token_bucket", settings=settings)
        yield
    for name in FEATURES:
        dispatch.junctions[name].renew()
    accel.reload_flags()


def native_calls(feature: str) -> int:
    """How many admissions the engine of this feature has answered."""
    count: int = dispatch.junctions[feature].guard.status()["calls"]["native"]
    return count
