"""Before a call: which deployments have room for its prompt and for one more request, and know what it asks."""

from copy import deepcopy
from datetime import datetime, timezone
from typing import Any

import litellm
import pytest
from litellm.types.router import RouterRateLimitErrorBasic

from support.limiter import HELLO, in_a_loop
from support.routes import names, picked, routed, row

pytestmark = pytest.mark.usefixtures("side", "kept_prices")

LONG = [{"role": "user", "content": "word " * 100}]
NOW = datetime(2026, 11, 21, 12, 34, tzinfo=timezone.utc)


def checked(router: Any, deployments: Any = None, **request: Any) -> Any:
    request = {"messages": HELLO, **request}
    found = router.get_model_list(model_name="m") if deployments is None else deployments
    return router._pre_call_checks(model="m", healthy_deployments=found, **request)


def test_what_is_checked_stays_as_it_is_and_what_is_left_is_the_same() -> None:
    router = routed(
        row("small", info={"max_input_tokens": 50}),
        row("large", info={"max_input_tokens": 10_000}),
        enable_pre_call_checks=True,
    )
    deployments = router.get_model_list(model_name="m")
    items, before = list(deployments), deepcopy(deployments)
    parameters = [deployment["litellm_params"] for deployment in deployments]
    for messages, left in ((HELLO, ["small", "large"]), (LONG, ["large"])):
        found = checked(router, deployments, messages=messages)
        assert names(found) == left
        assert found is not deployments
        assert all(any(one is item for item in items) for one in found)
        assert deployments == before
        assert all(one is two for one, two in zip(deployments, items, strict=True))
        assert all(one["litellm_params"] is two for one, two in zip(deployments, parameters, strict=True))


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_a_prompt_too_long_for_all_is_refused(synchronous: bool) -> None:
    router = routed(
        row("d", info={"max_input_tokens": 5}),
        row("e", info={"max_input_tokens": 9}),
        row("long", group="n", info={"max_input_tokens": 5}),
        enable_pre_call_checks=True,
        context_window_fallbacks=[],
    )
    with pytest.raises(litellm.ContextWindowExceededError) as refused:
        await picked(router, synchronous=synchronous, messages=LONG)
    for words in (
        "Context Window exceeded",
        "Model=openai/gpt-4o, Max Input Tokens=5, Got=",
        "Max Input Tokens=9",
    ):
        assert words in str(refused.value)
    assert await picked(router, synchronous=synchronous) in {"d", "e"}


@in_a_loop
async def test_the_counter_that_somebody_puts_in_place_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Any] = []

    def counter(**said: Any) -> int:
        counted.append(said["messages"])
        return 101

    monkeypatch.setattr(litellm, "token_counter", counter)
    router = routed(
        row("d", info={"max_input_tokens": 100}),
        row("e", info={"max_input_tokens": 101}),
        enable_pre_call_checks=True,
    )
    for synchronous in (True, False):
        assert await picked(router, synchronous=synchronous) == "e"
    assert counted == [HELLO, HELLO]
    assert names(checked(router, input_token_count=100)) == ["d", "e"]
    assert len(counted) == 2

    def failing(**_said: Any) -> int:
        raise ValueError("no tokens")

    monkeypatch.setattr(litellm, "token_counter", failing)
    assert names(checked(router)) == ["d", "e"]
    assert {await picked(router) for _ in range(20)} == {"d", "e"}


@in_a_loop
async def test_where_nobody_has_a_limit_nobody_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def counter(**_said: Any) -> int:
        raise AssertionError("counted")

    monkeypatch.setattr(litellm, "token_counter", counter)
    router = routed(
        row("d", model="openai/unmapped"), row("e", model="openai/unmapped"), enable_pre_call_checks=True
    )
    monkeypatch.setattr(router, "get_router_model_info", lambda **_said: {})
    for synchronous in (True, False):
        assert await picked(router, synchronous=synchronous) in {"d", "e"}


@pytest.mark.parametrize("place", ["own", "group"])
@in_a_loop
async def test_one_at_its_requests_a_minute_is_left_out(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litellm.router.get_utc_datetime", lambda: NOW)
    router = routed(row("low", rpm=1), row("none"), enable_pre_call_checks=True)
    assert names(checked(router)) == ["low", "none"]
    if place == "own":
        router.cache.set_cache(key="low", value=1, local_only=True)
    else:
        router.cache.set_cache(key="m:rpm:12-34", value={"low": 1}, local_only=True)
    assert names(checked(router)) == ["none"]
    for synchronous in (True, False):
        assert await picked(router, synchronous=synchronous) == "none"
    only = router.get_model_list(model_name="m")[:1]
    with pytest.raises(RouterRateLimitErrorBasic):
        checked(router, only)
    second = routed(row("low", rpm=1), enable_pre_call_checks=True, routing_strategy="usage-based-routing-v2")
    second.cache.set_cache(key="low", value=1, local_only=True)
    assert names(checked(second)) == ["low"], "the second strategy sees to it itself"


def test_who_is_not_where_the_request_may_go_is_left_out() -> None:
    router = routed(
        row("eu", region_name="eu"), row("us", region_name="us"), row("none"), enable_pre_call_checks=True
    )
    assert names(checked(router, request_kwargs={"allowed_model_region": "eu"})) == ["eu"]
    assert names(checked(router, request_kwargs={"allowed_model_region": None})) == ["eu", "us", "none"]


def test_who_does_not_know_the_format_of_a_response_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "drop_params", False)
    router = routed(
        row("old", model="openai/gpt-4"), row("new", model="openai/gpt-4o"), enable_pre_call_checks=True
    )
    asked = {"response_format": {"type": "json_object"}}
    supported = [
        "response_format" in (litellm.get_supported_openai_params(model, "openai") or [])
        for model in ("gpt-4", "gpt-4o")
    ]
    left = [name for name, can in zip(("old", "new"), supported, strict=True) if can]
    assert names(checked(router, request_kwargs=asked)) == left
    monkeypatch.setattr(litellm, "drop_params", True)
    assert names(checked(router, request_kwargs=asked)) == ["old", "new"]


def test_what_somebody_writes_into_a_deployments_information_is_not_kept() -> None:
    router = routed(row("d", info={"max_input_tokens": 50}), enable_pre_call_checks=True)
    (deployment,) = router.get_model_list(model_name="m")
    first = router.get_router_model_info(deployment=deployment, received_model_name="m")
    assert first["max_input_tokens"] == 50
    first["max_input_tokens"] = 1
    first["supported_openai_params"] = []
    again = router.get_router_model_info(deployment=deployment, received_model_name="m")
    assert again["max_input_tokens"] == 50
    assert again["supported_openai_params"]
