"""What the Router counts of a deployment's use, against LiteLLM's own: caches, answers, errors, edits in place."""

from __future__ import annotations

import asyncio
import copy
import datetime
import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import litellm
import pytest
from litellm import Router
from litellm.types.router import Deployment

from support.calls import calls_of
from support.live import kept_flags
from support.routers import bare, on, router
from support.scale import scaled


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # No minute ends between the two sides.
    monkeypatch.setattr(litellm.router, "get_utc_datetime", lambda: datetime.datetime(2026, 1, 1, 12, 30))
    with kept_flags(), on():
        yield


COUNT = {
    "deployment_name": "openai/gpt-4o",
    "model_group": "g",
    "total_tokens": 12,
    "rpm_increment": 1,
    "parent_otel_span": None,
}
LIMITS = (None, None, None, 0, 5, 10**7, "7", 1.0, 2.5, "x", True)
PARAMS: list[dict[str, Any]] = [
    {},
    {"model": "azure/my-deployment"},
    {"model": "azure/gpt-4o"},
    {"model": "claude-sonnet-4-5"},
    {"model": "vertex_ai/gemini-2.5-pro"},
    {"model": "openai/not-mapped-at-all"},
    {"model": "no-provider-of-this"},
    {"model": "gpt-4o", "custom_llm_provider": "openai"},
    {"model": "groq/llama-3.1-8b-instant", "api_key": "k"},
    {"model": "openai/*"},
    {"model": 5},
    {"model": "openai/gpt-\ud800"},
    {"base_model": "azure/gpt-4o"},
    {"base_model": 5},
    {"drop_params": True},
    {"drop_params": "perhaps"},
    {"max_retries": "3"},
    {"max_retries": "many"},
    {"timeout": 5},
    {"timeout": httpx.Timeout(5)},
    {"tags": ["a"]},
    {"tags": [1]},
    {"tags": "a"},
    {"provider_affinity_header": "not a header"},
    {"use_litellm_proxy": True},
    {"api_base": 7},
    {"input_cost_per_token": 1},
    {"input_cost_per_token": "much"},
    {"input_cost_per_token": 10**400},
    {"timeout": -(10**400)},
    {"self": 1},
    {"extra": {"deep": [1, {"a": None}]}},
    {"extra": object()},
    {"model_info": {"a": 1}},
    {"aws_session_tags": [{"Key": "a", "Value": "b"}]},
]
INFO: list[dict[str, Any]] = [
    {},
    {"base_model": "azure/gpt-4o"},
    {"base_model": "gpt-4o-mini"},
    {"tpm": 5},
    {"rpm": 0},
    {"itpm": 5},
    {"otpm": None},
    {"db_model": True, "created_at": datetime.datetime(2026, 1, 1)},
    {"created_at": "2026-01-01T00:00:00Z"},
    {"created_at": "yesterday"},
    {"ptu_count": 3},
    {"ptu_count": -3},
    {"access_windows": []},
    {"tier": "paid"},
    {"tier": "gold"},
    {"id": 7},
    {"id": None},
    {"mode": "chat", "metadata": {"a": [1]}},
    {"blocked": "perhaps"},
]


def changed(mine: Any, chance: Random) -> None:
    """The Router's only deployment edited in place, in ways of users."""
    one = mine.model_list[0]
    one["litellm_params"].update(chance.choice(PARAMS) if chance.random() < 0.7 else {})
    one["model_info"].update(chance.choice(INFO) if chance.random() < 0.6 else {})
    for name in ("tpm", "rpm", "itpm", "otpm"):
        for part in (one, one["litellm_params"], one["model_info"]):
            if chance.random() < 0.06:
                part[name] = chance.choice(LIMITS)
    if chance.random() < 0.05:
        one[chance.choice(("blocked", "self", "params", "get"))] = chance.choice((True, "odd"))
    if chance.random() < 0.05:
        del one[chance.choice(("litellm_params", "model_info", "model_name"))]
    if chance.random() < 0.03:
        mine.model_list[0] = Deployment(
            model_name="g", litellm_params={"model": "openai/gpt-4o", "tpm": 4}, model_info={"id": "d0"}
        )


def content(mine: Router) -> Any:
    memory = mine.cache.in_memory_cache
    keys = sorted(memory.cache_dict, key=str)
    return {key.rpartition(":")[0]: memory.get_cache(key) for key in keys}


def result(call: Any, mine: Router, **named: Any) -> Any:
    """What it came to, and what is in the cache after; twice, for the second adds to the first."""
    mine.cache.in_memory_cache.flush_cache()
    found = []
    for _ in range(2):
        try:
            answer = asyncio.run(call(mine, **named))
            found.append(answer.rpartition(":")[0] if isinstance(answer, str) else answer)
        except Exception as error:  # noqa: BLE001  # an error is a result to compare
            found.append((type(error), str(error)))
    return found, content(mine)


def both(mine: Router, name: str, **named: Any) -> Any:
    before = repr(mine.model_list)
    seam, own = result(getattr(Router, name), mine, **named), result(bare(Router, name), mine, **named)
    assert seam == own
    assert repr(mine.model_list) == before
    return seam


