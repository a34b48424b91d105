"""LiteLLM's rate limiter against itself with accel, in memory: random programs, compared step by step."""

import asyncio
from collections.abc import Iterator

import pytest

from support import sides
from support.limits_programs import program, settings
from support.programs import Compared, compare
from support.scale import scaled

LENGTH = 250


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def assert_native(compared: Compared) -> None:
    """The twin: native code had a part in most requests of the accelerated side."""
    calls = compared.calls.get("rate_limiting")
    if calls is None:
        assert "rate_limiting" not in sides.present()
        return
    assert calls.native > compared.steps / 4, str(compared)


def run(
    loop: asyncio.AbstractEventLoop, name: str, programs: int, keys: int = 4, **options: float | bool
) -> Compared:
    compared = Compared()
    for number in range(scaled(programs)):
        compare(program(f"{name} {number}", LENGTH, keys=keys, **options), loop, compared)  # type: ignore[arg-type]
    return compared


def test_requests_of_few_keys(loop: asyncio.AbstractEventLoop) -> None:
    assert_native(run(loop, "few", 40))


def test_more_keys_than_the_cache_holds(loop: asyncio.AbstractEventLoop) -> None:
    """LiteLLM forgets counters above 200 items, and so does accel."""
    compared = Compared()
    for number in range(scaled(12)):
        seed = f"many {number}"
        compare(program(seed, LENGTH * 2, keys=150, setting=settings(seed, capacity=None)), loop, compared)
    assert_native(compared)


def test_counters_that_others_write(loop: asyncio.AbstractEventLoop) -> None:
    run(loop, "meddled", 30, odd=0.15)


def test_features_switched_between_steps(loop: asyncio.AbstractEventLoop) -> None:
    """LiteLLM's own code and native code take turns on the same counters."""
    run(loop, "switching", 15, switching=True, odd=0.03)


@pytest.mark.parametrize("reserves_tokens", [True, False])
@pytest.mark.parametrize("token_type", [None, "output", "input"])
def test_each_way_of_counting_tokens(
    loop: asyncio.AbstractEventLoop, token_type: str | None, reserves_tokens: bool
) -> None:
    compared = Compared()
    for number in range(scaled(3)):
        seed = f"tokens {token_type} {reserves_tokens} {number}"
        setting = settings(seed, token_type=token_type, reserves_tokens=reserves_tokens)
        compare(program(seed, LENGTH, setting=setting), loop, compared)
