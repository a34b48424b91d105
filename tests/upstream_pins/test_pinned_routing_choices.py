"""Which strategy a request goes by: its own, its group's, the Router's."""

import logging
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import litellm
import pytest
from litellm import Router
from litellm.types.router import Deployment, RouterRateLimitError, RoutingGroup, RoutingStrategy
from litellm.utils import get_utc_datetime

from support.limiter import HELLO, in_a_loop
from support.routes import names, picked, routed, row

pytestmark = pytest.mark.usefixtures("side", "kept_prices")

LATENCY = "latency-based-routing"
ROWS = (row("d"), row("e"), row("f", group="n"))


def group(name: str = "fast", *models: str, strategy: str = LATENCY, **settings: Any) -> dict[str, Any]:
    return {"group_name": name, "models": list(models or ("m",)), "routing_strategy": strategy, **settings}


def strategy_of(router: Any, model: str = "m", **request: Any) -> Any:
    return router._get_routing_context(model, request or None)[0]


def slow_and_quick(router: Any) -> Any:
    router.cache.set_cache("m_map", {"d": {"latency": [0.2, 0.2]}, "e": {"latency": [0.05]}})
    return router


@pytest.mark.parametrize("synchronous", [True, False])
@pytest.mark.parametrize("usual", ["simple-shuffle", "least-busy", "cost-based-routing"])
@in_a_loop
async def test_a_request_may_name_its_strategy(usual: str, synchronous: bool) -> None:
    router = slow_and_quick(routed(*ROWS, routing_strategy=usual, routing_strategy_args={"ttl": 1}))
    for _ in range(10):
        assert await picked(router, synchronous=synchronous, routing_strategy=LATENCY) == "e"
    assert router.routing_strategy == usual
    assert router.lowestlatency_logger is not None or LATENCY in str(list(router._override_selectors))


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_what_a_request_named_stays_in_it_in_this_release(synchronous: bool) -> None:
    router = routed(*ROWS)
    request = {"routing_strategy": LATENCY, "temperature": 0.7}
    call = {"model": "m", "messages": HELLO, "request_kwargs": request}
    if synchronous:
        router.get_available_deployment(**call)
    else:
        await router.async_get_available_deployment(**call)
    assert request == {"routing_strategy": LATENCY, "temperature": 0.7}


@in_a_loop
async def test_each_strategy_reads_its_own_numbers() -> None:
    router = routed(*(row(name, tpm=100) for name in "def"), routing_strategy="usage-based-routing-v2")
    now = get_utc_datetime()
    for offset in (-1, 0, 1):
        minute = (now + timedelta(minutes=offset)).strftime("%H-%M")
        for name, used in (("d", 50), ("e", 20), ("f", 90)):
            router.cache.set_cache(f"{name}:openai/gpt-4o:tpm:{minute}", used)
    for synchronous in (True, False):
        assert await picked(router, synchronous=synchronous) == "e"
    prices = [{"input_cost_per_token": price, "output_cost_per_token": price} for price in (2e-3, 1e-3)]
    router = routed(*(row(name, **price) for name, price in zip("de", prices, strict=True)))
    assert await picked(router, routing_strategy="cost-based-routing") == "e"


def test_what_names_no_strategy_is_ignored() -> None:
    router = routed(*ROWS, routing_strategy="least-busy")
    override: Any = router._get_request_routing_strategy_override
    assert override({"routing_strategy": "simple-shuffle"}) == "simple-shuffle"
    assert override({"routing_strategy": RoutingStrategy.LEAST_BUSY}) == "least-busy"
    for nothing in ({"routing_strategy": "lar1"}, {"routing_strategy": {"bad": 1}}, {}, None):
        assert override(nothing) is None
    for request in ({"routing_strategy": "nobody's"}, {"messages": []}, None):
        strategy, selector = router._get_routing_context("n", request)
        assert (strategy, selector) == ("least-busy", router.leastbusy_logger)
    assert router._get_override_strategy_selector("least-busy") is router.leastbusy_logger
    assert router._override_selectors == {}
    assert router._get_routing_context("n", {"routing_strategy": "simple-shuffle"}) == ("simple-shuffle", None)
    made = router._get_override_strategy_selector(LATENCY)
    assert router._get_override_strategy_selector(LATENCY) is made
    router.update_settings(routing_strategy=LATENCY)
    assert router._override_selectors == {}
    assert not any(one is made for one in litellm.callbacks)
    assert router._get_override_strategy_selector(LATENCY) is router.lowestlatency_logger


