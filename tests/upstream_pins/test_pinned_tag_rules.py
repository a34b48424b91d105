"""Tags, the rules beside them: headers, falling open, whose tags they are, and tags that are spent."""

from types import SimpleNamespace
from typing import Any

import litellm
import pytest
from litellm.constants import CONSUMED_REQUEST_TAGS_METADATA_KEY, ROUTING_REQUEST_TAGS_METADATA_KEY
from litellm.router_strategy import tag_based_routing as tags
from litellm.types.router import (
    ConsumedRequestTagsStamp,
    PreRoutingHookResponse,
    RouterErrors,
    TaggedPreRoutingStrategy,
    UpdateRouterConfig,
)

from support.limiter import HELLO, in_a_loop
from support.routes import names, routed, row, served

pytestmark = pytest.mark.usefixtures("side")

CODE = r"^User-Agent: claude-code\/"
REFUSED = RouterErrors.no_deployments_with_tag_routing.value
OPEN = {"allow_fail_open": True}


def bare(**settings: Any) -> Any:
    """As much of a Router as the filter reads."""
    settings = {
        "enable_tag_filtering": True,
        "tag_filtering_match_any": True,
        "tag_routing_prefix": "",
        **settings,
    }
    return SimpleNamespace(get_all_deployments=lambda model_name: [], **settings)


async def left(rows: list[Any], metadata: Any, **settings: Any) -> list[str]:
    found = await tags.get_deployments_for_tag(bare(**settings), "m", rows, {"metadata": metadata})
    return names(found)


def test_a_header_matches_the_first_pattern_that_finds_something() -> None:
    matches: Any = tags._is_valid_deployment_tag_regex
    code = ["User-Agent: claude-code/1.2.3"]
    assert matches([CODE], code) == CODE
    assert matches([r"^User-Agent: cursor\/", CODE], code) == CODE
    for version in ("1.0", "2.0.0-beta.1", "99.0"):
        assert matches([CODE + r"\d"], [f"User-Agent: claude-code/{version}"]) == CODE + r"\d"
    for patterns, headers in (
        ([CODE], ["User-Agent: Mozilla/5.0 (browser)"]),
        ([], code),
        ([CODE], []),
        (["[no(pattern"], code),
    ):
        assert matches(patterns, headers) is None


BY_HEADER = [row("d", tag_regex=[CODE]), row("e", tags=["default"])]


@pytest.mark.parametrize(
    ("agent", "name"),
    [("claude-code/1.2.3", "d"), ("Mozilla/5.0 (browser)", "e"), (None, "e"), ("", "e")],
)
@in_a_loop
async def test_a_header_leads_to_its_deployment_and_is_noted(agent: Any, name: str) -> None:
    metadata = {} if agent is None else {"user_agent": agent}
    assert await left(BY_HEADER, metadata) == [name]
    if name == "d":
        assert metadata.pop("tag_routing") == {
            "matched_deployment": "m",
            "matched_via": "tag_regex",
            "matched_value": CODE,
            "request_tags": [],
            "user_agent": agent,
        }
    assert metadata == ({} if agent is None else {"user_agent": agent})
    off = {"user_agent": "claude-code/1.0"}
    found = await tags.get_deployments_for_tag(bare(enable_tag_filtering=False), "m", BY_HEADER, {"metadata": off})
    assert (found is BY_HEADER, off) == (True, {"user_agent": "claude-code/1.0"})


