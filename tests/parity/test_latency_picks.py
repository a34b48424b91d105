"""The latency strategy, natively and by LiteLLM: the same deployment, draws, map and metadata."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.router_strategy import lowest_latency
from litellm.router_strategy.lowest_latency import LowestLatencyLoggingHandler as Handler

import accel
from support import routing_cases as cases
from support.calls import calls_of
from support.live import kept_flags
from support.routing_told import assert_alike
from support.scale import scaled

SEAM = "LowestLatencyLoggingHandler._get_available_deployments"
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"lowest_latency_buffer": 0.5},
    {"lowest_latency_buffer": 10},
    {"ttft_percentile": 0.5},
    {"ttft_percentile": 0.95, "lowest_latency_buffer": 0.1},
    {"lowest_latency_buffer": -0.5},
)


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield


def original() -> Any:
    return Handler._get_available_deployments.__wrapped__  # type: ignore[attr-defined]


def compared(seed: int, size: int, odd: float) -> Any:
    """One random case; answers what was chosen."""
    chance = Random(seed)
    handler = Handler(router_cache=DualCache(), routing_args=dict(chance.choice(OPTIONS)))
    group = cases.deployments(chance, size, odd)
    messages, text, inner = cases.conversation(chance), chance.choice(cases.TEXTS), chance.randrange(2**32)

    def state() -> Any:
        again = Random(inner)
        return [cases.latencies(again, group, odd), cases.arguments(again, odd)]

    def plain(left: Any) -> Any:
        return original()(handler, "group", group, messages, text, left[1], left[0])

    def ours(left: Any) -> Any:
        return handler._get_available_deployments("group", group, messages, text, left[1], left[0])

    return assert_alike(plain, ours, group, state, seed)


@pytest.mark.parametrize("part", range(6))
def test_small_groups(part: int) -> None:
    volume = scaled(2_000)
    with calls_of("routing", SEAM) as calls:
        chosen = [compared(part * 1_000_000 + seed, 1 + seed % 6, 0.0)[0] for seed in range(volume)]
    assert calls.native > 0.6 * volume
    assert calls.failed == 0
    assert chosen.count("chose") > 0.9 * volume


@pytest.mark.parametrize("part", range(4))
def test_odd_figures(part: int) -> None:
    volume = scaled(1_000)
    with calls_of("routing", SEAM) as calls:
        for seed in range(volume):
            compared(part * 1_000_000 + seed, 1 + seed % 5, 0.04)
    assert calls.native > 0.1 * volume
    assert calls.failed == 0


@pytest.mark.parametrize(("size", "volume"), [(10, 400), (100, 40), (1_000, 2)])
def test_large_groups(size: int, volume: int) -> None:
    with calls_of("routing", SEAM) as calls:
        for seed in range(scaled(volume)):
            compared(seed, size, 0.0)
    assert calls.native > 0
    assert calls.failed == 0


def group_of(size: int, **params: Any) -> list[Any]:
    return [
        {"litellm_params": {"model": "m", **params}, "model_info": {"id": str(place)}} for place in range(size)
    ]


def pick(handler: Handler, group: list[Any], usage: Any, kwargs: Any = None, **more: Any) -> Any:
    return handler._get_available_deployments(
        "group", group, request_kwargs=kwargs, request_count_dict=usage, **more
    )


class TestWhatWins:
    """LiteLLM's own code answers where somebody put something in its way."""

    @pytest.fixture
    def handler(self) -> Handler:
        return Handler(router_cache=DualCache())

    @pytest.mark.parametrize("name", ["choice", "sample", "_inst"])
    def test_a_patched_generator(self, handler: Handler, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def first(values: Any, *_: Any) -> Any:
            asked.append(values)
            return values if name == "sample" else values[0]

        monkeypatch.setattr(lowest_latency.random, name, first)
        group = group_of(3)
        with calls_of("routing", SEAM) as calls:
            assert pick(handler, group, {}) in group
        assert calls.native == 0
        assert len(asked) == (name != "_inst")

    @pytest.mark.parametrize("name", ["random", "token_counter", "datetime", "_average_latency"])
    def test_a_replaced_name(self, handler: Handler, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        own = getattr(lowest_latency, name)
        monkeypatch.setattr(
            lowest_latency, name, (lambda *a, **k: own(*a, **k)) if name[0] in "_t" else _Forwarded(own)
        )
        with calls_of("routing", SEAM) as calls:
            pick(handler, group_of(2), {})
        assert calls.native == 0

    def test_a_generator_with_bits_of_its_own(self, handler: Handler) -> None:
        shared = lowest_latency.random._inst  # type: ignore[attr-defined]
        shared.getrandbits = lambda bits: 0
        try:
            with calls_of("routing", SEAM) as calls:
                pick(handler, group_of(3), {})
        finally:
            del shared.getrandbits
        assert calls.native == 0

    def test_a_subclass(self) -> None:
        class Own(Handler):
            def _select_metadata_field(self, request_kwargs: Any = None) -> str:
                return "mine"

        kwargs: dict[str, Any] = {"mine": {}}
        pick(Own(router_cache=DualCache()), group_of(1, api_base="a"), {}, kwargs)
        assert kwargs == {"mine": {"_latency_per_deployment": {"a": 0.0}}}

    def test_an_instance_with_a_field_of_its_own(self, handler: Handler) -> None:
        handler._select_metadata_field = lambda request_kwargs=None: "mine"  # type: ignore[method-assign]
        kwargs: dict[str, Any] = {"mine": {}}
        pick(handler, group_of(1), {}, kwargs)
        assert "_latency_per_deployment" in kwargs["mine"]

    def test_other_arguments(self, handler: Handler) -> None:
        handler.routing_args = SimpleNamespace(lowest_latency_buffer=0, ttft_percentile=None)  # type: ignore[assignment]
        with calls_of("routing", SEAM) as calls:
            pick(handler, group_of(2), {})
        assert calls.native == 0

    def test_debug_lines(self, handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level("DEBUG", "LiteLLM"), calls_of("routing", SEAM) as calls:
            pick(handler, group_of(2), {}, messages=[{"role": "user", "content": "x"}])
        assert calls.native == 0


class _Forwarded:
    """A module or class of somebody's who forwards."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


class TestTokens:
    """Counted only where a limit could use them."""

    def picked(self, group: list[Any], messages: Any) -> int:
        handler = Handler(router_cache=DualCache())
        with calls_of("token_counting") as calls, calls_of("token_memo") as memo:
            pick(handler, group, {}, messages=messages)
        return calls.total + memo.total

    def test_no_limit(self) -> None:
        assert self.picked(group_of(3), [{"role": "user", "content": "never met before, one"}]) == 0

    def test_requests_only(self) -> None:
        assert self.picked(group_of(3, rpm=5), [{"role": "user", "content": "never met before, two"}]) == 0

    def test_a_limit(self) -> None:
        assert self.picked(group_of(3, tpm=5), [{"role": "user", "content": "never met before, three"}]) > 0

    def test_pictures_are_fetched_as_ever(self) -> None:
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,xxxx", "detail": "low"}}
        messages = [{"role": "user", "content": [{"type": "text", "text": "never met before, four"}, picture]}]
        assert self.picked(group_of(3), messages) > 0
