"""LiteLLM's rate limiter on Redis against itself with accel: each by itself, and two instances on one database."""

import asyncio
from collections.abc import Iterator

import pytest

from support import sides
from support.limits_redis_programs import alone, program, shared
from support.programs import Compared, compare
from support.redis_database import reachable
from support.scale import scaled

LENGTH = 150

pytestmark = [
    # One process at a time has the databases.
    pytest.mark.xdist_group("redis databases"),
    pytest.mark.skipif(not reachable(), reason="no Redis on this machine"),
]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.mark.parametrize("away", ["near", "ahead", "behind"])
@pytest.mark.parametrize("batched", [False, True], ids=["alone", "batched"])
def test_one_instance(loop: asyncio.AbstractEventLoop, batched: bool, away: str) -> None:
    compared = Compared()
    for number in range(scaled(2)):
        seed = f"redis {away} {batched} {number}"
        compare(program(seed, LENGTH, alone(batched), away=away), loop, compared)
    calls = compared.calls.get("rate_limiting")
    assert calls is None or calls.native > compared.steps / 4, str(compared)
    assert (calls is None) == ("rate_limiting" not in sides.present())


def test_counters_that_others_write(loop: asyncio.AbstractEventLoop) -> None:
    compared = Compared()
    for number in range(scaled(4)):
        compare(program(f"redis meddled {number}", LENGTH, alone(False), odd=0.15), loop, compared)


def test_what_is_no_counter(loop: asyncio.AbstractEventLoop) -> None:
    """A script fails in its middle, with what it did before."""
    compared = Compared()
    for number in range(scaled(4)):
        compare(program(f"redis corrupt {number}", LENGTH, alone(False), corrupt=True), loop, compared)


def test_features_switched_between_steps(loop: asyncio.AbstractEventLoop) -> None:
    compared = Compared()
    for number in range(scaled(3)):
        compare(program(f"redis switched {number}", LENGTH, alone(False), switching=True), loop, compared)


@pytest.mark.parametrize("away", ["near", "ahead", "behind"])
def test_a_mixed_pair_is_two_plain_ones(loop: asyncio.AbstractEventLoop, away: str) -> None:
    """On one database: every decision of both, and what they leave there, as two instances of LiteLLM have it."""
    compared = Compared()
    for number in range(scaled(3)):
        compare(program(f"redis shared {away} {number}", LENGTH, shared, away=away), loop, compared)