@in_a_loop
async def test_headers_and_tags_together() -> None:
    agent = {"user_agent": "claude-code/1.0"}
    both = row("b", tags=["premium"], tag_regex=[CODE])
    metadata: dict[str, Any] = {"tags": ["premium"], **agent}
    assert await left([both], metadata) == ["b"]
    assert (metadata["tag_routing"]["matched_via"], metadata["tag_routing"]["matched_value"]) == (
        "tags",
        "premium",
    )
    # The first to match is the one noted, and the note of an earlier attempt stays.
    metadata = dict(agent)
    assert await left([row("d", tag_regex=[CODE]), row("e", tag_regex=[CODE])], metadata) == ["d", "e"]
    noted = metadata["tag_routing"]
    assert await left([both], metadata) == ["b"]
    assert metadata["tag_routing"] is noted
    # Where nobody asks for headers, they matter nothing.
    plain = [row("d", tags=["premium"]), row("e", tags=["free"])]
    assert await left(plain, dict(agent)) == ["d", "e"]
    # Every tag is asked for: a header does not stand for one.
    strict = {"tag_filtering_match_any": False}
    rest = row("r", tags=["default"])
    assert await left([both, rest], {"tags": ["vip"], **agent}, **strict) == ["r"]
    assert await left([both, rest], dict(agent), **strict) == ["r"]
    assert await left([row("d", tag_regex=[CODE])], dict(agent), **strict) == ["d"]
    assert tags._match_deployment(both, None, ["User-Agent: claude-code/1"], match_any=False) is None
    # Tags that bar and that are required go before headers.
    other = row("e", tags=["p:a"])
    assert await left([row("d", tag_regex=[CODE]), other], {"tags": ["!p:a"], **agent}) == ["d"]
    assert await left([row("d", tag_regex=[CODE], tags=["g"]), other], {"tags": ["!g"], **agent}) == ["e"]
    high = [row("d", tags=["h"], tag_regex=[CODE]), row("e", tags=["h"])]
    assert await left(high, {"tags": ["&h"], **agent}) == ["d", "e"]
    low = [row("d", tags=["l"], tag_regex=[CODE]), row("e", tags=["h"])]
    assert await left(low, {"tags": ["&h"], **agent}) == ["e"]


@pytest.mark.parametrize(
    ("rows", "asked", "found"),
    [
        ([row("d", tags=["default", "l"], info=OPEN)], ["&h"], ["d"]),
        ([row("d", tags=["p:a"], info=OPEN)], ["!p:a"], ["d"]),
        ([row("d", tags=["p:a"], info=OPEN), row("e", tags=["p:a", "default"])], ["!p:a"], ["e"]),
        ([row("d", tags=["p:a", "paid", "default"], info=OPEN)], ["!p:a", "paid"], ["d"]),
        ([row("d", tags=["h", "p:a"], info=OPEN), row("e", tags=["default", "l"])], ["&h", "p:o"], ["e"]),
        # An invented tag does not open what the others would have answered.
        ([row("d", tags=["us"]), row("e", tags=["default"], info=OPEN)], ["&us", "&invented"], REFUSED),
        (
            [row("d", tags=["us"]), row("e", tags=["eu"]), row("f", tags=["default"], info=OPEN)],
            ["&us", "&eu"],
            ["f"],
        ),
        ([row("d", tags=["us"]), row("e", tags=["default"], info=OPEN)], ["&us"], ["d"]),
        ([row("d", tags=["l"])], ["&h"], REFUSED),
    ],
)
@in_a_loop
async def test_a_group_may_serve_its_default_where_nothing_fits(rows: Any, asked: Any, found: Any) -> None:
    if found is REFUSED:
        with pytest.raises(ValueError, match=REFUSED):
            await left(rows, {"tags": asked})
        return
    assert await left(rows, {"tags": asked}) == found


def test_when_a_group_may() -> None:
    allows: Any = tags._chain_allows_fail_open
    none: Any = frozenset()
    us = {"model_info": {}, "litellm_params": {"tags": ["us"]}}
    rest = {"model_info": OPEN, "litellm_params": {"tags": ["default"]}}
    assert allows([us, rest], none, frozenset({"us"}), none) is True
    assert allows([{"model_info": {}}, {}], none, none, none) is False
    assert allows([rest], none, frozenset({"invented"}), none) is True, "nothing else was asked for"
    assert allows([us, rest], none, frozenset({"us", "invented"}), none) is False
    both = frozenset({"us", "invented"})
    assert allows([us, rest], none, both, both) is True, "said with the prefix it is no invention"
    assert tags._require_all_tags([us, rest], none) == (us, rest)
    assert tags._require_all_tags([us, rest, {"litellm_params": {}}], frozenset({"us"})) == (us,)


