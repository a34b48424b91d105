"""What it costs a Router around a call: all of `acompletion`, counting usage, judging how complex a prompt is."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Iterator
from typing import Any

import timing
from routing_picks import SIDES, awaited_s
from routing_worlds import GROUP, MESSAGES, MODEL, World, settled
from sides import ACCEL, PLAIN

CALLS = 60
SENTENCE = "Please write a function that sorts a list, and say why it is quick, and safe too. "
PROMPTS = {"100 B": 100, "1.8 kB": 1_800, "18 kB": 18_000}
COMPLEXITY = {
    "model_name": "auto",
    "litellm_params": {
        "model": "auto_router/complexity_router",
        "complexity_router_config": {
            "tiers": {"SIMPLE": GROUP, "MEDIUM": GROUP, "COMPLEX": "large", "REASONING": "large"}
        },
        "complexity_router_default_model": GROUP,
    },
}


def completion_rows(loop: asyncio.AbstractEventLoop, rounds: int) -> Iterator[dict[str, Any]]:
    """`acompletion` with a mock answer: processor time of the process, the success logging after it included."""
    for size in (1, 100):
        worlds = {who: World(who, size) for who in SIDES}
        told = {}
        for who, world in worlds.items():
            with world.turn():
                random.seed(7)
                told[who] = [loop.run_until_complete(_answer(world)) for _ in range(5)]
                loop.run_until_complete(_calls(world))
        assert told[PLAIN] == told[ACCEL], told
        samples: dict[str, list[float]] = {who: [] for who in SIDES}
        for _ in range(rounds):
            for who in random.sample(SIDES, len(SIDES)):
                with worlds[who].turn():
                    samples[who].append(loop.run_until_complete(_calls(worlds[who])))
        yield _row("acompletion", {"deployments": size}, {who: statistics.median(samples[who]) for who in SIDES})


def usage_rows(loop: asyncio.AbstractEventLoop, rounds: int) -> Iterator[dict[str, Any]]:
    """`Router._increment_deployment_usage`, which every answer comes to twice; without limits, and with one."""
    for limits in ({}, {"tpm": 1_000_000}):
        worlds = {who: World(who, 1) for who in SIDES}
        for world in worlds.values():
            with world.turn():
                world.router.model_list[0]["litellm_params"].update(limits)

        timed = {who: _counting(worlds[who]) for who in SIDES}
        yield _timed(loop, rounds, "usage accounting", {"limits": limits}, worlds, timed)


def complexity_rows(loop: asyncio.AbstractEventLoop, rounds: int) -> Iterator[dict[str, Any]]:
    """Choosing a deployment behind a complexity router, for prompts of several sizes."""
    worlds = {who: World(who, 1) for who in SIDES}
    for world in worlds.values():
        with world.turn():
            large = {"model_name": "large", "litellm_params": {"model": "gpt-4o", "api_key": "sk"}}
            world.router.set_model_list([*world.router.model_list, large, COMPLEXITY])
    for name, size in PROMPTS.items():
        content = (SENTENCE * (size // len(SENTENCE) + 1))[:size]

        def ask(who: str, content: str = content) -> Any:
            return lambda _: worlds[who].router.async_get_available_deployment(
                model="auto",
                messages=[{"role": "user", "content": content}],
                request_kwargs={"metadata": {}},
            )

        yield _timed(loop, rounds, "complexity router", {"prompt": name}, worlds, {who: ask(who) for who in SIDES})


def _counting(world: World) -> Any:
    return lambda _: world.router._increment_deployment_usage(
        deployment_id="deployment-0",
        deployment_name=MODEL,
        model_group=GROUP,
        total_tokens=30,
        rpm_increment=1,
        parent_otel_span=None,
    )


def _timed(
    loop: asyncio.AbstractEventLoop,
    rounds: int,
    name: str,
    about: dict[str, Any],
    worlds: dict[str, World],
    timed: dict[str, Any],
) -> dict[str, Any]:
    told = {}
    for who, ask in timed.items():
        with worlds[who].turn():
            random.seed(7)
            told[who] = [_shown(loop.run_until_complete(ask(None))) for _ in range(3)]
    assert told[PLAIN] == told[ACCEL], told
    us = timing.warm_us(
        timed,
        None,
        rounds=rounds,
        budget_s=0.03,
        stage=lambda who: worlds[who].turn(),
        clock=awaited_s(loop),
    )
    return _row(name, about, us)


def _shown(answer: Any) -> Any:
    # Deployments of two Routers have ids of their own where nobody gave them one.
    return answer["litellm_params"] if isinstance(answer, dict) else answer


def _row(name: str, about: dict[str, Any], us: dict[str, float]) -> dict[str, Any]:
    figures = {who: round(us[who], 2) for who in SIDES}
    return {"row": name, **about, "us": figures, "share": round(us[ACCEL] / us[PLAIN], 3)}


async def _answer(world: World) -> Any:
    """What one call answers, and which deployment it says it took."""
    answer = await world.router.acompletion(model=GROUP, messages=MESSAGES, mock_response="Yes.")
    await settled()
    return answer.choices[0].message.content, answer.usage.model_dump(), answer._hidden_params["model_id"]


async def _calls(world: World) -> float:
    """Processor time of a call in µs."""
    start = time.process_time()
    for _ in range(CALLS):
        await world.router.acompletion(model=GROUP, messages=MESSAGES, mock_response="Yes.")
    await settled()
    return (time.process_time() - start) / CALLS * 1e6
