"""Which limits hold for a request, by whose leave they are checked, and what of them the response tells."""

from typing import Any

import pytest
from litellm.proxy.common_utils.proxy_rate_limit_error import ProxyRateLimitError

from support.limiter import (
    MODEL,
    admitted,
    ask,
    caller,
    in_a_loop,
    limiter,
    refusal,
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


LIMITED: list[tuple[dict[str, Any], list[tuple[str, str, Any, Any]]]] = [
    ({}, []),
    ({"user_id": "u", "team_id": "t", "end_user_id": "e"}, []),
    ({"rpm_limit": 100}, [("api_key", "key", 100, None)]),
    ({"max_parallel_requests": 5}, [("api_key", "key", None, None)]),
    ({"user_id": "u", "user_tpm_limit": 9}, [("user", "u", None, 9)]),
    ({"team_id": "t", "team_rpm_limit": 9}, [("team", "t", 9, None)]),
    ({"end_user_id": "e", "end_user_rpm_limit": 9}, [("end_user", "e", 9, None)]),
    (
        {"team_id": "t", "user_id": "u", "team_member_rpm_limit": 10, "team_member_tpm_limit": 1000},
        [("team_member", "t:u", 10, 1000)],
    ),
    ({"metadata": {"model_tpm_limit": {"other": 9}}}, []),
    (
        {"metadata": {"model_tpm_limit": {MODEL: 9}, "model_rpm_limit": {MODEL: 2}}},
        [("model_per_key", f"key:{MODEL}", 2, 9)],
    ),
    ({"metadata": {"tag_rpm_limit": {"other": 5}}}, []),
    (
        {"project_id": "p", "project_metadata": {"model_rpm_limit": {MODEL: 5}, "model_tpm_limit": {MODEL: 9}}},
        [("model_per_project", f"p:{MODEL}", 5, 9)],
    ),
    ({"project_id": "p", "project_metadata": {"model_rpm_limit": {"other": 5}}}, []),
    (
        {"project_id": "p", "project_metadata": {"model_itpm_limit": {MODEL: 7}, "model_otpm_limit": {MODEL: 8}}},
        [("model_per_project_itpm", f"p:{MODEL}", None, 7), ("model_per_project_otpm", f"p:{MODEL}", None, 8)],
    ),
    (
        {"project_id": "p", "project_metadata": {"model_tpm_limit": {MODEL: 6}, "model_itpm_limit": {MODEL: 7}}},
        [("model_per_project", f"p:{MODEL}", None, 6), ("model_per_project_itpm", f"p:{MODEL}", None, 7)],
    ),
]


@pytest.mark.parametrize(("limits", "expected"), LIMITED)
@in_a_loop
async def test_only_what_limits_the_request_is_checked(limits: Any, expected: Any) -> None:
    """By the check that the handler has, whoever put it there; not at all where nothing limits."""
    handler = limiter()
    calls = checked(handler)
    await ask(handler, caller(**limits))
    assert calls == ([expected] if expected else [])


def over(kind: str, limit: int, remaining: int, scope: str = "api_key") -> Any:
    fine = {"code": "OK", "current_limit": 9, "limit_remaining": 8, "rate_limit_type": "requests"}
    full = {"code": "OVER_LIMIT", "current_limit": limit, "limit_remaining": remaining, "rate_limit_type": kind}
    statuses = [{**status, "descriptor_key": scope} for status in (fine, full)]
    return {"overall_code": "OVER_LIMIT", "statuses": statuses}


@pytest.mark.parametrize(
    ("limits", "answered", "scope", "kind"),
    [
        (
            {"rpm_limit": 2, "tpm_limit": 9, "max_parallel_requests": 1},
            None,
            "api_key: key",
            "max_parallel_requests",
        ),
        ({"metadata": {"model_tpm_limit": {MODEL: 9}}}, "model_per_key", f"model_per_key: key:{MODEL}", "tokens"),
        (
            {"team_id": "t", "user_id": "u", "team_member_rpm_limit": 1},
            "team_member",
            "team_member: t:u",
            "requests",
        ),
        ({"rpm_limit": 2}, "unheard of", "unheard of: unknown", "requests"),
    ],
)
@in_a_loop
async def test_what_the_check_answers_is_what_is_refused(
    limits: Any, answered: Any, scope: str, kind: str
) -> None:
    """Found by its scope among the limits, however many statuses there are; and told though it is not found."""
    handler = limiter()
    checked(handler, over(kind, 2, -18, answered or "api_key"))
    error = await refusal(handler, caller(**limits))
    assert error.detail.startswith(
        f"Rate limit exceeded for {scope}. Limit type: {kind}. Current limit: 2, Remaining: 0. "
    )
    assert error.headers["rate_limit_type"] == kind
    assert set(error.headers) == {"rate_limit_type", "retry-after", "reset_at"}


@pytest.mark.parametrize("failing", [False, True])
@in_a_loop
async def test_a_dynamic_limit_holds_when_the_model_fails(failing: bool) -> None:
    handler = limiter()

    async def recent(*_arguments: Any, **_keywords: Any) -> bool:
        return failing

    handler._check_model_has_recent_failures = recent
    calls = checked(handler)
    await ask(handler, caller(rpm_limit=2, metadata={"rpm_limit_type": "dynamic"}))
    assert calls == [[("api_key", "key", 2 if failing else None, None)]]


@in_a_loop
async def test_that_a_model_fails_is_read_from_the_routers_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm import Router
    from litellm.proxy import proxy_server

    deployment: Any = {"litellm_params": {"model": "openai/x", "api_key": "k"}, "model_info": {"id": "d"}}
    router = Router(model_list=[{"model_name": MODEL, **deployment}])
    monkeypatch.setattr(proxy_server, "llm_router", router)
    handler, who = limiter(), caller(rpm_limit=1, metadata={"rpm_limit_type": "dynamic"})
    for _ in range(2):
        async with handler.request_capacity(who, MODEL):
            pass
    router.cache.set_cache("d:fails", 100, ttl=60, local_only=True)
    async with handler.request_capacity(who, MODEL):
        pass
    with pytest.raises(ProxyRateLimitError):
        async with handler.request_capacity(who, MODEL):
            pass


@in_a_loop
async def test_a_deployments_default_for_keys_is_one_limit_with_its_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm import Router
    from litellm.proxy import proxy_server

    parameters: Any = {"model": "openai/x", "api_key": "k", "default_api_key_rpm_limit": 2}
    router = Router(
        model_list=[{"model_name": "target", "litellm_params": parameters}], model_group_alias={"alias": "target"}
    )
    monkeypatch.setattr(proxy_server, "llm_router", router)
    for first, second in (("target", "alias"), ("alias", "target")):
        handler = limiter()
        assert await admitted(handler, caller(), 2, model=first) == 2
        assert "model_per_key: key:target" in (await refusal(handler, caller(), model=second)).detail