def test_a_prefix_says_which_tags_are_for_routing() -> None:
    stripped: Any = tags._strip_routing_prefix
    assert stripped(["p:a", "&r:eu"], "") == (("p:a", "&r:eu"), frozenset())
    assert stripped(["f:x", "route:!p:o"], "route:") == (("f:x", "!p:o"), frozenset({"p:o"}))
    assert stripped(["route:&p:a", "route:!r:eu"], "route:")[1] == {"p:a", "r:eu"}
    assert stripped(["route:&", "route:!"], "route:")[1] == frozenset()
    router = routed(row("d"))
    assert router.tag_routing_prefix == ""
    router.update_settings(tag_routing_prefix="route:")
    assert router.tag_routing_prefix == router.get_settings()["tag_routing_prefix"] == "route:"
    config = UpdateRouterConfig(tag_routing_prefix="route:").model_dump(exclude_none=True)
    assert config["tag_routing_prefix"] == "route:"


@in_a_loop
async def test_with_a_prefix_a_tag_is_matched_without_it() -> None:
    rows = [row("d", tags=["a"]), row("e", tags=["b", "default"])]
    assert await left(rows, {"tags": ["route:a"]}, tag_routing_prefix="route:") == ["d"]
    assert await left(rows, {"tags": ["route:a"]}) == ["e"]


HERE = [row("d", tags=["eu"], info=OPEN), row("e", tags=["us", "default"], info=OPEN)]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"tags": ["&eu", "!eu"], "inherited_tags": ["&eu"]}, ["d"]),
        ({"tags": ["&eu", "!eu"], "inherited_tags": ["&eu"], "caller_tags": ["&eu", "!eu"]}, ["d"]),
        ({"tags": ["&eu", "&us"], "inherited_tags": ["&eu", "&us"]}, REFUSED),
        ({"tags": ["&eu", "!eu"]}, ["e"]),
        ({"tags": ["&eu", "!eu"], "inherited_tags": "no list"}, ["e"]),
    ],
)
@in_a_loop
async def test_what_a_key_or_a_team_asks_for_does_not_fall_open(said: Any, found: Any) -> None:
    if found is REFUSED:
        with pytest.raises(ValueError, match=REFUSED):
            await left(HERE, said)
        return
    assert await left(HERE, said) == found


def test_whose_tags_are_protected() -> None:
    sets: Any = tags._inherited_constraint_sets
    assert sets(None, "") == sets("no list", "") == (None, None)
    assert sets(["&eu", "!us", "plain"], "") == (frozenset({"eu"}), frozenset({"us"}))
    eu, us = ({"litellm_params": {"tags": [tag]}} for tag in ("eu", "us"))
    pool: Any = tags._trusted_only_pool
    one: Any = frozenset({"eu"})
    assert pool((us,), one, frozenset({"apac"}), None, None) == (us,)
    assert pool((eu, us), frozenset(), one, frozenset(), one) == (eu,)
    assert pool((eu, us), frozenset(), one, frozenset(), frozenset()) == (eu, us)


@in_a_loop
async def test_each_group_of_a_chain_of_fallbacks_looks_for_itself() -> None:
    router = routed(
        row("d", group="m", tags=["p:a", "h"]),
        row("e", group="n", tags=["p:o", "l"]),
        row("f", group="o", tags=["p:a", "h"]),
        row("g", group="o", tags=["default", "p:o", "l"], info=OPEN),
        row("s", group="s", tags=["us"], info=OPEN),
        enable_tag_filtering=True,
        fallbacks=[{"m": ["n"]}, {"n": ["o"]}, {"s": ["o"]}],
    )
    assert await served(router, "m", metadata={"tags": ["!p:a", "&h"]}) == "g"
    assert await served(router, "s", metadata={"tags": ["&us", "&invented"]}) == "g"
    assert await served(router, "o", metadata={"tags": ["&eu"]}) == "g", "and needs no other group"


