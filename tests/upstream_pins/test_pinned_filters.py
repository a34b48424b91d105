"""What is left of a group before a strategy picks: teams, paused and cooling ones, web search, order, markers."""

import re
from copy import deepcopy
from typing import Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import UserAPIKeyAuth
from litellm.router_utils.common_utils import _deployment_supports_web_search
from litellm.types.router import RouterErrors, RouterRateLimitError

from support.limiter import in_a_loop
from support.routes import names, picked, routed, row, served

pytestmark = pytest.mark.usefixtures("side")


def of_team(name: str, team: str | None = None, **info: Any) -> Any:
    return {"model_info": {"id": name, **({"team_id": team} if team else {}), **info}}


TEAMS = [of_team("a1", "a"), of_team("b1", "b"), of_team("free"), of_team("a2", "a")]


def teams(deployments: Any, request: Any) -> Any:
    return litellm.router.filter_team_based_models(deployments, request)


def test_a_teams_deployments_are_for_its_requests() -> None:
    assert teams(TEAMS, None) is TEAMS
    for request in ({}, {"other": 1}, {"metadata": {"user_api_key_team_id": "nobody's"}}, {"metadata": None}):
        assert names(teams(TEAMS, request)) == ["free"]
    mine = {"metadata": {"user_api_key_team_id": "a"}}
    assert names(teams(TEAMS, mine)) == ["a1", "free", "a2"]
    assert names(teams(TEAMS, {"litellm_metadata": {"user_api_key_team_id": "b"}})) == ["b1", "free"]
    first = {**mine, "litellm_metadata": {"user_api_key_team_id": "b"}}
    assert names(teams(TEAMS, first)) == ["a1", "free", "a2"]
    free = [of_team("x"), of_team("y", None, team_id=None)]
    assert teams(free, mine) == free
    assert teams([], mine) == []
    single = {"key": "value"}
    assert teams(single, mine) is single, "one that was chosen already"
    # Without an id: all of them go, should one of them belong to another team.
    odd: list[Any] = [of_team("a1", "a"), {}, {"model_info": {"team_id": "b"}}]
    assert teams(odd, mine) == [odd[0]]
    assert teams(odd[:2], mine) == odd[:2]
    assert all(one is two for one, two in zip(teams(TEAMS, mine), [TEAMS[0], *TEAMS[2:]], strict=True))


def web(deployments: Any, request: Any) -> Any:
    return litellm.router.filter_web_search_deployments(deployments, request)


def test_a_search_of_the_web_goes_to_who_can() -> None:
    rows = [of_team("x"), of_team("y", supports_web_search=True), of_team("n", supports_web_search=False)]
    assert [_deployment_supports_web_search(one) for one in rows] == [True, True, False]
    assert _deployment_supports_web_search({}) is True
    function = {"type": "function", "function": {}}
    for request in (None, {"other": 1}, {"tools": []}, {"tools": None}, {"tools": [function]}):
        assert web(rows, request) is rows
    for kind in ("web_search", "web_search_preview"):
        assert names(web(rows, {"tools": [function, {"type": kind}]})) == ["x", "y"]
    assert web(rows[2:], {"tools": [{"type": "web_search"}]}) == []
    assert web([], {"tools": [{"type": "web_search"}]}) == []
    assert web(rows[2], {"tools": [{"type": "web_search"}]}) is rows[2]


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_who_cools_down_or_is_paused_is_left_out(synchronous: bool) -> None:
    rows = [row("d"), row("e", info={"blocked": True}), row("f")]
    router = routed(*rows)
    found = router.get_all_deployments(model_name="m")
    assert names(router._filter_cooldown_deployments(found, ["d", "gone"])) == ["e", "f"]
    assert router._filter_cooldown_deployments(found, []) == found
    assert names(router._filter_blocked_deployments(found)) == ["d", "f"]
    odd: list[Any] = [{}, {"model_info": None}, {"model_info": {"blocked": 1}}]
    assert router._filter_blocked_deployments(odd) == odd
    assert {await picked(router, synchronous=synchronous) for _ in range(20)} == {"d", "f"}
    router.cooldown_cache.add_deployment_to_cooldown(
        model_id="d", original_exception=Exception("429"), exception_status=429, cooldown_time=60.0
    )
    assert {await picked(router, synchronous=synchronous) for _ in range(20)} == {"f"}
    router.model_list[2]["model_info"]["blocked"] = True
    with pytest.raises(RouterRateLimitError) as none:
        await picked(router, synchronous=synchronous)
    assert none.value.cooldown_list == ["d"]


def order(deployments: Any, **target: Any) -> Any:
    return litellm.utils.get_order_filtered_deployments(deployments, **target)


