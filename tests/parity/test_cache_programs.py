"""LiteLLM's in-memory and dual caches against themselves with accel: random programs, compared step by step."""

import asyncio
from collections.abc import Iterator

import pytest

from support import sides
from support.cache_programs import program
from support.cache_world import Kind
from support.programs import Compared, compare
from support.scale import scaled

LENGTH = 400


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def assert_native(compared: Compared) -> None:
    """The twin: native code answered most of the calls of the accelerated side."""
    calls = compared.calls.get("caching")
    if calls is None:
        assert "caching" not in sides.present()
        return
    assert calls.native > compared.steps / 3, str(compared)


def run(
    loop: asyncio.AbstractEventLoop, name: str, programs: int, kind: Kind | None = None, **settings: float | bool
) -> Compared:
    compared = Compared()
    for number in range(scaled(programs)):
        compare(program(f"{name} {number}", LENGTH, kind=kind, **settings), loop, compared)  # type: ignore[arg-type]
    return compared


def test_what_limiters_do(loop: asyncio.AbstractEventLoop) -> None:
    assert_native(run(loop, "usual", 60))


@pytest.mark.parametrize("capacity", [0, 1, 2, 5, 200])
def test_each_capacity(loop: asyncio.AbstractEventLoop, capacity: int) -> None:
    compared = run(loop, f"capacity {capacity}", 6, Kind(capacity=capacity))
    if capacity:
        assert_native(compared)


def test_odd_values_and_times(loop: asyncio.AbstractEventLoop) -> None:
    run(loop, "odd", 40, odd=0.08)


@pytest.mark.xfail(
    sides.present(), reason="known: keys that are no exact str are kept apart, in an order of their own"
)
def test_odd_keys(loop: asyncio.AbstractEventLoop) -> None:
    run(loop, "odd keys", 20, odd=0.01, odd_keys=0.08)


def test_others_write_into_the_dictionaries(loop: asyncio.AbstractEventLoop) -> None:
    run(loop, "direct", 40, direct=0.25, odd=0.01)


def test_a_feature_switched_between_steps(loop: asyncio.AbstractEventLoop) -> None:
    """LiteLLM's own code and native code take turns on the same cache."""
    run(loop, "switching", 20, switching=True, direct=0.05)


def test_a_subclass(loop: asyncio.AbstractEventLoop) -> None:
    run(loop, "subclass", 6, Kind(capacity=12, subclass=True), odd=0.02, direct=0.1)


@pytest.mark.xfail(sides.present(), reason="known: a call reads the clock once, LiteLLM's up to three times")
@pytest.mark.parametrize("own_clock", [True, False])
def test_a_clock_that_moves_at_every_reading(loop: asyncio.AbstractEventLoop, own_clock: bool) -> None:
    run(loop, "ticking", 6, Kind(capacity=12, own_clock=own_clock, tick_s=0.37))


@pytest.mark.parametrize("ttl", [None, 1, 60])
def test_a_dual_cache(loop: asyncio.AbstractEventLoop, ttl: float | None) -> None:
    assert_native(run(loop, f"dual {ttl}", 12, Kind(capacity=40, dual=True, dual_ttl=ttl), odd=0.01))
