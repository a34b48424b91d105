"""A request's whole life in the limiter: pre-call hook, post-call hook, logging hook, success event.

Each side has limiters of its own, made and used in its own stage only. The clock runs over the hooks, not over
what makes a request.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from limiter import PLENTY, REDIS, Clock, Request, admit, clean_redis, finish, key, life, limiter, memory_of
from relay import Relay, counting
from sides import ACCEL, PLAIN, side

SIDES = (PLAIN, ACCEL)
MEMORY, REDIS_PLACE, BATCHED = "memory", "Redis", "Redis, batched"
PLACES = (MEMORY, REDIS_PLACE, BATCHED)
_ALL = {"rpm_limit": PLENTY, "tpm_limit": PLENTY * 1000, "max_parallel_requests": PLENTY}
_OWNERS = {"user": "user_", "team": "team_"}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "rpm": {"rpm_limit": PLENTY},
    "rpm + tpm": {"rpm_limit": PLENTY, "tpm_limit": PLENTY * 1000},
    "rpm + tpm + parallel": _ALL,
    "the same, and user and team": {
        **_ALL,
        **{f"{owner}_id": f"bench-{owner}" for owner in _OWNERS},
        **{f"{prefix}rpm_limit": PLENTY for prefix in _OWNERS.values()},
        **{f"{prefix}tpm_limit": PLENTY * 1000 for prefix in _OWNERS.values()},
    },
}
_WARM_LIVES = {MEMORY: 300, REDIS_PLACE: 100, BATCHED: 100}
"""Seams were just put in or taken out, and CPython specialises its code anew before a turn counts."""


@dataclass
class _Turns:
    """What one side's limiter has taken so far."""

    handler: Any
    key: Any
    before_s: list[float]
    whole_s: list[float]


def assert_equal_lives(loop: asyncio.AbstractEventLoop) -> None:
    """Both sides must admit and refuse alike, with the same headers and texts, and leave the same counters."""
    tight = {
        "3 rpm": {"rpm_limit": 3},
        "600 tpm": {"tpm_limit": 600},
        "2 parallel": {"max_parallel_requests": 2},
        "all and a user": {
            "rpm_limit": 4,
            "tpm_limit": 900,
            "max_parallel_requests": 2,
            "user_id": "u",
            "user_rpm_limit": 3,
        },
    }
    for place in PLACES:
        for name, limits in {**tight, **KINDS}.items():
            told = {}
            # Redis judges by its own clock what this one has written.
            clock = Clock(float(int(time.time())))
            for who in SIDES:
                with side(who), clean_redis() as client:
                    told[who] = loop.run_until_complete(_told(place, limits, client, clock))
            assert told[PLAIN] == told[ACCEL], (place, name, told)


async def _told(place: str, limits: Mapping[str, Any], client: Any, clock: Clock) -> list[Any]:
    """Eight requests of which two are always in flight: what each is answered, and the state they leave."""
    handler = limiter(clock=clock, redis_port=None if place == MEMORY else REDIS["port"])
    owner, flying, told = key(1, **limits), [], []
    for number in range(8):
        request = Request(owner, number)
        refusal = await admit(handler, request)
        if refusal is not None:
            told.append([refusal.status_code, refusal.detail, dict(refusal.headers or {})])
            continue
        flying.append(request)
        if len(flying) > 2:
            done = flying.pop(0)
            await finish(handler, done)
            told.append([done.response._hidden_params, done.kwargs["standard_logging_object"]])
    memory = memory_of(handler)
    told.append(sorted((name, _seen(value), memory.ttl_dict[name]) for name, value in memory.cache_dict.items()))
    told.append(sorted((name, _stored(client, name)) for name in client.scan_iter(match="{*}:*")))
    return told


def _seen(value: Any) -> Any:
    # Slots have random names.
    return len(value) if isinstance(value, dict) else value


def _stored(client: Any, name: bytes) -> Any:
    is_gauge = client.type(name) == b"zset"
    return client.zcard(name) if is_gauge else client.get(name)


def rows(loop: asyncio.AbstractEventLoop, rounds: int) -> Iterator[dict[str, Any]]:
    """One for each place and kind of key: processor time in µs, before the provider's call and in all."""
    for place in PLACES:
        for kind in KINDS:
            lives = 60 if place == MEMORY else 20
            yield {"place": place, "key": kind, **_measured(loop, place, kind, rounds, lives)}


