"""Whole picks of a real Router with accel's routing on and off: what is chosen, drawn, cached, told and raised."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import datetime, timezone
from random import Random
from typing import Any

import litellm
import pytest
from litellm import Router
from litellm.router_strategy.base_routing_strategy import BaseRoutingStrategy

import accel
from support import routing_cases as cases
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled

STRATEGIES = (
    "simple-shuffle",
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
)
SIZES = {1: 60, 2: 60, 10: 40, 100: 6, 1_000: 2}
"""Cases of each strategy by the size of the group."""
LISTS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_success_callback",
    "_async_failure_callback",
)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A task that writes to Redis, on a loop of its own if none is running.
    monkeypatch.setattr(BaseRoutingStrategy, "setup_sync_task", lambda self, default_sync_interval: None)
    before = {name: list(getattr(litellm, name)) for name in LISTS}
    with kept_flags():
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield
    for name, callbacks in before.items():
        getattr(litellm, name)[:] = callbacks


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


def router_of(size: int) -> Router:
    return Router(
        model_list=[
            {
                "model_name": "group",
                "litellm_params": {
                    "model": ("gpt-4o", "gpt-4o-mini", "openai/unheard-of")[place % 3],
                    "api_key": f"sk-{place}",
                    "api_base": f"http://{place // 2}",
                },
                "model_info": {"id": f"id-{place}"},
            }
            for place in range(size)
        ]
    )


class Case:
    """One pick: what the deployments are limited to, what was counted, who cools down, and what is asked."""

    def __init__(self, router: Router, seed: int) -> None:
        self.router = router
        self.chance = Random(seed)
        self.seed = seed
        self.awaited = seed % 2 == 0

    def prepare(self, strategy: str) -> None:
        chance, router = self.chance, self.router
        cache = router.cache.in_memory_cache
        cache.flush_cache()
        router.cooldown_cache.cooldown_store.in_memory_cache.flush_cache()
        limited = chance.random() < 0.5
        for one in router.model_list:
            params = one["litellm_params"]
            for name in ("tpm", "rpm", "weight", "input_cost_per_token"):
                params.pop(name, None)
                if limited and chance.random() < 0.3:
                    params[name] = chance.choice([0, 1, 2, 30, 1e-6 if name[0] == "i" else 500])
            if chance.random() < 0.1:
                router.cooldown_cache.add_deployment_to_cooldown(
                    one["model_info"]["id"], ValueError("down"), 500, 60
                )
        if chance.random() < 0.8:
            self._counted(strategy)

    def _counted(self, strategy: str) -> None:
        chance, group = self.chance, self.router.model_list
        cache = self.router.cache.in_memory_cache
        local = datetime.now().strftime("%H-%M")
        utc = datetime.now(timezone.utc).strftime("%H-%M")
        if strategy.startswith("latency"):
            cache.set_cache("group_map", cases.latencies(chance, group, 0.0))
        elif strategy.startswith("cost"):
            cache.set_cache("cost_map:group", cases.latencies(chance, group, 0.0))
        elif strategy == "usage-based-routing":
            for unit in ("tpm", "rpm"):
                counted = {key: chance.choice([0, 1, 7, 600]) for key in cases.keys(chance, group)}
                cache.set_cache(f"group:{unit}:{local}", counted)
        else:
            for one in group[:90]:  # twice as many are kept
                ident = one["model_info"]["id"]
                model = one["litellm_params"]["model"]
                cache.set_cache(f"group_request_count:{ident}", chance.randrange(4))
                for unit in ("tpm", "rpm"):
                    cache.set_cache(f"{ident}:{model}:{unit}:{utc}", chance.choice([0, 1, 7]))

    def told(self, loop: asyncio.AbstractEventLoop, strategy: str) -> Any:
        self.prepare(strategy)
        kwargs: dict[str, Any] = {}
        for name, value in (("metadata", {}), ("litellm_metadata", {}), ("stream", True)):
            if self.chance.random() < 0.5:
                kwargs[name] = value
        messages = self.chance.choice([None, [{"role": "user", "content": "Hello there, Router."}]])
        random.seed(self.seed)
        try:
            if self.awaited:
                asked = self.router.async_get_available_deployment("group", kwargs, messages=messages)
                chosen = loop.run_until_complete(asked)
            else:
                chosen = self.router.get_available_deployment("group", messages=messages, request_kwargs=kwargs)
            answer: Any = [place for place, one in enumerate(self.router.model_list) if one is chosen]
        except Exception as error:  # noqa: BLE001  # an answer too
            answer = (type(error), str(error))
        cached = self.router.cache.in_memory_cache
        return answer, hash(random.getstate()), repr(kwargs), repr(cached.cache_dict)


@pytest.mark.parametrize("size", SIZES)
def test_picks(size: int, loop: asyncio.AbstractEventLoop) -> None:
    router = router_of(size)
    chose = 0
    for strategy in STRATEGIES:
        router.routing_strategy = strategy
        router.routing_strategy_init(strategy, {})
        while True:
            minute = datetime.now().minute
            told = {}
            for mode in ("on", "off"):
                accel.set_flag("routing", mode=mode)
                with calls_of("routing") as calls:
                    told[mode] = [Case(router, seed).told(loop, strategy) for seed in range(scaled(SIZES[size]))]
                assert calls.failed == 0
                assert (calls.native > 0) == (mode == "on") or strategy == "least-busy"
            if datetime.now().minute == minute:  # else figures of two minutes were compared
                break
        for seed, (found, expected) in enumerate(zip(told["on"], told["off"], strict=True)):
            assert found == expected, (strategy, size, seed)
        chose += sum(isinstance(answer, list) and len(answer) == 1 for answer, *_ in told["on"])
    assert chose > 0
