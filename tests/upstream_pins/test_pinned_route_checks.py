"""Routes of the proxy: what they match, and who may call them."""

from typing import Any
from unittest.mock import MagicMock

import pytest
from fastapi import HTTPException, Request
from litellm.proxy._types import LiteLLM_UserTable, LiteLLMRoutes, LitellmUserRoles, UserAPIKeyAuth
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.proxy.pass_through_endpoints import pass_through_endpoints

pytestmark = pytest.mark.usefixtures("side")

INTERNAL = LitellmUserRoles.INTERNAL_USER.value
READER = LitellmUserRoles.INTERNAL_USER_VIEW_ONLY.value
VIEWER = LitellmUserRoles.PROXY_ADMIN_VIEW_ONLY.value
GOOGLE = [
    f"{root}/models/{model}:{verb}"
    for root in ("", "/v1beta")
    for model, verb in (
        ("gemini-2.5-flash", "countTokens"),
        ("gemini-2.0-flash", "generateContent"),
        ("bedrock/claude-sonnet-3.7", "generateContent"),
        ("house-model-k8s", "streamGenerateContent"),
    )
]


def may(route: str, role: str, method: str | None = None, **key: Any) -> Any:
    """Nothing, or what is raised, when somebody with this role calls."""
    request = MagicMock(spec=Request, query_params={})
    if method:
        request.method = method
    return RouteChecks.non_proxy_admin_allowed_routes_check(
        user_obj=LiteLLM_UserTable(user_id="u", user_email="u@example.com", user_role=role),
        _user_role=role,
        route=route,
        request=request,
        valid_token=UserAPIKeyAuth(user_id="u", user_role=role, **key),
        request_data={},
    )


def key_may(route: str, *allowed: str) -> bool:
    token = UserAPIKeyAuth(user_id="u", allowed_routes=list(allowed))
    return RouteChecks.is_virtual_key_allowed_to_call_route(route=route, valid_token=token)


MATCHES: Any = [
    ("/threads/thread_1", "/threads/{thread_id}", True),
    ("/threads/thread_1/x", "/threads/{thread_id}", False),
    ("/threads/", "/threads/{thread_id}", False),
    ("/key/hash/regenerate", "/key/{token_id}/regenerate", True),
    ("/key/regenerate/hash", "/key/{token_id}/regenerate", False),
    ("/v1beta/models/a/b:generateContent", "/v1beta/models/{model_name:path}:generateContent", True),
    ("/v1beta/models/a:b:generateContent", "/v1beta/models/{model_name:path}:generateContent", False),
    ("/v1beta/models/a:countTokens", "/v1beta/models/{model_name:path}:generateContent", False),
    ("/files/a/b:c\nd", "/files/{id:path}", True),
    ("/files/a\nb", "/files/{id}", True),
    ("/files/a\n", "/files/a", True),
    ("/chat/completions", "/chat/completions", True),
    ("/chat/completions/more", "/chat/completions", False),
    ("/chatXcompletions", "/chat.completions", True),
    (None, "/chat/completions", False),
    (7, "/chat/completions", False),
    ("/scim/v2/Users", "/scim/*", False),
]


def test_a_route_matches_its_pattern() -> None:
    for route, pattern, found in MATCHES:
        assert RouteChecks._route_matches_pattern(route=route, pattern=pattern) is found, (route, pattern)


def test_access_is_by_name_by_star_or_by_pattern() -> None:
    routes = ["/chat/completions", "/scim/*", "/threads/{thread_id}"]
    for route, found in (
        ("/chat/completions", True),
        ("/scim/v2/Users/1", True),
        ("/scim", True),  # the star is read as a regular expression too
        ("/threads/1", True),
        ("/threads/1/2", False),
        ("/embeddings", False),
    ):
        assert RouteChecks.check_route_access(route=route, allowed_routes=routes) is found, route
        assert RouteChecks.check_route_access(route=route, allowed_routes=tuple(routes)) is found, route
    assert RouteChecks.check_route_access(route="/x", allowed_routes=[]) is False


def test_a_key_may_call_what_its_routes_name() -> None:
    for route in ("/chat/completions", "/v1/chat/completions", "/threads/thread_1"):
        assert key_may(route, "openai_routes") is True
    for route in ("/anthropic/v1/messages", "/gemini/countTokens", *GOOGLE, "/v1/videos/v_1/remix"):
        assert key_may(route, "llm_api_routes") is True, route
    for route in ("/v1/mcp/server", "/v1/mcp/server/abc123/approve", "/v1/mcp/server/oauth/abc123/authorize"):
        assert key_may(route, "mcp_routes") is True, route
    for route in ("/chat/completions", "/user/info"):
        assert key_may(route, "openai_routes", "info_routes") is True
    for route in ("/user/info", "/custom/route"):
        assert key_may(route, "info_routes", "/custom/route") is True
    assert key_may("/anything") is True
    for allowed in (["info_routes"], ["/custom/route"]):
        with pytest.raises(HTTPException) as refused:
            key_may("/chat/completions", *allowed)
        assert refused.value.status_code == 403
        words = ("Virtual key is not allowed to call this route", str(allowed), "/chat/completions")
        assert all(word in str(refused.value.detail) for word in words)


