"""A Router's list of deployments: its indices, its aliases, its copies, and what it prints of one."""

import copy
from typing import Any

import litellm
import pytest
from litellm.types.router import Deployment, LiteLLM_Params

from support.limiter import HELLO, in_a_loop
from support.routes import names, picked, routed, row

pytestmark = pytest.mark.usefixtures("side", "kept_prices")


def test_the_indices_follow_the_list() -> None:
    router = routed(row("a", group="one"), row("b", group="two"), row("c", group="two"), row("d", group="three"))
    assert isinstance(router.model_names, set)
    assert router.model_id_to_deployment_index_map == {"a": 0, "b": 1, "c": 2, "d": 3}
    assert router.model_name_to_deployment_indices == {"one": [0], "two": [1, 2], "three": [3]}
    assert [router.has_model_id(name) for name in ("a", "d", "", "nobody")] == [True, True, False, False]
    router._update_deployment_indices_after_removal(model_id="b", removal_idx=1)
    assert router.model_id_to_deployment_index_map == {"a": 0, "c": 1, "d": 2}
    assert router.model_name_to_deployment_indices == {"one": [0], "two": [1], "three": [2]}
    router._update_deployment_indices_after_removal(model_id="c", removal_idx=1)
    assert router.model_name_to_deployment_indices == {"one": [0], "three": [1]}
    router._build_model_name_index([row("e", group="four")])
    assert router.model_name_to_deployment_indices == {"four": [0]}
    router = routed()
    router._build_model_id_to_deployment_index_map([row("f", group="five"), row("g", group="five")])
    assert (names(router.model_list), router.model_id_to_deployment_index_map) == (["f", "g"], {"f": 0, "g": 1})
    new = row("h", group="five")
    router._add_model_to_list_and_index_map(model=new)
    assert router.model_list[2] is new
    assert router.model_id_to_deployment_index_map["h"] == 2
    assert routed().has_model_id("a") is False


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_what_is_added_changed_or_deleted_is_so_at_once(synchronous: bool) -> None:
    router = routed(row("d"))

    async def all_picked() -> set[str]:
        return {await picked(router, synchronous=synchronous) for _ in range(30)}

    added = row("e")
    router.add_deployment(Deployment(**added))
    assert await all_picked() == {"d", "e"}
    parameters = LiteLLM_Params(model="openai/gpt-4o-mini", api_key="k")
    router.upsert_deployment(Deployment(model_name="m", litellm_params=parameters, model_info={"id": "d"}))
    assert names(router.get_model_list(model_name="m")) == ["e", "d"], "what was changed goes to the end"
    assert router.get_deployment(model_id="d").litellm_params.model == "openai/gpt-4o-mini"
    router.delete_deployment(id="e")
    assert await all_picked() == {"d"}
    router.set_model_list([row("x"), row("y", group="n")])
    assert await all_picked() == {"x"}
    router.model_list[0]["model_info"]["blocked"] = True
    router.model_list.append(row("z"))
    router.model_name_to_deployment_indices["m"].append(2)
    assert await all_picked() == {"z"}, "somebody may write into it"


def test_each_group_is_found_by_each_of_its_names() -> None:
    router = routed(
        row("d", info={"access_groups": ["one", "two"]}),
        row("e"),
        row("f", group="n"),
        model_group_alias={"alias": "m", "item": {"model": "n", "hidden": True}},
    )
    assert names(router.get_all_deployments(model_name="m")) == ["d", "e"]
    assert all(
        any(one is kept for kept in router.model_list) for one in router.get_all_deployments(model_name="m")
    )
    renamed = router.get_all_deployments(model_name="m", model_alias="alias")
    assert [one["model_name"] for one in renamed] == ["alias", "alias"]
    assert [one["model_name"] for one in router.model_list] == ["m", "m", "n"]
    assert names(router.get_model_list(model_name="alias")) == ["d", "e"]
    assert router.get_model_list(model_name="nobody's") == []
    assert router.get_model_ids(model_name="m") == ["d", "e"]
    assert router.get_model_ids() == ["d", "e", "f"]
    assert set(router.get_model_access_groups()) == {"one", "two"}
    for model, found in (("alias", "m"), ("item", "n"), ("m", None)):
        assert router.get_model_from_alias(model) == found
    assert names(router._get_deployment_by_litellm_model(model="openai/gpt-4o")) == ["d", "e", "f"]
    assert router.get_model_group(id="f")[0]["model_name"] == "n"


@pytest.mark.parametrize(
    ("aliases", "found"),
    [
        ({"a": "b"}, "b"),
        ({"a": {"model": "b", "hidden": True}}, "b"),
        ({"a": {"model": "b"}}, "b"),
        ({"other": "b"}, None),
        ({}, None),
        (None, None),
        ("no map", None),
        ({"a": {"hidden": True}}, None),
        ({"a": {"model": 5}}, None),
        ({"a": 5}, None),
        ({"a": None}, None),
        ({"a": ""}, None),
    ],
)
def test_an_alias_may_be_written_in_two_ways(aliases: Any, found: str | None) -> None:
    router = routed(row("d", group="b"))
    router.model_group_alias = aliases
    assert router.get_model_from_alias("a") == found


