"""Parts of the limiter and the caches under it, one operation at a time, in memory.

Each side has caches of its own, made and used in its own stage only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from limiter import MODEL, PLENTY, key, limiter
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.common_utils.user_api_key_cache import UserApiKeyCache
from sides import ACCEL, PLAIN, side
from timing import assert_equal, processor_s, warm_us

SIDES = (PLAIN, ACCEL)
IN_FLIGHT = (1, 10, 100, 1000)
_HOUR_S = 3600
_CHOICES = {"model": MODEL, "choices": [{"index": n, "message": {"content": "x" * 80}} for n in range(40)]}


def rows(loop: asyncio.AbstractEventLoop, rounds: int) -> list[dict[str, Any]]:
    """One for each operation: processor time of one, in µs."""

    def measured(what: str, make: Callable[[], Callable[[int], Any]], calls: int = 100) -> dict[str, Any]:
        """`make` builds, inside a side's stage, what runs the operation so many times and answers its last."""
        contestants = {}
        for who in SIDES:
            with side(who):
                contestants[who] = make()
        assert_equal(contestants, [1, 3], stage=side)
        us = warm_us(contestants, calls, rounds=rounds, stage=side, clock=processor_s)
        return {"what": what, "cpu_us": {who: time / calls for who, time in us.items()}}

    def awaited(call: Callable[[], Awaitable[Any]]) -> Callable[[int], Any]:
        async def several(times: int) -> Any:
            answer = None
            for _ in range(times):
                answer = await call()
            return answer

        return lambda times: loop.run_until_complete(several(times))

    return [
        *(
            measured(f"slot acquired and released, {n:,} in flight", lambda n=n: awaited(_gauge(loop, n)), 10)
            for n in IN_FLIGHT
        ),
        *(
            measured(f"DualCache.async_get_cache, {what}", lambda value=value: awaited(_dual_hit(value)))
            for what, value in (
                ("a number", 7),
                ("a dict of 40 choices", _CHOICES),
                ("a key object", _key_object()),
            )
        ),
        measured("UserApiKeyCache.async_get_cache, a key object", lambda: awaited(_auth_hit(loop))),
        *(
            measured(f"InMemoryCache.get_cache, {what}", lambda value=value: _sync(_memory_hit(value)))
            for what, value in (("a number", 7), ("a numeric text", "1795242099"), ("a dict", _CHOICES))
        ),
        measured("InMemoryCache.get_cache, nothing there", lambda: _sync(_memory_miss())),
        measured("InMemoryCache.set_cache, a number that is there", lambda: _sync(_memory_set())),
        measured("InMemoryCache.set_cache, a new key into a full cache", lambda: _sync(_memory_set_new())),
        measured("InMemoryCache.increment_cache", lambda: _sync(_memory_increment())),
    ]


def _sync(call: Callable[[], Any]) -> Callable[[int], Any]:
    def several(times: int) -> Any:
        answer = None
        for _ in range(times):
            answer = call()
        return answer

    return several


def _key_object() -> UserAPIKeyAuth:
    return key(1, rpm_limit=PLENTY, tpm_limit=PLENTY, max_parallel_requests=PLENTY, user_id="u", team_id="t")


def _gauge(loop: asyncio.AbstractEventLoop, in_flight: int) -> Callable[[], Awaitable[Any]]:
    """One slot more and less while the others of `in_flight` stay."""
    handler = limiter()
    name = "{api_key:gauge}:max_parallel_requests"
    limits = [{"key": "api_key", "value": "gauge", "rate_limit": {"max_parallel_requests": PLENTY}}]

    async def fill() -> None:
        for number in range(in_flight - 1):
            await handler.should_rate_limit(limits, parallel_slot_id=f"{number:032x}")

    async def turn() -> Any:
        admitted = await handler.should_rate_limit(limits, parallel_slot_id="f" * 32)
        await handler._release_parallel_request_slots({"slot_id": "f" * 32, "counter_keys": [name]})
        return admitted

    loop.run_until_complete(fill())
    return turn


def _dual_hit(value: Any) -> Callable[[], Awaitable[Any]]:
    cache = DualCache()
    cache.set_cache("a key of some length", value, ttl=_HOUR_S)
    return lambda: cache.async_get_cache("a key of some length")


def _auth_hit(loop: asyncio.AbstractEventLoop) -> Callable[[], Awaitable[Any]]:
    """As auth looks a key up."""
    cache, found = UserApiKeyCache(), _key_object()
    loop.run_until_complete(cache.async_set_cache(found.api_key, found, model_type=UserAPIKeyAuth, ttl=_HOUR_S))
    return lambda: cache.async_get_cache(found.api_key, model_type=UserAPIKeyAuth)


def _memory_hit(value: Any) -> Callable[[], Any]:
    cache = InMemoryCache()
    cache.set_cache("a key of some length", value, ttl=_HOUR_S)
    return lambda: cache.get_cache("a key of some length")


def _memory_miss() -> Callable[[], Any]:
    cache = InMemoryCache()
    return lambda: cache.get_cache("a key of some length")


def _memory_set() -> Callable[[], Any]:
    cache = InMemoryCache()
    return lambda: cache.set_cache("a key of some length", 7, ttl=_HOUR_S)


def _memory_set_new() -> Callable[[], Any]:
    cache, numbers = InMemoryCache(), count()
    for number in range(200):
        cache.set_cache(f"old {number}", number, ttl=_HOUR_S)
    return lambda: cache.set_cache(f"new {next(numbers)}", 7, ttl=_HOUR_S)


def _memory_increment() -> Callable[[], Any]:
    cache = InMemoryCache()

    def increment() -> int:
        # The counter starts anew, so that the answers of both sides are equal whatever was run before.
        value = cache.increment_cache("a counter", 1, ttl=_HOUR_S)
        return value if value < 2 else 2

    return increment
