"""Limiters that build on the limiter: priorities, and sessions of agents."""

import asyncio
from typing import Any
from unittest.mock import patch

import litellm
import pytest
from fastapi import HTTPException
from litellm import Router
from litellm.caching.dual_cache import DualCache
from litellm.proxy.hooks.dynamic_rate_limiter_v3 import PROXY_DynamicRateLimitHandlerV3
from litellm.proxy.hooks.max_budget_per_session_limiter import PROXY_MaxBudgetPerSessionHandler
from litellm.proxy.hooks.max_iterations_limiter import PROXY_MaxIterationsHandler
from litellm.proxy.utils import InternalUsageCache
from litellm.types.agents import AgentResponse
from litellm.types.router import ModelGroupInfo

from support.limiter import answer, caller, in_a_loop
from support.redis_doubles import Refusing

pytestmark = pytest.mark.usefixtures("side")


@pytest.fixture
def priorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LICENSE", "a test's")
    monkeypatch.setattr(litellm, "priority_reservation", {"high": 0.75, "low": 0.25})
    monkeypatch.setattr(litellm.priority_reservation_settings, "default_priority", 0.25)


def dynamic(**limits: int) -> Any:
    handler = PROXY_DynamicRateLimitHandlerV3(internal_usage_cache=DualCache())  # type: ignore[arg-type]
    deployment: Any = {"litellm_params": {"model": "openai/x", "api_key": "k", **limits}}
    handler.update_variables(llm_router=Router(model_list=[{"model_name": "m", **deployment}]))
    return handler


async def pass_dynamic(handler: Any, priority: str | None) -> HTTPException | None:
    who = caller(metadata={} if priority is None else {"priority": priority})
    try:
        await handler.async_pre_call_hook(
            user_api_key_dict=who, cache=DualCache(), data={"model": "m"}, call_type="completion"
        )
    except HTTPException as error:
        return error if error.status_code == 429 else None
    return None


@pytest.mark.parametrize(
    ("priority", "pool", "requests"), [("high", "high", 75), ("low", "low", 25), (None, "default_pool", 25)]
)
@in_a_loop
async def test_each_priority_has_its_part(
    priority: str | None, pool: str, requests: int, priorities: None
) -> None:
    """However many keys share it, those without one included."""
    handler = dynamic(rpm=100, tpm=1000)
    for key in ("a", "b"):
        (found,) = handler._create_priority_based_descriptors(
            model="m", user_api_key_dict=caller(key), priority=priority
        )
        limits = found["rate_limit"]
        assert (found["key"], found["value"]) == ("priority_model", f"m:{pool}")
        assert (limits["requests_per_unit"], limits["tokens_per_unit"]) == (requests, requests * 10)


@in_a_loop
async def test_a_priority_may_use_what_is_free_until_the_model_is_busy(priorities: None) -> None:
    handler = dynamic(rpm=100)
    passed = [await pass_dynamic(handler, "low") is None for _ in range(100)]
    assert passed == [True] * 50 + [False] * 50, "at half of the model's limit each has its part only"
    passed = [await pass_dynamic(handler, "high") is None for _ in range(100)]
    assert passed == [True] * 50 + [False] * 50


@in_a_loop
async def test_tokens_alone_limit_a_model_too(priorities: None) -> None:
    handler = dynamic(tpm=400)
    metadata: Any = {"model_group": "m"}

    async def used(priority: str, tokens: int) -> None:
        logged = {"metadata": {"user_api_key_auth_metadata": {"priority": priority}}}
        await handler.async_log_success_event(
            kwargs={"standard_logging_object": logged, "litellm_params": {"metadata": metadata}},
            response_obj=answer(0, tokens),
            start_time=None,
            end_time=None,
        )

    assert await pass_dynamic(handler, "low") is None
    await used("low", 250)
    error = await pass_dynamic(handler, "low")
    assert error is not None
    assert "Priority-based rate limit exceeded" in str(error.detail)
    assert "Model: m" in str(error.detail)
    assert "Model TPM: 400" in str(error.detail)
    assert await pass_dynamic(handler, "high") is None
    await used("high", 200)
    error = await pass_dynamic(handler, "high")
    assert error is not None
    assert "Model capacity reached" in str(error.detail)