@in_a_loop
async def test_a_group_of_models_has_its_strategy() -> None:
    router = slow_and_quick(routed(*ROWS, routing_groups=[group()]))
    selector = router._group_selectors["fast"][LATENCY]
    assert router._get_routing_context("m") == (LATENCY, selector)
    assert router._get_routing_context("n") == ("simple-shuffle", None)
    assert strategy_of(router, routing_strategy="least-busy") == "least-busy", "but a request's own goes first"
    with (
        patch.object(
            selector, "async_get_available_deployments", wraps=selector.async_get_available_deployments
        ) as latency,
        patch("litellm.router.simple_shuffle", wraps=litellm.router.simple_shuffle) as shuffle,
    ):
        assert await picked(router) == "e"
        assert (latency.called, shuffle.called) == (True, False)
        latency.reset_mock()
        assert await picked(router, "n") == "f"
        assert (latency.called, shuffle.called) == (False, True)


@pytest.mark.parametrize("strategy", [LATENCY, RoutingStrategy.LATENCY_BASED])
@in_a_loop
async def test_a_strategy_may_be_named_in_two_ways(strategy: Any) -> None:
    router = slow_and_quick(routed(*ROWS, routing_strategy=strategy))
    assert router._get_routing_context("n") == (LATENCY, router.lowestlatency_logger)
    assert await picked(router) == "e"
    assert [Router._normalize_strategy(one) for one in (strategy, None)] == [LATENCY, None]
    for right in ("simple-shuffle", strategy, None):
        router._validate_routing_strategy(right)
    for wrong in ("simple", "nobody's"):
        with pytest.raises(ValueError, match="Invalid routing_strategy") as refused:
            router.routing_strategy_init(routing_strategy=wrong, routing_strategy_args={})
        assert all(words in str(refused.value) for words in ("simple-shuffle", "config.yaml", "Router SDK"))
    for one in ("simple-shuffle", *(known.value for known in RoutingStrategy)):
        router.routing_strategy_init(routing_strategy=one, routing_strategy_args={})


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([group("a"), group("b")], "appears in"),
        ([group("default")], "reserved"),
        ([group(strategy="nobody's")], "Invalid routing_strategy"),
        ([group("a"), group("a", "n")], "duplicate"),
    ],
)
def test_what_groups_may_not_be(groups: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        routed(*ROWS, routing_groups=groups)


def test_groups_are_made_and_unmade(caplog: pytest.LogCaptureFixture) -> None:
    two = routed(*ROWS, routing_groups=[group("a", routing_strategy_args={"ttl": 60}), group("b", "n")])
    assert two._group_selectors["a"][LATENCY] is not two._group_selectors["b"][LATENCY]
    with caplog.at_level(logging.WARNING, logger="LiteLLM Router"):
        router = routed(*ROWS, routing_groups=[RoutingGroup(**group("g", "nobody's"))])
    assert "nobody's" in caplog.text
    assert router._model_to_group == {"nobody's": "g"}
    router.update_settings(routing_groups=[group(strategy="least-busy")])
    made = router._group_selectors["fast"]["least-busy"]
    assert made in litellm.callbacks
    assert made in litellm.input_callback
    assert [one["group_name"] for one in router.get_settings()["routing_groups"]] == ["fast"]
    router.update_settings(routing_groups=[])
    assert not any(one is made for one in (*litellm.callbacks, *litellm.input_callback))
    assert (router._group_selectors, router._model_to_group) == ({}, {})
    for _ in range(3):
        for strategy in ("usage-based-routing", LATENCY):
            router.update_settings(routing_strategy=strategy)
    owned = [type(one).__name__ for one in litellm.callbacks]
    assert owned.count("LowestLatencyLoggingHandler") <= 3


@in_a_loop
async def test_without_a_selector_nobody_is_selected() -> None:
    router = routed(*ROWS, routing_groups=[group("v1", strategy="usage-based-routing")])
    call = {
        "model": "m",
        "healthy_deployments": [row("d")],
        "messages": HELLO,
        "input": None,
        "request_kwargs": {},
    }
    none = {"strategy": "simple-shuffle", "selector": None, **call}
    assert await router._select_deployment_async(**none) is None
    assert router._select_deployment_sync(**none) is None
    first = router._group_selectors["v1"]["usage-based-routing"]
    found = await router._select_deployment_async(strategy="usage-based-routing", selector=first, **call)
    assert names([found]) == ["d"]


@in_a_loop
async def test_a_group_may_be_called_by_its_name() -> None:
    rows = [*ROWS[:2], row("f", group="n", info={"access_groups": ["gated"], "cooldown_time": 120})]
    router = routed(*rows, routing_groups=[group("quality", "m", "n", strategy="simple-shuffle")])
    model, found = router._common_checks_available_deployment(model="quality")
    assert (model, names(found)) == ("quality", ["d", "e", "f"])
    assert {await picked(router, "quality") for _ in range(40)} == {"d", "e", "f"}
    assert names(router._common_checks_available_deployment(model="n")[1]) == ["f"]
    listed = router.get_model_list(model_name="quality")
    assert {one["model_name"] for one in listed} == {"quality"}
    assert all("access_groups" not in one["model_info"] for one in listed)
    assert "access_groups" in router.model_list[2]["model_info"]
    assert router.is_recognized_model("quality") is router.is_recognized_model("d") is True
    assert router.is_recognized_model("ghost") is False
    router.add_deployment(Deployment(**row("own", group="quality")))
    assert names(router._common_checks_available_deployment(model="quality")[1]) == ["own"]
    router.delete_deployment(id="own")
    assert names(router._common_checks_available_deployment(model="quality")[1]) == ["d", "e", "f"]
    for name in "def":
        router.cooldown_cache.add_deployment_to_cooldown(
            model_id=name, original_exception=Exception("429"), exception_status=429, cooldown_time=120
        )
    with pytest.raises(RouterRateLimitError) as refused:
        await picked(router, "quality")
    assert set(refused.value.cooldown_list) == {"d", "e", "f"}


@in_a_loop
async def test_the_default_of_a_pass_through_call_is_by_chance() -> None:
    rows = [row(name, use_in_pass_through=True, rpm=50) for name in "de"]
    router = routed(*rows, row("no", rpm=5_000))
    found = {
        (
            await router.async_get_available_deployment_for_pass_through(
                model="m", request_kwargs={}, messages=HELLO
            )
        )["model_info"]["id"]
        for _ in range(30)
    }
    assert found == {"d", "e"}


@pytest.mark.parametrize("asynchronous", [True, False])
@in_a_loop
async def test_a_cooldown_of_one_is_no_cooldown_of_others(asynchronous: bool) -> None:
    router = routed(*ROWS)
    router.cooldown_cache.add_deployment_to_cooldown(
        model_id="d", original_exception=Exception("429"), exception_status=429, cooldown_time=60.0
    )
    store = router.cooldown_cache.cooldown_store
    name = "async_batch_get_cache" if asynchronous else "batch_get_cache"
    with patch.object(store, name, wraps=getattr(store, name)) as reads:
        assert {await picked(router, synchronous=not asynchronous) for _ in range(10)} == {"e"}
    read = {key for call in reads.call_args_list for key in call.kwargs["keys"]}
    assert read == {f"deployment:{one}:cooldown" for one in "def"}, "this release reads those of all groups"
