"""Windows of tags, of models and of their aliases."""

from typing import Any

import pytest
from litellm.proxy.hooks.parallel_request_limiter_v3 import TagRateLimit

from support.limiter import MODEL, admitted, ask, caller, in_a_loop, limiter, refusal, stash

pytestmark = pytest.mark.usefixtures("side")


@in_a_loop
async def test_tags_have_windows_of_their_own() -> None:
    handler, who = limiter(), caller(rpm_limit=100, metadata={"tag_rpm_limit": {"one": 2}})
    assert await admitted(handler, who, 3, metadata={"tags": ["one"]}) == 2
    assert "tag_per_key" in (await refusal(handler, who, metadata={"tags": ["one"]})).detail
    assert await admitted(handler, who, 5, metadata={"tags": ["two"]}) == 5


@in_a_loop
async def test_what_has_no_limited_tag_is_under_the_keys_limit() -> None:
    handler, who = limiter(), caller(rpm_limit=3, metadata={"tag_rpm_limit": {"one": 2}})
    for tags in ({}, {"tags": ["other"]}, {}):
        await ask(handler, who, metadata=tags)
    assert "tag_per_key" not in (await refusal(handler, who, metadata={"tags": ["other"]})).detail


@in_a_loop
async def test_the_limit_of_a_tag_holds_for_all_its_keys() -> None:
    asked: list[tuple[str, ...]] = []
    limits = {
        "one": TagRateLimit(rpm_limit=2, tpm_limit=None),
        "wide": TagRateLimit(rpm_limit=100, tpm_limit=None),
    }

    async def resolve(names: Any) -> dict[str, TagRateLimit]:
        asked.append(tuple(names))
        return {name: limits[name] for name in names if name in limits}

    handler = limiter(tag_rate_limit_resolver=resolve)
    await ask(handler, caller("a"), metadata={"tags": ["one"]})
    await ask(handler, caller("b"), metadata={"tags": ["wide", "one"]})
    error = await refusal(handler, caller("a"), metadata={"tags": ["wide", "one"]})
    assert "Rate limit exceeded for tag: one." in error.detail, "it names the one that is over"
    await ask(handler, caller("a"), metadata={"tags": []})
    assert asked == [("one",), ("wide", "one"), ("wide", "one")], "nobody is asked about no tags"


@in_a_loop
async def test_an_alias_shares_the_window_of_its_model() -> None:
    limits = {"metadata": {"model_rpm_limit": {"target": 1}}}
    for first, second in (("target", "alias"), ("alias", "target")):
        handler = limiter(model_group_resolver=lambda model: "target" if model == "alias" else None)
        await ask(handler, caller(**limits), model=first)
        error = await refusal(handler, caller(**limits), model=second)
        assert "Rate limit exceeded for model_per_key: key:target." in error.detail


@in_a_loop
async def test_a_limit_under_the_aliass_name_is_the_aliass_alone() -> None:
    handler = limiter(model_group_resolver=lambda model: "target" if model == "alias" else None)
    who = caller(metadata={"model_rpm_limit": {"alias": 1}})
    assert await admitted(handler, who, 2, model="alias") == 1
    assert await admitted(handler, who, 2, model="target") == 2


@in_a_loop
async def test_a_keys_own_limit_for_a_model_stands_before_its_teams() -> None:
    team: Any = {"team_id": "t", "team_metadata": {"model_rpm_limit": {MODEL: 1}}}
    for limits in (
        {"metadata": {"model_rpm_limit": {MODEL: 3}}},
        {"model_max_budget": {MODEL: {"rpm_limit": 3}}},
    ):
        handler, who = limiter(), caller(**team, **limits)
        assert await admitted(handler, who, 4) == 3
        assert "model_per_key" in (await refusal(handler, who)).detail


@pytest.mark.parametrize(("part", "requests", "tokens"), [(None, 100, 1000), (0.1, 10, 100), (0.5, 50, 500)])
@in_a_loop
async def test_a_throttled_key_gets_a_part_of_its_limits(part: Any, requests: int, tokens: int) -> None:
    handler, who = limiter(), caller(rpm_limit=100, tpm_limit=1000, budget_throttle_pct=part)
    await ask(handler, who, max_tokens=1)
    limits = {s["rate_limit_type"]: s["current_limit"] for s in stash().rate_limit_response["statuses"]}
    assert limits == {"requests": requests, "tokens": tokens}