@in_a_loop
async def test_priorities_are_counted_by_the_limiters_own_step(priorities: None) -> None:
    """Which somebody may have replaced: a refusal of a scope that it does not know is a refusal."""
    handler, asked = dynamic(rpm=2), []
    atomic = handler.v3_limiter.atomic_check_and_increment_by_n

    async def counting(*arguments: Any, **keywords: Any) -> Any:
        asked.append([d["key"] for d in keywords["descriptors"]])
        return await atomic(*arguments, **keywords)

    handler.v3_limiter.atomic_check_and_increment_by_n = counting
    results = await asyncio.gather(*(pass_dynamic(handler, "high") for _ in range(10)))
    assert sum(result is None for result in results) <= 3
    assert all("model_saturation_check" in keys for keys in asked)

    async def refusing(*_arguments: Any, **_keywords: Any) -> Any:
        status = {"code": "OVER_LIMIT", "current_limit": 1, "limit_remaining": 0, "rate_limit_type": "tokens"}
        return {"overall_code": "OVER_LIMIT", "statuses": [{**status, "descriptor_key": "unheard of"}]}

    handler.v3_limiter.atomic_check_and_increment_by_n = refusing
    info = ModelGroupInfo(model_group="m", providers=["openai"], rpm=2, tpm=None)
    with pytest.raises(HTTPException) as refused:
        await handler._check_rate_limits(
            model="m", model_group_info=info, user_api_key_dict=caller(), priority="high", saturation=0.0
        )
    assert refused.value.status_code == 429


@in_a_loop
async def test_how_busy_a_model_is_is_read_anew_after_a_while(
    priorities: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, asked = dynamic(rpm=100), []

    async def read(key: str, litellm_parent_otel_span: Any = None, local_only: bool = False, **more: Any) -> None:
        asked.append((key, local_only, more["ttl"]))

    handler.internal_usage_cache.async_get_cache = read
    for ttl in (5, 30):
        monkeypatch.setattr(litellm.priority_reservation_settings, "saturation_check_cache_ttl", ttl)
        await handler._get_saturation_value_from_cache(counter_key="k")
    assert asked == [("k", False, 5), ("k", False, 30)]


async def in_session(handler: Any, session: str, limits: dict[str, Any], agent_id: str | None = "a") -> bool:
    """Whether a request of the session was let through, for an agent with these limits."""
    agent = AgentResponse(agent_id="a", agent_name="a", litellm_params=limits, agent_card_params={})
    registry = "litellm.proxy.agent_endpoints.agent_registry.global_agent_registry.get_agent_by_id"
    with patch(registry, return_value=agent):
        try:
            await handler.async_pre_call_hook(
                user_api_key_dict=caller(agent_id=agent_id),
                cache=DualCache(),
                data={"metadata": {"session_id": session}},
                call_type="",
            )
        except HTTPException as error:
            return error.status_code != 429
    return True


@in_a_loop
async def test_a_session_has_so_many_calls() -> None:
    handler = PROXY_MaxIterationsHandler(internal_usage_cache=InternalUsageCache(DualCache()))
    two = {"max_iterations": 2}
    calls = [await in_session(handler, session, two) for session in "aabbab"]
    assert calls == [True, True, True, True, False, False]
    assert await in_session(handler, "a", two, agent_id=None)


@in_a_loop
async def test_a_session_has_so_much_to_spend() -> None:
    handler = PROXY_MaxBudgetPerSessionHandler(internal_usage_cache=InternalUsageCache(DualCache()))
    limit = {"max_budget_per_session": 2.0}
    assert await in_session(handler, "a", limit)
    await handler._increment_spend(handler._make_cache_key("a"), 3.0)
    assert [await in_session(handler, session, limit) for session in "ab"] == [False, True]
    assert await in_session(handler, "a", limit, agent_id=None)


@in_a_loop
async def test_behind_an_open_breaker_what_was_spent_is_memorys() -> None:
    redis: Any = Refusing()
    handler = PROXY_MaxBudgetPerSessionHandler(
        internal_usage_cache=InternalUsageCache(DualCache(redis_cache=redis))
    )
    assert await handler._get_current_spend("{session_budget:quiet}:spend") == 0.0
