"""The cost strategy, natively and by LiteLLM: the same deployment, and the same map in the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import litellm
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.router_strategy import lowest_cost
from litellm.router_strategy.lowest_cost import LowestCostLoggingHandler as Handler
from litellm.router_utils import deployment_pricing

import accel
from support import routing_cases as cases
from support.calls import calls_of
from support.live import kept_flags
from support.routing_told import assert_alike
from support.scale import scaled

SEAM = "LowestCostLoggingHandler.async_get_available_deployments"
KEY = "cost_map:group"
ROWS: tuple[Any, ...] = (
    {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
    {"input_cost_per_token": 1e-6},
    {"input_cost_per_token": None, "output_cost_per_token": "0.1"},
    {"input_cost_per_token": True, "output_cost_per_token": 0},
    {"input_cost_per_token": 2**60},
    {"input_cost_per_token": 1, 5: "no text"},
    {b"input_cost_per_token": 1},
    {},
    None,
    [],
    cases.Mapped(input_cost_per_token=7),
)


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield


@pytest.fixture
def once() -> Iterator[Callable[[Any], Any]]:
    """Runs a coroutine, all on one loop."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


def handler_of(usage: Any) -> Handler:
    handler = Handler(router_cache=DualCache())
    if usage is not None:
        handler.router_cache.in_memory_cache.set_cache(KEY, usage)
    return handler


def compared(once: Callable[[Any], Any], seed: int, size: int, odd: float) -> Any:
    chance = Random(seed)
    group = cases.deployments(chance, size, odd)
    messages, text, inner = cases.conversation(chance), chance.choice(cases.TEXTS), chance.randrange(2**32)

    def state() -> Any:
        again = Random(inner)
        return again.choice([None, {}, cases.latencies(again, group, odd)])

    def made(method: Callable[..., Any]) -> Callable[[Any], Any]:
        return lambda left: once(method(handler_of(left), "group", group, messages, text, {}))

    ours = Handler.async_get_available_deployments
    return assert_alike(made(ours.__wrapped__), made(ours), group, state, seed)  # type: ignore[attr-defined]


@pytest.mark.parametrize("part", range(4))
def test_small_groups(part: int, once: Callable[[Any], Any]) -> None:
    volume = scaled(1_750)
    with calls_of("routing", SEAM) as calls:
        chosen = [compared(once, part * 1_000_000 + seed, 1 + seed % 5, 0.0)[0] for seed in range(volume)]
    assert calls.native > 0.6 * volume
    assert calls.failed == 0
    assert chosen.count("chose") > 0.9 * volume


@pytest.mark.parametrize("part", range(2))
def test_odd_figures(part: int, once: Callable[[Any], Any]) -> None:
    volume = scaled(1_000)
    with calls_of("routing", SEAM) as calls:
        for seed in range(volume):
            compared(once, part * 1_000_000 + seed, 1 + seed % 4, 0.04)
    assert calls.native > 0.1 * volume
    assert calls.failed == 0


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_rows_of_the_price_list(row: Any, once: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(litellm.model_cost, "gpt-4o", row)
    for seed in range(scaled(60)):
        compared(once, seed, 1 + seed % 4, 0.0)


@pytest.mark.parametrize(("size", "volume"), [(10, 200), (100, 20), (1_000, 2)])
def test_large_groups(size: int, volume: int, once: Callable[[Any], Any]) -> None:
    with calls_of("routing", SEAM) as calls:
        for seed in range(scaled(volume)):
            compared(once, seed, size, 0.0)
    assert calls.native > 0
    assert calls.failed == 0


class TestWhatWins:
    def group(self) -> list[Any]:
        return [
            {"litellm_params": {"model": model}, "model_info": {"id": model}}
            for model in ("gpt-4o", "gpt-4o-mini")
        ]

    def asked(self, once: Callable[[Any], Any], handler: Any) -> tuple[Any, int]:
        with calls_of("routing", SEAM) as calls:
            chosen = once(handler.async_get_available_deployments("group", self.group()))
        assert calls.failed == 0
        return chosen, calls.native

    def test_nobody(self, once: Callable[[Any], Any]) -> None:
        chosen, native = self.asked(once, handler_of(None))
        assert chosen["model_info"]["id"] == "gpt-4o-mini"
        assert native == 1

    @pytest.mark.parametrize("name", ["_as_rate", "_deployment_cost_map_rates", "str_keyed", "token_counter"])
    def test_a_replaced_helper(
        self, name: str, once: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = getattr(lowest_cost, name)
        monkeypatch.setattr(lowest_cost, name, lambda *a, **k: own(*a, **k))
        assert self.asked(once, handler_of(None))[1] == 0

    def test_a_replaced_helper_further_in(
        self, once: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deployment_pricing, "pricing_models", lambda *_: ())
        chosen, native = self.asked(once, handler_of(None))
        assert chosen["model_info"]["id"] == "gpt-4o"
        assert native == 0

    def test_a_cache_of_somebodys(self, once: Callable[[Any], Any]) -> None:
        class Cache(DualCache):
            pass

        handler = Handler(router_cache=Cache())
        assert self.asked(once, handler)[1] == 0

    def test_a_subclass(self, once: Callable[[Any], Any]) -> None:
        class Own(Handler):
            pass

        assert self.asked(once, Own(router_cache=DualCache()))[1] == 0

    def test_debug_lines(self, once: Callable[[Any], Any], caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level("DEBUG", "LiteLLM Router"):
            assert self.asked(once, handler_of(None))[1] == 0
        assert "item_cost" in caplog.text