class Unread(dict[str, Any]):
    """Aliases that nobody may go through one by one."""

    def items(self) -> Any:
        raise AssertionError("all aliases were gone through")


def test_a_name_that_is_no_alias_does_not_go_through_them() -> None:
    team = {"team_id": "t", "team_public_model_name": "public"}
    router = routed(row("d"), row("e", group="internal", info=team), model_group_alias={"alias": "m"})
    router.model_group_alias = Unread({f"alias {number}": "m" for number in range(200)})
    assert router.get_model_list_from_model_alias(model_name="m") == []
    assert router.map_team_model(team_model_name="public", team_id="t") == "public"


def test_the_default_deployment_is_lent_by_copies() -> None:
    router = routed()
    deep = {"nested": "kept"}
    router.default_deployment = {
        "model_name": "default",
        "litellm_params": {"model": "openai/gpt-4o", "api_key": "k", "own": deep},
    }
    before = copy.deepcopy(router.default_deployment)
    first, second = (
        router._common_checks_available_deployment(model=model, messages=HELLO)[1] for model in ("one", "two")
    )
    assert [one["litellm_params"]["model"] for one in (first, second)] == ["one", "two"]
    first["litellm_params"]["temperature"] = 1
    assert "temperature" not in second["litellm_params"]
    assert router.default_deployment == before
    assert first["litellm_params"]["own"] is second["litellm_params"]["own"] is deep, "as far as the second level"


@in_a_loop
async def test_a_deployment_by_its_own_name_is_a_copy() -> None:
    router = routed(row("d"), row("e"))
    for synchronous in (True, False):
        assert await picked(router, "e", synchronous=synchronous) == "e"
    found = router.get_available_deployment("e")
    found["litellm_params"]["model"] = "changed"
    assert router.model_list[1]["litellm_params"]["model"] == "openai/gpt-4o"
    assert router.get_available_deployment("m") in router.model_list


def test_what_is_printed_of_a_deployment_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    router = routed()
    deployment = row("d", api_key="sk-secret", nested={"a": [1]})
    before = copy.deepcopy(deployment)
    printed = router.print_deployment(deployment)
    assert printed["litellm_params"].pop("api_key") == "sk" + "*" * 10
    assert deployment == before
    assert printed["litellm_params"]["nested"] is not deployment["litellm_params"]["nested"]
    without = row("d")
    del without["litellm_params"]["api_key"]
    assert router.print_deployment(without) == without
    monkeypatch.setattr(litellm, "redact_user_api_key_info", True)
    names_of = {
        "aws_access_key_id": "AKIAIOSFODNN7",
        "aws_secret_access_key": "wJalrX",
        "aws_region_name": "us-west-2",
    }
    masked = router.print_deployment(row("d", model="bedrock/x", **names_of))["litellm_params"]
    assert ("*" in masked["aws_access_key_id"], "*" in masked["aws_secret_access_key"]) == (True, True)
    assert masked["aws_region_name"] == "us-west-2"
    for wrong in ({}, None, {"litellm_params": None}):
        with pytest.raises((KeyError, TypeError, AttributeError)):
            router.print_deployment(wrong)


def test_what_is_known_of_a_group_is_kept_until_the_list_changes() -> None:
    router = routed(row("d", tpm=5))
    first = router._cached_get_model_group_info("m")
    assert router._cached_get_model_group_info("m") is first
    assert router._cached_get_model_group_info.cache_info().hits == 1
    assert (first.model_group, first.providers, first.tpm) == ("m", ["openai"], 5)
    router.add_deployment(Deployment(**row("e", tpm=7)))
    assert router._cached_get_model_group_info("m").tpm == 12
    router._invalidate_model_group_info_cache()
    assert router._cached_get_model_group_info.cache_info().currsize == 0


def test_the_defaults_of_a_router_are_not_written_into() -> None:
    router = routed(row("d"))
    router.default_litellm_params = {"timeout": 7, "metadata": {"a": 1}}
    before = copy.deepcopy(router.default_litellm_params)
    request: dict[str, Any] = {"metadata": {"b": 2}}
    router._update_kwargs_with_default_litellm_params(kwargs=request)
    assert request == {"timeout": 7, "metadata": {"a": 1, "b": 2}}
    other: dict[str, Any] = {}
    router._update_kwargs_with_default_litellm_params(kwargs=other, metadata_variable_name="litellm_metadata")
    assert (other["timeout"], other["litellm_metadata"]) == (7, {"a": 1})
    assert router.default_litellm_params == before
    assert router._get_timeout(kwargs={}, data={"timeout": 100}) == 100


def test_what_a_call_is_told_of_its_deployment() -> None:
    router = routed(row("d", api_base="https://example.invalid", tpm=5))
    request: dict[str, Any] = {"metadata": {}}
    found = router.get_available_deployment("m")
    router._update_kwargs_with_deployment(deployment=found, kwargs=request)
    told = request["metadata"]
    assert (told["deployment"], told["api_base"]) == ("openai/gpt-4o", "https://example.invalid")
    assert told["model_info"]["id"] == "d"
