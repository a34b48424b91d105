"""The Router's checks before a call against LiteLLM's own: who is left, errors, caches, what users change."""

from __future__ import annotations

import copy
import datetime
import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import litellm
import litellm.router
import pytest
from litellm import Router

from support.calls import calls_of
from support.live import kept_flags
from support.routers import bare, came_to, on, router
from support.scale import scaled

MODELS = (
    "openai/gpt-4o",
    "openai/gpt-4",
    "gpt-3.5-turbo",
    "azure/gpt-4o",
    "azure/my-deployment",
    "anthropic/claude-sonnet-4-5",
    "bedrock/anthropic.claude-3-sonnet-20240229-v1:0",
    "groq/llama-3.1-8b-instant",
    "openai/not-mapped",
    "bedrock_mantle/openai.gpt-oss-20b",
)
SHORT, LONG = [{"role": "user", "content": "Hello."}], [{"role": "user", "content": "Hello there. " * 3_000}]


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # No minute ends between the two sides.
    monkeypatch.setattr(litellm.router, "get_utc_datetime", lambda: datetime.datetime(2026, 1, 1, 12, 30))
    logging.getLogger("LiteLLM Router").setLevel(logging.CRITICAL)
    with kept_flags(), on():
        yield
    logging.getLogger("LiteLLM Router").setLevel(logging.NOTSET)


def deployment(chance: Random, number: int) -> Any:
    params: dict[str, Any] = {"model": chance.choice(MODELS[:4]), "api_key": "sk-none"}
    info: dict[str, Any] = {"id": f"d{number}"}
    if chance.random() < 0.1:
        params["rpm"] = chance.choice((0, 1, 5, 100, "7", 2.5, True))
    if chance.random() < 0.1:
        params["region_name"] = chance.choice(("eu", "us", None))
    if chance.random() < 0.1:
        (params if chance.random() < 0.5 else info)["base_model"] = chance.choice(
            ("gpt-4", "azure/gpt-4o", "", "x")
        )
    if chance.random() < 0.1:
        info["max_input_tokens"] = chance.choice((1, 100, 10**6, "5", None, 2.5, True))
    if chance.random() < 0.02:
        params["model"] = chance.choice(MODELS)
    if chance.random() < 0.02:
        params[chance.choice(("extra", "custom_llm_provider", "model"))] = chance.choice(
            (object(), None, "openai")
        )
    made: Any = {"model_name": "g", "litellm_params": params, "model_info": info}
    if chance.random() < 0.01:
        made[chance.choice(("model_info", "litellm_params"))] = None
    if chance.random() < 0.01:
        info["id"] = chance.choice((None, 4, ["x"]))
    return made


def asked(chance: Random) -> dict[str, Any]:
    request: Any = {"metadata": {}}
    if chance.random() < 0.2:
        request["allowed_model_region"] = chance.choice(("eu", None))
    if chance.random() < 0.2:
        request["response_format"] = {"type": "json_object"}
    named: dict[str, Any] = {
        "messages": chance.choice((SHORT, SHORT, SHORT, LONG, None)),
        "request_kwargs": request if chance.random() < 0.9 else None,
    }
    if chance.random() < 0.5:
        named["skip_inline_token_count"] = True
        named["input_token_count"] = chance.choice((None, 5, 50_000))
    if chance.random() < 0.1:
        named["input"] = "Hello."
    return named


def result(call: Any, mine: Router, cached: Any, deployments: Any, named: Any) -> Any:
    memory = mine.cache.in_memory_cache
    memory.flush_cache()
    for key, value in cached.items():
        memory.set_cache(key, copy.deepcopy(value))
    request = copy.copy(named["request_kwargs"])
    found = came_to(call, mine, "g", deployments, **{**named, "request_kwargs": request})
    return found, {key: memory.cache_dict[key] for key in memory.cache_dict}, request


def both(mine: Router, cached: Any, deployments: Any, named: Any) -> Any:
    before = repr(deployments)
    seam = result(Router._pre_call_checks, mine, cached, deployments, named)
    assert seam == result(bare(Router, "_pre_call_checks"), mine, cached, deployments, named)
    assert repr(deployments) == before
    return seam[0]


def seen(chance: Random) -> dict[str, Any]:
    """What is in the cache before."""
    cached: dict[str, Any] = {}
    if chance.random() < 0.4:
        counts = {f"d{number}": chance.choice((0, 1, 6)) for number in range(chance.randrange(6))}
        cached["g:rpm:12-30"] = chance.choice((counts, counts, counts, {}, 5, "x"))
    for number in range(3):
        if chance.random() < 0.2:
            cached[f"d{number}"] = chance.choice((0, 1, 9, 9.5, "x", {"a": 1}))
    return cached


