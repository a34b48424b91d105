"""Limits of agents, of servers of tools and of tags."""

from typing import Any

import pytest
from litellm.proxy.auth.auth_utils import get_key_mcp_rpm_limit, get_team_mcp_rpm_limit
from litellm.proxy.common_utils.proxy_rate_limit_error import ProxyRateLimitError
from litellm.proxy.hooks.parallel_request_limiter_v3 import (
    TagRateLimit,
    resolve_tag_rate_limits_from_db,
)
from litellm.types.agents import AgentResponse
from litellm.types.mcp import MCPTransport
from litellm.types.mcp_server.mcp_server_manager import MCPServer

from support.limiter import (
    answer,
    ask,
    by_key,
    caller,
    captured_settles,
    in_a_loop,
    limiter,
    succeed,
)

pytestmark = pytest.mark.usefixtures("side")

PASSED: Any = {"overall_code": "OK", "statuses": []}


def checked(handler: Any, answered: Any = None) -> list[list[tuple[str, str, Any, Any]]]:
    """Replaces the check; each of its calls is listed: scope, value, requests and tokens of every limit."""
    calls: list[list[tuple[str, str, Any, Any]]] = []

    async def check(descriptors: Any, **_keywords: Any) -> Any:
        limits = [(d["key"], d["value"], d["rate_limit"] or {}) for d in descriptors]
        calls.append(
            [(key, value, r.get("requests_per_unit"), r.get("tokens_per_unit")) for key, value, r in limits]
        )
        return answered or PASSED

    handler.should_rate_limit = check
    return calls


def agent(**limits: int) -> AgentResponse:
    return AgentResponse(agent_id="a", agent_name="a", agent_card_params={}, **limits)


WHOLE = {"rpm_limit": 50, "tpm_limit": 5000}

SESSION = {"session_rpm_limit": 10, "session_tpm_limit": 1000}


@pytest.mark.parametrize(
    ("limits", "metadata", "expected"),
    [
        (WHOLE, {}, [("agent", "a", 50, 5000)]),
        (SESSION, {"session_id": "s"}, [("agent_session", "a:s", 10, 1000)]),
        (SESSION, {}, []),
        (
            {**WHOLE, **SESSION},
            {"session_id": "s"},
            [("agent", "a", 50, 5000), ("agent_session", "a:s", 10, 1000)],
        ),
    ],
)
@pytest.mark.parametrize("where", ["key", "request"])
@in_a_loop
async def test_the_limits_of_an_agent(limits: Any, metadata: Any, expected: Any, where: str) -> None:
    handler = limiter()
    handler._get_agent_from_registry = {"a": agent(**limits)}.get
    calls = checked(handler)
    if where == "key":
        await ask(handler, caller(agent_id="a"), metadata=metadata)
    else:
        await ask(handler, caller(), metadata={"agent_id": "a", **metadata})
    assert calls == ([expected] if expected else [])


@pytest.mark.parametrize("itself", [False, True])
@in_a_loop
async def test_the_limits_of_an_agent_and_of_the_one_it_calls(itself: bool) -> None:
    actor = AgentResponse(agent_id="actor", agent_name="actor", agent_card_params={}, rpm_limit=10)
    target = agent(rpm_limit=1, session_rpm_limit=1)
    who = caller(None, agent_id="actor")
    who.managed_agent_policy = actor
    who.invoked_agent_id, who.invoked_agent_policy = ("actor", actor) if itself else ("a", target)
    handler = limiter()
    handler._get_agent_from_registry = lambda _agent_id: None
    calls = checked(handler)
    await ask(handler, who, litellm_session_id="s")
    called = [] if itself else [("agent", "a", 1, None), ("agent_session", "a:s", 1, None)]
    assert calls == [[("agent", "actor", 10, None), *called]]


@in_a_loop
async def test_the_tokens_of_an_agent() -> None:
    handler = limiter()
    settles = captured_settles(handler)
    await succeed(handler, answer(20, 30), metadata={"agent_id": "a", "session_id": "s"})
    settled = by_key(settles)
    assert (settled["{agent:a}:tokens"], settled["{agent_session:a:s}:tokens"]) == (50, 50)