def test_who_comes_first_serves_and_the_others_when_they_are_meant() -> None:
    rows = [row("d", order=1), row("e", order=2), row("f", order=1), row("g", info={"order": 1}), row("h")]
    assert names(order(rows)) == ["d", "f", "g"]
    assert names(order(rows, target_order=2)) == ["e"]
    assert order(rows, target_order=99) == []
    assert order(rows[:1], target_order=2) == [], "and not of those before"
    none = [row("d"), row("e")]
    assert order(none) is none
    assert order([]) == []
    assert names(order([row("d", order=0), row("e", order=1)])) == ["d"]
    assert names(order([row("d", order=3, info={"order": 1}), row("e", info={"order": 2})])) == ["e"]
    assert litellm.utils.get_deployment_order({"litellm_params": {"order": "first"}}) == "first"  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_a_router_asks_the_first_and_then_the_next(synchronous: bool) -> None:
    router = routed(row("d", order=1), row("e", order=2), row("f", order=2))
    assert {await picked(router, synchronous=synchronous) for _ in range(10)} == {"d"}
    request = {"_target_order": 2, "_excluded_deployment_ids": ["e"], "_retry_skipped_deployment_ids": None}
    kept = dict(request)
    call = {"model": "m", "request_kwargs": kept}
    if synchronous:
        found = router.get_available_deployment(**call)
    else:
        found = await router.async_get_available_deployment(**call)
    assert found["model_info"]["id"] == "f"
    assert "_target_order" not in kept
    assert "_excluded_deployment_ids" not in kept
    failing = routed(
        row("d", order=1, mock_response=Exception("1")),
        row("e", order=2, mock_response=Exception("2")),
        row("f", order=3),
        row("x", group="o/*", model="openai/*", order=1, mock_response=Exception("3")),
        row("y", group="o/*", model="openai/*", order=2),
        row("v", group="n", order=1, mock_response=Exception("4")),
        row("w", group="n", order=2, mock_response=Exception("5")),
        model_group_alias={"alias": {"model": "m", "hidden": True}},
        fallbacks=[{"n": ["m"]}],
    )
    assert await served(failing) == await served(failing, "alias") == "f"
    assert await served(failing, "o/gpt-4o") == "y"
    assert await served(failing, "n") == await served(failing, "n", fallbacks=["m"]) == "f"
    assert "alias" not in {one["model_name"] for one in failing.get_model_list()}


class Drops(CustomLogger):
    """A user's filter that leaves out a deployment."""

    def __init__(self, *dropped: str) -> None:
        super().__init__()
        self.dropped = dropped
        self.seen: list[list[str]] = []

    async def async_filter_deployments(
        self, model: str, healthy_deployments: Any, messages: Any, request_kwargs: Any = None, **_: Any
    ) -> Any:
        self.seen.append(names(healthy_deployments))
        return [one for one in healthy_deployments if one["model_info"]["id"] not in self.dropped]


@in_a_loop
async def test_a_filter_of_the_users_is_asked_before_the_order() -> None:
    drops = Drops("d")
    litellm.callbacks.append(drops)
    router = routed(row("d", order=1), row("e", order=2))
    assert await picked(router) == "e"
    assert drops.seen == [["d", "e"]]
    drops.dropped = ("e",)
    with pytest.raises(RouterRateLimitError, match="No deployments available"):
        await picked(router, _target_order=2)


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_a_strategy_that_stands_among_them_is_no_deployment(synchronous: bool) -> None:
    router = routed(row("d"), row("e"))
    marker = {"model_name": "m", "litellm_params": {"model": "auto_router/x"}, "model_info": {"id": "s"}}
    plain = router.get_all_deployments(model_name="m")
    assert router._drop_strategy_markers("m", [marker, *plain]) == plain
    assert router._drop_strategy_markers("m", ()) == []
    odd: Any = [{}, {"litellm_params": None}, {"litellm_params": {"model": None}}]
    assert router._drop_strategy_markers("m", odd) == odd
    with pytest.raises(
        litellm.BadRequestError, match=re.escape(RouterErrors.only_strategy_marker_deployments.value)
    ):
        router._drop_strategy_markers("m", [marker])
    assert {await picked(router, synchronous=synchronous) for _ in range(20)} == {"d", "e"}


def allowed(rows: list[Any], request: Any, model: str = "m") -> list[str]:
    router = routed(*rows)
    found = router._filter_deployments_by_model_access_groups(
        model=model,
        healthy_deployments=router.get_all_deployments(model_name="m"),
        request_kwargs=request,
        request_team_id=None,
    )
    return names(found)


def test_a_key_of_some_groups_gets_their_deployments() -> None:
    rows = [
        row("d", info={"access_groups": ["dev", "staging"]}),
        row("e", info={"access_groups": ["prod"]}),
        row("f"),
    ]
    for request in (None, {}, {"metadata": {}}):
        assert allowed(rows, request) == ["d", "e", "f"]
    for models, left in (
        (["dev"], ["d"]),
        (["prod"], ["e"]),
        (["dev", "prod"], ["d", "e"]),
        (["m"], ["d", "e", "f"]),
        (["*"], ["d", "e", "f"]),
        (["all-proxy-models"], ["d", "e", "f"]),
        ([], ["d", "e", "f"]),
        (["other", "staging"], ["d"]),
    ):
        key = UserAPIKeyAuth(api_key="k", models=models)
        for field in ("metadata", "litellm_metadata"):
            assert allowed(rows, {field: {"user_api_key_auth": key}}) == left, (models, field)
    before = deepcopy(rows)
    allowed(rows, {"metadata": {"user_api_key_auth": UserAPIKeyAuth(api_key="k", models=["dev"])}})
    assert rows == before