def test_what_calls_a_model_and_what_manages() -> None:
    for route in (
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/mcp/tools/call",
        "/mcp-rest/tools/call",
        *GOOGLE,
        *(f"{root}{rest}" for root in ("", "/v1") for rest in ("/videos", "/videos/v_1/content", "/rag/ingest")),
        *(f"{root}/containers{rest}" for root in ("", "/v1") for rest in ("", "/c_1", "/c_1/files/f_2")),
        "/openai/deployments/vertex_ai/gemini-1.5-flash/chat/completions",
    ):
        assert RouteChecks.is_llm_api_route(route) is True, route
        assert RouteChecks.is_management_route(route) is False, route
    for route in ("/v1/mcp/server", "/v1/mcp/server/abc-123", "/v1/mcp/server/abc-123/approve"):
        assert RouteChecks.is_llm_api_route(route) is False, route
        assert RouteChecks.is_management_route(route) is True, route
    for route in ("/nothing", "", "/config/update"):
        assert RouteChecks.is_llm_api_route(route) is False, route


def test_who_has_which_role_may_call_what() -> None:
    for role in (INTERNAL, READER):
        for route in LiteLLMRoutes.global_spend_tracking_routes.value:
            with pytest.raises(Exception, match="Only proxy admin"):
                may(route, role)
            assert may(route, role, permissions={"get_spend_routes": True}) is None
        with pytest.raises(Exception, match="Only proxy admin can be used to generate, delete, update") as refused:
            may("/config/update", role)
        assert all(word in str(refused.value) for word in ("Route=/config/update", f"Your role={role}"))
        for route in ("/user/available_roles", "/rag/query", "/v1/rag/ingest"):
            assert may(route, role) is None
    for route in ("/v1/videos", GOOGLE[-1], "/key/hash/reset_spend"):
        assert may(route, INTERNAL) is None
    assert may("/scim/v2/Users", INTERNAL, allowed_routes=["/scim/*"]) is None
    with pytest.raises(Exception, match="Only proxy admin"):
        may("/customer/list", INTERNAL)


def test_who_may_only_look_may_look_at_all() -> None:
    for route in (
        *LiteLLMRoutes.global_spend_tracking_routes.value,
        "/audit/some-id",
        "/spend/logs/ui/abc",
        "/customer/list",
        "/config/list",
        "/guardrails/submissions/one",
        "/user/available_roles",
    ):
        assert may(route, VIEWER) is None, route
    for route in ("/in_product_nudges", "/some/future/read/endpoint"):
        assert may(route, VIEWER, "GET") is None
    for route in ("/some/future/write/endpoint", "/user/new", "/key/generate", "/model/new"):
        with pytest.raises(HTTPException) as refused:
            may(route, VIEWER, "POST")
        assert refused.value.status_code == 403
    with pytest.raises(HTTPException) as refused:
        may("/config/update", VIEWER)
    words = ("user not allowed to access this route", f"role= {VIEWER}")
    assert all(word in str(refused.value.detail) for word in words)


def test_passing_through_is_for_keys_and_teams_that_may() -> None:
    def passes(route: str, **key: Any) -> bool:
        return RouteChecks.check_passthrough_route_access(route, UserAPIKeyAuth(user_id="u", **key))

    own = {"metadata": {"allowed_passthrough_routes": ["/one", "/two"]}}
    team = {"team_metadata": {"allowed_passthrough_routes": ["/team"]}}
    for route, found in (("/one", True), ("/two/v1/x", True), ("/one-2", False), ("/other", False)):
        assert passes(route, **own) is found, route
    for route, found in (("/team", True), ("/team/v1/messages", True), ("/other", False)):
        assert passes(route, metadata={}, **team) is found, route
    assert (passes("/one", **own, **team), passes("/team", **own, **team)) == (True, False)
    nothing: dict[str, Any] = {"metadata": {"allowed_passthrough_routes": None}}
    for key in ({}, {"metadata": {"other": 1}}, nothing, {"metadata": {"allowed_passthrough_routes": []}}):
        assert passes("/one", **key) is False


def test_what_is_passed_through_is_a_models_route(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {
        "1:exact:/azure-assistant": {"endpoint_id": "1", "path": "/azure-assistant", "type": "exact"},
        "2:subpath:/own": {"endpoint_id": "2", "path": "/own", "type": "subpath"},
    }
    monkeypatch.setattr(pass_through_endpoints, "_registered_pass_through_routes", registered)
    monkeypatch.delenv("SERVER_ROOT_PATH", raising=False)
    for route in ("/azure-assistant", "/own", "/own/openai/assistants"):
        assert key_may(route, "llm_api_routes") is True
    with pytest.raises(HTTPException):
        key_may("/azure-assistant", "info_routes")


def test_a_route_added_at_run_time_is_a_models_route_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = LiteLLMRoutes.openai_routes.value
    for route in ("/house/read", "/house/read/page"):
        assert RouteChecks.is_llm_api_route(route) is False
    monkeypatch.setattr(LiteLLMRoutes.openai_routes, "_value_", [*routes, "/house/read", "/house/read/*"])
    for route in ("/house/read", "/house/read/page"):
        assert RouteChecks.is_llm_api_route(route) is True
    monkeypatch.undo()
    routes.append("/house/read/{page}")
    try:
        assert RouteChecks.is_llm_api_route("/house/read/page") is True
        assert key_may("/house/read/page", "openai_routes") is True
    finally:
        routes.pop()
    for route in ("/house/read", "/house/read/page"):
        assert RouteChecks.is_llm_api_route(route) is False