class TestChecks:
    def test_groups_by_chance(self) -> None:
        chance, mine, sizes, errors = Random(31), router(1), (0, 1, 2, 10), set()
        with calls_of("routing", "Router._pre_call_checks") as calls:
            for number in range(scaled(350)):
                size = 100 if number % 100 == 50 else chance.choice(sizes)
                deployments = [deployment(chance, each) for each in range(size)]
                mine.routing_strategy = chance.choice(("simple-shuffle", "usage-based-routing-v2"))
                found = both(mine, seen(chance), deployments, asked(chance))
                if not isinstance(found[1], list):
                    errors.add(found[0])
        assert errors >= {litellm.ContextWindowExceededError, litellm.router.RouterRateLimitErrorBasic}
        assert calls.native > 100

    @pytest.mark.parametrize("deployments", [None, (), {}, [None], [{}], ["a"], [{"model_info": {}}]], ids=repr)
    def test_no_deployments(self, deployments: Any) -> None:
        both(router(1), {}, deployments, {"messages": SHORT, "request_kwargs": {}})

    def test_dropped_parameters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = router(2)
        for drops in (True, False, None):
            monkeypatch.setattr(litellm, "drop_params", drops)
            mine.model_list[0]["litellm_params"]["model"] = "openai/gpt-4"
            request = {"response_format": {"type": "json_object"}}
            both(mine, {}, mine.model_list, {"messages": SHORT, "request_kwargs": request})

    @pytest.mark.parametrize("name", ["get_router_model_info", "_count_pre_call_check_tokens", "get_deployment"])
    def test_overrides_are_called(self, name: str) -> None:
        called = []

        def own(*_: Any, **__: Any) -> Any:
            called.append(name)
            return 10**9 if name.startswith("_count") else {"max_input_tokens": 1}

        mine: Any = router(2)
        setattr(mine, name, own)
        both(mine, {}, mine.model_list, {"messages": LONG, "request_kwargs": {}})
        assert bool(called) is (name != "get_deployment")

    def test_edits_are_seen_at_once(self) -> None:
        mine = router(2)
        named = {"messages": SHORT, "request_kwargs": {}, "input_token_count": 50}
        assert len(both(mine, {}, mine.model_list, named)[1]) == 2
        mine.model_list[0]["model_info"]["max_input_tokens"] = 10
        assert len(both(mine, {}, mine.model_list, named)[1]) == 1
        del mine.model_list[0]["model_info"]["max_input_tokens"]
        assert len(both(mine, {}, mine.model_list, named)[1]) == 2

    def test_the_map_of_models(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = router(1)
        monkeypatch.setitem(litellm.model_cost, "gpt-4o", {**litellm.model_cost["gpt-4o"], "max_input_tokens": 3})
        litellm.get_model_info.cache_clear()
        try:
            found = both(mine, {}, mine.model_list, {"messages": SHORT, "request_kwargs": {}})
            assert found[0] is litellm.ContextWindowExceededError
        finally:
            monkeypatch.undo()
            litellm.get_model_info.cache_clear()

    def test_it_runs_natively(self) -> None:
        mine = router(10)
        with calls_of("routing", "Router._pre_call_checks") as calls:
            found = mine._pre_call_checks("g", mine.model_list, SHORT, request_kwargs={})
        assert found == mine.model_list
        assert found is not mine.model_list
        assert (calls.native, calls.total) == (1, 1)


class TestNeeded:
    def test_groups_by_chance(self) -> None:
        chance, mine = Random(32), router(1)
        with calls_of("routing", "Router._pre_call_checks_need_token_count") as calls:
            for _ in range(scaled(200)):
                deployments = [deployment(chance, number) for number in range(chance.choice((0, 1, 3)))]
                for one in deployments:
                    if one["litellm_params"] and chance.random() < 0.5:
                        one["litellm_params"]["model"] = "openai/my-own"
                own = came_to(bare(Router, "_pre_call_checks_need_token_count"), mine, "g", deployments)
                assert came_to(mine._pre_call_checks_need_token_count, "g", deployments) == own
        assert calls.native > 20

    def test_an_override_is_called(self) -> None:
        mine: Any = router(2)
        mine._deployment_max_input_tokens = lambda *_: None
        assert mine._pre_call_checks_need_token_count("g", mine.model_list) is False
