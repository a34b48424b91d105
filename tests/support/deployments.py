"""A Router's own limits that a program runs on: usage, cooldowns and slots of deployments in one cache."""

import inspect
import random
from copy import deepcopy
from typing import Any

import litellm
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.router_strategy.lowest_tpm_rpm_v2 import LowestTPMLoggingHandler_v2
from litellm.router_utils import client_initalization_utils as slots
from litellm.router_utils.cooldown_cache import CooldownCache
from litellm.router_utils.pre_call_checks.model_rate_limit_check import ModelRateLimitingCheck

from support import sides
from support.clocks import Clock, utc_minutes, wall_clock
from support.programs import Step
from support.shown import Shown


class DeploymentWorld:
    """The parts that a Router builds around its cache, called as it calls them."""

    def __init__(self, deployments: tuple[dict[str, Any], ...], capacity: int | None, every: int) -> None:
        self.clock = Clock()
        self.shown = Shown()
        self._every = every
        self._steps = 0
        self.deployments = deepcopy(deployments)
        with wall_clock(self.clock):
            # Without a clock of their own, as the Router makes them.
            self.memory = InMemoryCache(max_size_in_memory=capacity)
            self.cache = DualCache(in_memory_cache=self.memory)
            self.usage = LowestTPMLoggingHandler_v2(self.cache)
            self.limits = ModelRateLimitingCheck(self.cache)
            self.cooldowns = CooldownCache(self.cache, default_cooldown_time=5.0)
        self.default_max_parallel_requests = None
        """Read by what makes the slots, which takes this world for the Router."""
        self._held: dict[int, Any] = {}

    async def step(self, step: Step) -> str:
        self._steps += 1
        with wall_clock(self.clock), utc_minutes(self.clock):
            told = await self._outcome(*step)
        return f"{told}\n{self.state()}" if self._steps % self._every == 0 else told

    def state(self) -> str:
        with wall_clock(self.clock):
            memories = (self.memory, self.cooldowns.in_memory_cache)
            shown = [
                self.shown.mapping(part) for memory in memories for part in (memory.cache_dict, memory.ttl_dict)
            ]
        queue = [dict(operation) for operation in self.usage.redis_increment_operation_queue]
        return "\n".join((*shown, self.shown(queue), ascii(self.clock.now_s)))

    async def close(self) -> None:
        self._held.clear()
        await self.usage.cleanup()

    async def _outcome(self, name: str, *arguments: Any) -> str:
        try:
            value = getattr(self, f"_{name}")(*arguments)
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:  # noqa: BLE001  # an error is a result to compare
            response = getattr(error, "response", None)
            return f"{self.shown(error)} {response is not None and (response.text, dict(response.headers))}"
        return self.shown(value)

    def _check(self, part: str, number: int, awaited: bool) -> Any:
        """Before a call: may this deployment take it?"""
        checks: Any = getattr(self, part)
        deployment = self.deployments[number]
        return checks.async_pre_call_check(deployment, None) if awaited else checks.pre_call_check(deployment)

    def _log(self, part: str, number: int, tokens: int, awaited: bool) -> Any:
        """After it: what it came to."""
        deployment = self.deployments[number]
        model = deployment["litellm_params"]["model"]
        given = {
            "standard_logging_object": {
                "model_group": "group",
                "model_id": deployment["model_info"]["id"],
                "total_tokens": tokens,
                "hidden_params": {"litellm_model_name": model},
                "model": model,
            },
            "model": model,
            "litellm_params": {"metadata": {"model_group": "group"}},
        }
        handler: Any = getattr(self, part)
        return (handler.async_log_success_event if awaited else handler.log_success_event)(given, None, None, None)

    async def _choose(self, tokens: int) -> Any:
        """The deployment with the lowest usage; of equal ones whichever chance has."""
        random.seed(self._steps)
        return await self.usage.async_get_available_deployments(
            model_group="group",
            healthy_deployments=list(self.deployments),
            messages=[{"role": "user", "content": "x " * tokens}],
        )

    def _take(self, call: int, number: int) -> Any:
        """Hold one of a deployment's slots, made anew where the cache has forgotten them."""
        deployment = self.deployments[number]
        key = f"{deployment['model_info']['id']}_max_parallel_requests_client"
        limit = self.cache.get_cache(key=key, local_only=True)
        if limit is None:
            slots.InitalizeCachedClient.set_max_parallel_requests_client(self, deployment)  # type: ignore[arg-type]
            limit = self.cache.get_cache(key=key, local_only=True)
        if limit is None:
            return "no limit"
        limit.acquire()
        self._held[call] = limit
        return limit.in_flight

    def _give(self, call: int) -> Any:
        limit = self._held.pop(call, None)
        if limit is None:
            return None
        limit.release()
        return limit.in_flight

    def _cool(self, number: int, seconds: float | None) -> Any:
        error = litellm.RateLimitError(message="too many " * 20, llm_provider="p", model="m")
        return self.cooldowns.add_deployment_to_cooldown(
            self.deployments[number]["model_info"]["id"], error, 429, seconds
        )

    async def _cooling(self, awaited: bool) -> Any:
        names = [deployment["model_info"]["id"] for deployment in self.deployments]
        if awaited:
            return await self.cooldowns.async_get_active_cooldowns(names, None)
        return self.cooldowns.get_active_cooldowns(names, None), self.cooldowns.get_min_cooldown(names, None)

    def _fill(self, number: int, ttl_s: float) -> Any:
        """Something else of the Router's in the same cache."""
        return self.cache.set_cache(f"other {number}", {"number": number}, ttl=ttl_s)

    def _move(self, by_s: float) -> None:
        self.clock.move(by_s)

    def _switch(self, feature: str, mode: str) -> None:
        sides.switch(feature, mode)
