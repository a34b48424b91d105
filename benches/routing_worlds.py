"""Routers to measure, each with the callbacks it registered: LiteLLM keeps them for the whole process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import litellm
from litellm import Router
from litellm.router_strategy.base_routing_strategy import BaseRoutingStrategy
from sides import side

GROUP = "group"
MODEL = "gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Write a haiku about a router that picks the right deployment."}]
_CALLBACKS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_input_callback",
    "_async_success_callback",
    "_async_failure_callback",
)
# It starts a task that writes to Redis, on a loop of its own if none is running; here is no Redis.
BaseRoutingStrategy.setup_sync_task = lambda self, default_sync_interval: None  # type: ignore[method-assign]


class World:
    """A Router made on one side, and how that side asks it."""

    def __init__(self, who: str, deployments: int, **options: Any) -> None:
        self.who = who
        _callbacks({name: [] for name in _CALLBACKS})
        with side(who):
            self.router = Router(model_list=_models(deployments), **options)
        self.callbacks = {name: list(getattr(litellm, name)) for name in _CALLBACKS}

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While it is this side's turn."""
        _callbacks(self.callbacks)
        with side(self.who):
            yield


def _callbacks(held: dict[str, list[Any]]) -> None:
    for name, callbacks in held.items():
        # In place: other modules of LiteLLM hold the lists.
        getattr(litellm, name)[:] = callbacks


def _models(deployments: int) -> list[dict[str, Any]]:
    return [
        {
            "model_name": GROUP,
            "litellm_params": {
                "model": MODEL,
                "api_key": f"sk-{number}",
            },
            "model_info": {"id": f"deployment-{number}"},
        }
        for number in range(deployments)
    ]


def warm_latencies(router: Router) -> None:
    """What the latency strategy has after ten answers of each deployment."""
    minute = datetime.now().strftime("%Y-%m-%d-%H-%M")
    router.cache.set_cache(
        f"{GROUP}_map",
        {
            deployment["model_info"]["id"]: {
                "latency": [0.01 * ((place * 7 + sample) % 40) for sample in range(10)],
                minute: {"tpm": 700, "rpm": 10},
            }
            for place, deployment in enumerate(router.model_list)
        },
    )


def warm_costs(router: Router) -> None:
    """What the cost strategy has after an answer of each deployment."""
    minute = datetime.now().strftime("%Y-%m-%d-%H-%M")
    usage = {row["model_info"]["id"]: {minute: {"tpm": 70, "rpm": 1}} for row in router.model_list}
    router.cache.set_cache(f"cost_map:{GROUP}", usage)


async def settled() -> None:
    """When nothing is left to do of the calls so far: LiteLLM logs them later, in tasks and threads."""
    for _ in range(4):
        await asyncio.sleep(0.02)