def server(**fields: Any) -> MCPServer:
    return MCPServer(
        **{"server_id": "1", "name": "git", "server_name": "git", "transport": MCPTransport.http, **fields}
    )


async def uses(handler: Any, who: Any, where: MCPServer) -> str | None:
    """Which scope refused the call; None if it was let through."""
    try:
        await handler.enforce_mcp_server_rate_limits(who, where)
    except ProxyRateLimitError as error:
        told = dict(error.headers or {})
        known = (told["retry-after"], told["rate_limit_type"]) == ("60", "requests")
        return str(error.detail).split()[4] if known else f"refused with {told}"
    return None


@in_a_loop
async def test_the_limits_of_a_server_of_tools() -> None:
    handler, own, free = (
        limiter(),
        caller("own", metadata={"mcp_rpm_limit": {"git": 1, "chat": 1}}),
        caller("free"),
    )
    git, chat = server(rpm=2), server(server_id="2", name="chat", server_name="chat")
    assert [await uses(handler, own, git) for _ in range(2)] == [None, "mcp_per_key:"]
    assert await uses(handler, own, chat) is None, "each server by itself"
    assert [await uses(handler, free, git) for _ in range(2)] == [None, "mcp_server:"], "the refused one took none"
    assert await uses(handler, None, server(server_id="3", rpm=0)) == "mcp_server:"
    memory = handler.internal_usage_cache.dual_cache.in_memory_cache.cache_dict
    assert not [key for key, value in memory.items() if key.endswith(":tokens") and value]


@in_a_loop
async def test_a_server_is_known_by_its_alias_and_a_team_shares_it() -> None:
    handler = limiter()
    own = caller("own", metadata={"mcp_rpm_limit": {"other name": 1}})
    assert [await uses(handler, own, server(alias="other name")) for _ in range(2)] == [None, "mcp_per_key:"]
    handler = limiter()
    for key, refused in (("a", None), ("b", "mcp_per_team:")):
        who = caller(key, team_id="t", team_metadata={"mcp_rpm_limit": {"git": 1}})
        assert await uses(handler, who, server()) == refused


@in_a_loop
async def test_a_server_without_limits_is_not_checked() -> None:
    handler = limiter()
    calls = checked(handler)
    assert await uses(handler, None, server()) is None
    await ask(handler, caller(metadata={"mcp_rpm_limit": {"git": 5}}), "call_mcp_tool", mcp_server_name="git")
    assert calls == []
    assert handler.internal_usage_cache.dual_cache.in_memory_cache.cache_dict == {}


def test_a_keys_limit_of_a_server_stands_before_its_teams() -> None:
    team: Any = {"team_metadata": {"mcp_rpm_limit": {"git": 7}}}
    assert get_key_mcp_rpm_limit(caller(metadata={"mcp_rpm_limit": {"git": 10}}, **team)) == {"git": 10}
    assert get_key_mcp_rpm_limit(caller(**team)) == get_team_mcp_rpm_limit(caller(**team)) == {"git": 7}
    assert get_key_mcp_rpm_limit(caller()) is None
    assert get_team_mcp_rpm_limit(caller()) is None


@in_a_loop
async def test_the_limits_of_tags_are_their_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm.models.budget import LiteLLM_BudgetTable
    from litellm.models.tag import LiteLLM_TagTable
    from litellm.proxy import proxy_server
    from litellm.proxy.auth import auth_checks

    async def batch(**_keywords: Any) -> dict[str, Any]:
        budgets = {
            "one": LiteLLM_BudgetTable(rpm_limit=3),
            "spend": LiteLLM_BudgetTable(max_budget=5.0),
            "bare": None,
        }
        return {
            name: LiteLLM_TagTable(tag_name=name, litellm_budget_table=budget) for name, budget in budgets.items()
        }

    monkeypatch.setattr(auth_checks, "get_tag_objects_batch", batch)
    monkeypatch.setattr(proxy_server, "prisma_client", object())
    found = await resolve_tag_rate_limits_from_db(["one", "spend", "bare"])
    assert dict(found) == {"one": TagRateLimit(rpm_limit=3, tpm_limit=None)}
    monkeypatch.setattr(proxy_server, "prisma_client", None)
    assert dict(await resolve_tag_rate_limits_from_db(["one"])) == {}