def logged(chance: Random) -> dict[str, Any]:
    """What a callback is told, mostly as it should be."""
    kwargs: dict[str, Any] = {
        "call_type": "acompletion",
        "standard_logging_object": {"total_tokens": 20},
        "litellm_params": {
            "metadata": {"model_group": "g", "deployment": "openai/gpt-4o"},
            "model_info": {"id": "d0"},
        },
    }
    params = kwargs["litellm_params"]
    match chance.randrange(14):
        case 0:
            kwargs["call_type"] = chance.choice(("_arealtime", "aretrieve_batch", None, [1]))
        case 1:
            kwargs["standard_logging_object"] = chance.choice((None, {}, {"total_tokens": None}, 5))
        case 2:
            params["metadata"] = chance.choice((None, {}, {"model_group": None}, "odd", []))
        case 3:
            params["model_info"] = chance.choice((None, {}, {"id": 0}, {"id": "other"}, "odd"))
        case 4:
            params["metadata"]["_litellm_router_usage_counted_tokens"] = 5
        case 5:
            params["metadata"]["deployment"] = 7
        case 6:
            del kwargs["litellm_params"]
        case 7:
            params["metadata"][litellm.constants.ROUTER_USAGE_COUNTED_TOKENS_METADATA_KEY] = chance.choice(
                (5, 50, "x")
            )
    return kwargs


class TestCounting:
    def test_every_single_field(self) -> None:
        cases = itertools.chain(((params, {}) for params in PARAMS), (({}, info) for info in INFO))
        for params, info in cases:
            for limit in ({}, {"tpm": 5}):
                mine = router(1)
                mine.model_list[0]["litellm_params"].update({**params, **limit})
                mine.model_list[0]["model_info"].update(info)
                both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)

    def test_deployments_by_chance(self) -> None:
        chance = Random(21)
        fresh = router(2)
        counted = 0
        for _ in range(scaled(700)):
            mine = copy.copy(fresh)
            mine.model_list = copy.deepcopy(fresh.model_list)
            for _ in range(chance.randrange(3)):
                if type(mine.model_list[0]) is dict and {"litellm_params", "model_info"} <= {*mine.model_list[0]}:
                    changed(mine, chance)
            named = {
                **COUNT,
                "total_tokens": chance.choice((0, 1, 2.5, -1)),
                "rpm_increment": chance.choice((0, 1)),
            }
            found = both(
                mine,
                "_increment_deployment_usage",
                deployment_id=chance.choice(("d0", "d0", "d0", "gone")),
                **named,
            )
            counted += bool(found[1])
        assert counted > 50

    def test_events_by_chance(self) -> None:
        chance = Random(22)
        fresh = router(1)
        for _ in range(scaled(500)):
            mine = copy.copy(fresh)
            mine.model_list = copy.deepcopy(fresh.model_list)
            if chance.random() < 0.5:
                changed(mine, chance)
            named = {"kwargs": logged(chance), "completion_response": None, "start_time": None, "end_time": None}
            both(mine, "deployment_callback_on_success", **named)

    def test_it_runs_natively(self) -> None:
        mine = router(1, optional_pre_call_checks=None)
        mine.model_list[0]["litellm_params"]["tpm"] = 100
        with calls_of("routing", "Router._increment_deployment_usage") as calls:
            asyncio.run(mine._increment_deployment_usage(deployment_id="d0", **COUNT))  # type: ignore[arg-type]
        assert (calls.native, calls.total) == (1, 1)
        assert sorted(content(mine).values()) == [1, 12]
        with calls_of("routing", "Router.deployment_callback_on_success") as calls:
            asyncio.run(mine.deployment_callback_on_success(logged(Random(5)), None, None, None))
        assert (calls.native, calls.total) == (1, 1)
        assert sorted(content(mine).values()) == [1, 2, 32]


class TestChanges:
    def test_limits_set_in_place_count_from_then_on(self) -> None:
        mine = router(1)
        assert both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)[1] == {}
        mine.model_list[0]["litellm_params"]["rpm"] = 3
        assert both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)[1] != {}
        del mine.model_list[0]["litellm_params"]["rpm"]
        assert both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)[1] == {}

    def test_the_map_of_models(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = router(1)
        monkeypatch.setitem(litellm.model_cost, "gpt-4o", {**litellm.model_cost["gpt-4o"], "tpm": 9})
        litellm.get_model_info.cache_clear()
        try:
            assert both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)[1] != {}
        finally:
            monkeypatch.undo()
            litellm.get_model_info.cache_clear()

    def test_updated_deployments(self) -> None:
        mine = router(1)
        mine.upsert_deployment(
            Deployment(
                model_name="g", litellm_params={"model": "openai/gpt-4o", "tpm": 4}, model_info={"id": "d0"}
            )
        )
        assert both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)[1] != {}
        mine.delete_deployment("d0")
        assert both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)[1] == {}

    def test_discovered_limits(self) -> None:
        mine = router(1)
        mine._discovered_model_info_cache.set_cache("d0", None)
        both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)

    @pytest.mark.parametrize("name", ["get_deployment", "get_router_model_info", "get_discovered_model_info"])
    def test_overrides_are_called(self, name: str) -> None:
        called = []

        def own(*arguments: Any, **named: Any) -> Any:
            called.append(name)
            return None if name == "get_deployment" else {"tpm": 3}

        mine: Any = router(1)
        setattr(mine, name, own)
        both(mine, "_increment_deployment_usage", deployment_id="d0", **COUNT)
        assert len(called) == 4
        derived = type("Derived", (Router,), {name: own})
        other = derived(model_list=copy.deepcopy(router(1).model_list))
        del called[:]
        both(other, "_increment_deployment_usage", deployment_id="d0", **COUNT)
        assert len(called) == 4

    def test_a_replaced_function_is_called(self, monkeypatch: pytest.MonkeyPatch) -> None:
        called = []

        def get_model_info(model: str, **_: Any) -> Any:
            called.append(model)
            return {"rpm": 1}

        monkeypatch.setattr(litellm, "get_model_info", get_model_info)
        both(router(1), "_increment_deployment_usage", deployment_id="d0", **COUNT)
        assert called == ["openai/gpt-4o"] * 4
