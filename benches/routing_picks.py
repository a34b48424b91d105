"""What it costs a Router to choose a deployment: every strategy, sync and async, and checks before a call."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import timing
from routing_worlds import GROUP, MESSAGES, World, warm_costs, warm_latencies
from sides import ACCEL, PLAIN

SIDES = (PLAIN, ACCEL)
SIZES = (1, 10, 100, 1000)
Warm = Callable[[Any], None]
STRATEGIES: dict[str, tuple[dict[str, Any], Warm | None]] = {
    "simple-shuffle": ({}, None),
    "least-busy": ({}, None),
    "usage-based-routing": ({}, None),
    "usage-based-routing-v2": ({}, None),
    "latency-based-routing": ({}, None),
    "latency-based-routing, 10 samples each": ({}, warm_latencies),
    "cost-based-routing": ({}, None),
    "cost-based-routing, used": ({}, warm_costs),
}
SYNC_CANNOT = "cost-based-routing"


def thread_s(run: Callable[[Any], Any], argument: Any, repeats: int) -> float:
    """A clock: processor time of this thread."""
    start = time.thread_time()
    for _ in range(repeats):
        run(argument)
    return time.thread_time() - start


def awaited_s(loop: asyncio.AbstractEventLoop) -> Callable[[Callable[[Any], Any], Any, int], float]:
    """The same for coroutine functions, with all calls in one task."""

    def clock(run: Callable[[Any], Any], argument: Any, repeats: int) -> float:
        async def calls() -> float:
            start = time.thread_time()
            for _ in range(repeats):
                await run(argument)
            return time.thread_time() - start

        return loop.run_until_complete(calls())

    return clock


def rows(loop: asyncio.AbstractEventLoop, rounds: int) -> Iterator[dict[str, Any]]:
    """One for each strategy and size; µs of processor time a pick."""
    for name, (options, warm) in STRATEGIES.items():
        for size in SIZES:
            yield _row(loop, rounds, name, size, {"routing_strategy": name.partition(",")[0], **options}, warm)


def pre_call_rows(loop: asyncio.AbstractEventLoop, rounds: int) -> Iterator[dict[str, Any]]:
    """Picks by weight with `enable_pre_call_checks`."""
    for size in (10, 100):
        yield _row(loop, rounds, "pre-call checks", size, {"enable_pre_call_checks": True}, None)


def _row(
    loop: asyncio.AbstractEventLoop, rounds: int, name: str, size: int, options: dict[str, Any], warm: Warm | None
) -> dict[str, Any]:
    worlds = {who: World(who, size, **options) for who in SIDES}

    def stage(who: str) -> AbstractContextManager[None]:
        return worlds[who].turn()

    def ask(who: str) -> Callable[[Any], Any]:
        return lambda _: worlds[who].router.get_available_deployment(
            model=GROUP, messages=MESSAGES, request_kwargs={"metadata": {}}
        )

    def ask_awaited(who: str) -> Callable[[Any], Any]:
        return lambda _: worlds[who].router.async_get_available_deployment(
            model=GROUP, messages=MESSAGES, request_kwargs={"metadata": {}}
        )

    if warm is not None:
        for world in worlds.values():
            warm(world.router)
    told = {who: _told(loop, worlds[who]) for who in SIDES}
    assert told[PLAIN] == told[ACCEL], (name, size)
    row: dict[str, Any] = {"row": name, "deployments": size}
    kinds = {"async": (ask_awaited, awaited_s(loop))}
    if not name.startswith(SYNC_CANNOT):
        kinds["sync"] = (ask, thread_s)
    for kind, (made, clock) in kinds.items():
        timed = {who: made(who) for who in SIDES}
        us = timing.warm_us(timed, None, rounds=rounds, budget_s=0.03, stage=stage, clock=clock)
        row[kind] = {**{who: round(us[who], 2) for who in SIDES}, "faster": round(us[PLAIN] / us[ACCEL], 2)}
    return row


def _told(loop: asyncio.AbstractEventLoop, world: World) -> list[Any]:
    """Some picks of the same seeds, and what else they leave behind."""
    told = []
    with world.turn():
        for seed in range(8):
            random.seed(seed)
            metadata: dict[str, Any] = {}
            pick = loop.run_until_complete(
                world.router.async_get_available_deployment(
                    model=GROUP, messages=MESSAGES, request_kwargs={"metadata": metadata}
                )
            )
            told.append((pick, metadata, random.getstate()))
    return told
