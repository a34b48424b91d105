"""Both usage strategies and the shuffle, natively and by LiteLLM: the same deployment, draws and counters."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.router_strategy import lowest_tpm_rpm, lowest_tpm_rpm_v2, simple_shuffle
from litellm.router_strategy.lowest_tpm_rpm import LowestTPMLoggingHandler as First
from litellm.router_strategy.lowest_tpm_rpm_v2 import LowestTPMLoggingHandler_v2 as Second

import accel
from support import routing_cases as cases
from support.calls import calls_of
from support.live import kept_flags
from support.routing_told import assert_alike
from support.scale import scaled

FIRST = "LowestTPMLoggingHandler.get_available_deployments"
SECOND = "LowestTPMLoggingHandler_v2._common_checks_available_deployment"
KEYS = "LowestTPMLoggingHandler_v2.usage_counter_keys"
SHUFFLE = "simple_shuffle"


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield


@pytest.fixture(scope="module")
def second() -> Second:
    """Without the task that it would start on a loop."""
    handler = Second.__new__(Second)
    handler.router_cache = DualCache()
    return handler


def first(chance: Random, size: int, odd: float, seed: int) -> Any:
    group = cases.deployments(chance, size, odd)
    messages, text, inner = cases.conversation(chance), chance.choice(cases.TEXTS), chance.randrange(2**32)

    def state() -> Any:
        again = Random(inner)
        return [cases.counts(again, group, odd), cases.counts(again, group, odd)]

    def made(method: Callable[..., Any]) -> Callable[[Any], Any]:
        def pick(left: Any) -> Any:
            handler = First(router_cache=DualCache())
            minute = datetime.now().strftime("%H-%M")
            for unit, counted in zip(("tpm", "rpm"), left, strict=True):
                if counted is not None:
                    handler.router_cache.in_memory_cache.set_cache(f"group:{unit}:{minute}", counted)
            return method(handler, "group", group, messages, text)

        return pick

    ours = First.get_available_deployments
    return assert_alike(made(ours.__wrapped__), made(ours), group, state, seed)  # type: ignore[attr-defined]


def compared_second(handler: Second, chance: Random, size: int, odd: float, seed: int) -> Any:
    group = cases.deployments(chance, size, odd)
    messages, text, inner = cases.conversation(chance), chance.choice(cases.TEXTS), chance.randrange(2**32)
    kind = chance.choice([list, list, tuple])

    def state() -> Any:
        again = Random(inner)
        keys = [[f"{cases.ident(one)}:m:{unit}:00-00" for one in group] for unit in ("tpm", "rpm")]
        values = [kind(cases.number(again, (None, 0, 0, 7, 7, 2.5), odd) for _ in group) for _ in keys]
        if again.random() < odd:
            values[0] = again.choice([None, values[0][:-1], dict.fromkeys(range(size))])
        if again.random() < odd:
            keys[1] = again.choice([[], keys[1][:-1], keys[0][::-1], [5] * size])
        return [keys[0], values[0], keys[1], values[1]]

    def made(method: Callable[..., Any]) -> Callable[[Any], Any]:
        return lambda left: method(handler, "group", group, *left, messages, text)

    ours = Second._common_checks_available_deployment
    return assert_alike(made(ours.__wrapped__), made(ours), group, state, seed)  # type: ignore[attr-defined]


def compared_keys(handler: Second, chance: Random, size: int, odd: float, seed: int) -> Any:
    group = cases.deployments(chance, size, odd)
    found: list[Any] = []

    def made(method: Callable[..., Any]) -> Callable[[Any], Any]:
        def run(_: Any) -> None:
            keys = method(handler, group)
            found.append((type(keys), keys))

        return run

    ours = Second.usage_counter_keys
    answer = assert_alike(made(ours.__wrapped__), made(ours), group, list, seed)  # type: ignore[attr-defined]
    assert found[::2] == found[1::2]
    return answer


def shuffled(chance: Random, size: int, odd: float, seed: int) -> Any:
    group = cases.deployments(chance, size, odd)
    for metric in ("weight", "rpm", "tpm"):
        if chance.random() < 0.5:
            for one in group:
                if chance.random() < 0.6 and isinstance(one.get("litellm_params"), dict):
                    one["litellm_params"][metric] = cases.number(chance, (0, 1, 2.5, None, 100), odd)
    kwargs = chance.choice(
        [None, {}, {"_router_weights": None}, {"_router_weights": {"group": {"id-0": 1.0, "id-1": 3.0}}}]
    )
    told: list[Any] = []

    def made(function: Callable[..., Any]) -> Callable[[Any], Any]:
        def alias(model: str) -> str | None:
            told.append(model)
            return None

        return lambda left: function(alias, group, "group", left)

    ours = simple_shuffle.simple_shuffle
    answer = assert_alike(made(ours.__wrapped__), made(ours), group, lambda: kwargs, seed)  # type: ignore[attr-defined]
    assert len(told) % 2 == 0
    return answer


def volume_of(compare: Callable[[Random, int, float, int], Any], seam: str, volume: int, part: int) -> None:
    """Plain cases, most of which must be native; then odd ones, of which none may fail."""
    with calls_of("routing", seam) as calls:
        for seed in range(volume):
            compare(Random(seed + part * 10**6), 1 + seed % 5, 0.0, seed)
    assert calls.native > 0.5 * volume, calls
    assert calls.failed == 0
    with calls_of("routing", seam) as calls:
        for seed in range(volume // 2):
            compare(Random(seed + part * 10**6 + 10**5), 1 + seed % 5, 0.04, seed)
    assert calls.native > 0.05 * volume, calls
    assert calls.failed == 0


@pytest.mark.parametrize("part", range(4))
def test_first(part: int) -> None:
    volume_of(first, FIRST, scaled(1_250), part)


@pytest.mark.parametrize("part", range(4))
def test_second(second: Second, part: int) -> None:
    volume_of(lambda *case: compared_second(second, *case), SECOND, scaled(1_250), part)


def test_keys(second: Second) -> None:
    volume_of(lambda *case: compared_keys(second, *case), KEYS, scaled(2_000), 0)


@pytest.mark.parametrize("part", range(3))
def test_shuffle(part: int) -> None:
    volume_of(shuffled, SHUFFLE, scaled(2_000), part)


@pytest.mark.parametrize(("size", "volume"), [(10, 200), (100, 20), (1_000, 2)])
def test_large_groups(second: Second, size: int, volume: int) -> None:
    for seed in range(scaled(volume)):
        first(Random(seed), size, 0.0, seed)
        compared_second(second, Random(seed), size, 0.0, seed)
        compared_keys(second, Random(seed), size, 0.0, seed)
        shuffled(Random(seed), size, 0.0, seed)


GROUP: list[Any] = [{"litellm_params": {"model": "m"}, "model_info": {"id": str(place)}} for place in range(3)]


def picked_second(handler: Second) -> Any:
    keys = [f"{place}:m:00-00" for place in range(3)]
    return handler._common_checks_available_deployment("group", GROUP, keys, [0, 0, 0], keys, [None] * 3)


class TestWhatWins:
    """LiteLLM's own code answers where somebody put something in its way."""

    def test_a_patched_choice(self, second: Second, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(random, "choice", lambda values: values[-1])
        for seed in range(5):
            random.seed(seed)
            assert picked_second(second) is GROUP[-1]
            assert simple_shuffle.simple_shuffle(lambda _: None, GROUP, "group", None) is GROUP[-1]

    def test_a_patched_weighted_choice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def choices(values: Any, weights: Any) -> Any:
            asked.append((values, weights))
            return values[-1:]

        monkeypatch.setattr(simple_shuffle.random, "choices", choices)
        group: list[Any] = [{"litellm_params": {"weight": weight}} for weight in (1, 4)]
        assert simple_shuffle.simple_shuffle(lambda _: None, group, "group", {}) is group[-1]
        assert asked == [(group, (0.25, 1.0))]
        assert asked[0][0] is group

    @pytest.mark.parametrize("module", [lowest_tpm_rpm, lowest_tpm_rpm_v2])
    def test_a_replaced_counter(self, second: Second, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []
        monkeypatch.setattr(module, "token_counter", lambda **about: asked.append(about) or 0)
        if module is lowest_tpm_rpm:
            First(router_cache=DualCache()).get_available_deployments("group", GROUP)
        else:
            picked_second(second)
        assert len(asked) == 1

    def test_a_step_of_a_subclass(self, second: Second) -> None:
        class Own(Second):
            def _return_potential_deployments(self, **about: Any) -> Any:
                return [GROUP[1]]

        own = Own.__new__(Own)
        assert picked_second(own) is GROUP[1]

    def test_a_step_of_an_instance(self) -> None:
        own = Second.__new__(Second)
        own._return_potential_deployments = lambda **about: [GROUP[2]]  # type: ignore[method-assign]
        assert picked_second(own) is GROUP[2]

    def test_a_clock_of_somebodys(self, monkeypatch: pytest.MonkeyPatch, second: Second) -> None:
        class Clock(datetime):
            pass

        monkeypatch.setattr(lowest_tpm_rpm, "datetime", Clock)
        with calls_of("routing", FIRST) as calls:
            First(router_cache=DualCache()).get_available_deployments("group", GROUP)
        assert calls.native == 0
        monkeypatch.setattr(lowest_tpm_rpm_v2, "get_utc_datetime", lambda: datetime(2026, 1, 1, 7, 5))
        assert second.usage_counter_keys(GROUP[:1]) == (["0:m:tpm:07-05"], ["0:m:rpm:07-05"])

    def test_what_litellm_prints(
        self, second: Second, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        said: list[str] = []
        for module in (lowest_tpm_rpm, lowest_tpm_rpm_v2):
            monkeypatch.setattr(module, "print_verbose", said.append)
        with calls_of("routing") as calls:
            picked_second(second)
            First(router_cache=DualCache()).get_available_deployments("group", GROUP)
        assert calls.native == 2
        assert said == ["returning picked lowest tpm/rpm deployment."] * 2