class Rewrites:
    """What an auto router does, as far as tags go: the request goes to another group."""

    async def async_pre_routing_hook(self, model: str, request_kwargs: Any, messages: Any = None, **_: Any) -> Any:
        return PreRoutingHookResponse(model="tier", messages=messages)


def tiers(*rows: Any) -> Any:
    router = routed(row("d"), *rows, enable_tag_filtering=True)
    strategy: Any = Rewrites()
    router.auto_routers = {"m": [TaggedPreRoutingStrategy(tags=("route",), strategy=strategy)]}
    return router


@in_a_loop
async def test_a_tag_that_chose_the_router_is_spent() -> None:
    router = tiers(row("t", group="tier"))
    assert await served(router, metadata={"tags": ["route"], "inherited_tags": []}) == "t"
    request = {"litellm_metadata": {"tags": ["route"], "inherited_tags": []}}
    found = await router.async_get_available_deployment(model="m", request_kwargs=request, messages=HELLO)
    assert found["model_info"]["id"] == "t"
    forged = {"model_group": "tier", "tags": ["route"]}
    for metadata in ({"tags": ["route"]}, {"tags": ["route"], CONSUMED_REQUEST_TAGS_METADATA_KEY: forged}):
        with pytest.raises(Exception, match=REFUSED):
            await served(router, "tier", metadata={"inherited_tags": [], **metadata})
    policy = {"tags": ["route", "&eu"], "inherited_tags": ["&eu"]}
    with pytest.raises(Exception, match=REFUSED):
        await served(router, metadata=dict(policy))
    assert await served(tiers(row("t", group="tier", tags=["eu"])), metadata=dict(policy)) == "t"
    two = tiers(row("t", group="tier", tags=["us"]), row("u", group="tier", tags=["eu"]))
    assert await served(two, metadata={"tags": ["route", "eu"], "inherited_tags": []}) == "u"


def test_what_is_left_of_the_tags_for_the_group_that_was_chosen() -> None:
    after: Any = tags._request_tags_after_router_consumption
    stamp = {CONSUMED_REQUEST_TAGS_METADATA_KEY: ConsumedRequestTagsStamp(model_group="tier", tags=("route",))}
    policy = {"tags": ["route", "&eu"], "inherited_tags": ["&eu"], **stamp}
    assert after(policy, "tier") == ("&eu",)
    assert after(policy, "else") == ["route", "&eu"]
    assert after({"tags": ["route"], **stamp}, "tier") is None
    assert after({"tags": ["route", "us"], "inherited_tags": [], **stamp}, "tier") == ("us",)
    merged = {
        **policy,
        "tags": ["route", "&eu", "of a deployment"],
        ROUTING_REQUEST_TAGS_METADATA_KEY: policy["tags"],
    }
    assert (after(merged, "tier"), after(merged, "else")) == (("&eu",), ["route", "&eu"])
    router = tiers(row("t", group="tier"))
    chosen = {
        "selected_strategy": router.auto_routers["m"][0],
        "pre_routing_hook_response": PreRoutingHookResponse(model="tier", messages=None),
    }
    stamped = router._consumed_request_tags_stamp(**chosen, request_tags=["route"])
    assert stamped == ConsumedRequestTagsStamp(model_group="tier", tags=("route",))
    assert router._consumed_request_tags_stamp(**chosen, request_tags=["other"]) is None


@in_a_loop
async def test_a_fallback_without_the_tag_may_not_serve() -> None:
    router = routed(row("d", tags=["a"]), row("e", group="n"), enable_tag_filtering=True, fallbacks=[{"m": ["n"]}])
    with pytest.raises(litellm.InternalServerError):
        await served(router, metadata={"tags": ["a"]}, mock_testing_fallbacks=True)