def _measured(
    loop: asyncio.AbstractEventLoop, place: str, kind: str, rounds: int, lives: int, in_flight: int = 0
) -> dict[str, Any]:
    turns: dict[str, _Turns] = {}
    with clean_redis():
        for number, who in enumerate(SIDES):
            with side(who):
                handler = limiter(redis_port=None if place == MEMORY else REDIS["port"])
                turns[who] = _Turns(handler, key(number, **KINDS[kind]), [], [])
                loop.run_until_complete(_fill(turns[who], in_flight))
        for _ in range(rounds):
            for who in random.sample(SIDES, len(SIDES)):
                with side(who):
                    loop.run_until_complete(_turn(turns[who], lives, place))
        trips = {who: _round_trips(loop, place, kind, who) for who in SIDES if place != MEMORY}
    medians = {
        name: {who: statistics.median(getattr(turns[who], f"{name}_s")) * 1e6 for who in SIDES}
        for name in ("before", "whole")
    }
    row = {"cpu_us": medians["whole"], "before_call_cpu_us": medians["before"], "lives": rounds * lives}
    return {**row, "round_trips": trips} if trips else row


async def _fill(turns: _Turns, in_flight: int) -> None:
    for number in range(in_flight):
        assert await admit(turns.handler, Request(turns.key, -1 - number)) is None


async def _turn(turns: _Turns, lives: int, place: str) -> None:
    for number in range(-_WARM_LIVES[place], lives):
        request = Request(turns.key, number)
        marks: list[float] = []
        mark: Callable[[], None] = lambda marks=marks: marks.append(time.process_time())  # noqa: E731
        mark()
        await life(turns.handler, request, batched=place == BATCHED, between=mark)
        mark()
        if number >= 0:
            turns.before_s.append(marks[1] - marks[0])
            turns.whole_s.append(marks[2] - marks[0])


def _round_trips(loop: asyncio.AbstractEventLoop, place: str, kind: str, who: str) -> dict[str, float]:
    """A request's waits for Redis, before the provider's call and in all, when its scripts are known there."""

    async def counted(relay: Relay, handler: Any) -> dict[str, float]:
        batched, owner = place == BATCHED, key(7, **KINDS[kind])
        await life(handler, Request(owner, 0), batched=batched)
        seen = [relay.round_trips]
        await life(handler, Request(owner, 1), batched=batched, between=lambda: seen.append(relay.round_trips))
        first, between, last = *seen, relay.round_trips
        return {"before_call": between - first, "whole": last - first}

    with side(who), counting(REDIS["host"], REDIS["port"]) as (relay, port):
        return loop.run_until_complete(counted(relay, limiter(redis_port=port)))


def concurrent_rows(loop: asyncio.AbstractEventLoop, rounds: int) -> Iterator[dict[str, Any]]:
    """One for each place with Redis: a whole life, in µs, where 16 are under way at any time, as under load."""
    kind, at_a_time = "rpm + tpm + parallel", 16
    for place in (REDIS_PLACE, BATCHED):
        handlers, times_us = {}, {who: [] for who in SIDES}
        with clean_redis():
            for who in SIDES:
                with side(who):
                    handlers[who] = limiter(redis_port=REDIS["port"])
            for _ in range(rounds):
                for who in random.sample(SIDES, len(SIDES)):
                    with side(who):
                        many = _many(handlers[who], key(1, **KINDS[kind]), place, at_a_time)
                        times_us[who].append(loop.run_until_complete(many))
        medians = {who: statistics.median(times) for who, times in times_us.items()}
        yield {
            "place": place,
            "key": f"{kind}, {at_a_time} at a time",
            "cpu_us": medians,
            "lives": rounds * 10 * at_a_time,
        }


async def _many(handler: Any, owner: Any, place: str, at_a_time: int) -> float:
    async def several(requests: list[Request]) -> None:
        for request in requests:
            await life(handler, request, batched=place == BATCHED)

    for lives in (_WARM_LIVES[place] // at_a_time, 10):
        every = [[Request(owner, one * lives + number) for number in range(lives)] for one in range(at_a_time)]
        start_s = time.process_time()
        # A task each: a request has a context of its own.
        await asyncio.gather(*(asyncio.create_task(several(requests)) for requests in every))
        took_s = time.process_time() - start_s
    return took_s / (lives * at_a_time) * 1e6


def crowded_row(loop: asyncio.AbstractEventLoop, rounds: int) -> dict[str, Any]:
    """A whole life in memory while 1,000 other requests of the key are in flight."""
    kind, in_flight = "rpm + tpm + parallel", 1000
    measured = _measured(loop, MEMORY, kind, rounds, 10, in_flight)
    return {"place": MEMORY, "key": f"{kind}, 1,000 in flight", **measured}
