"""The limits of a Router's deployments, LiteLLM's and with accel: random programs of their parts, and a Router."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import litellm
import pytest

from support import sides
from support.clocks import Clock, utc_minutes, wall_clock
from support.deployment_programs import program
from support.programs import Compared, compare
from support.scale import scaled
from support.shown import Shown

LENGTH = 250


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.mark.parametrize("switching", [False, True])
def test_usage_cooldowns_and_slots(loop: asyncio.AbstractEventLoop, switching: bool) -> None:
    compared = Compared()
    for number in range(scaled(30)):
        seed = f"deployments {switching} {number}"
        compare(program(seed, LENGTH, switching=switching), loop, compared)
    calls = compared.calls.get("caching")
    assert (calls is None) == ("caching" not in sides.present())
    assert calls is None or switching or calls.native > compared.steps / 2, str(compared)


_CALLBACKS = (
    *("callbacks", "input_callback", "success_callback", "failure_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
)


@contextmanager
def own_callbacks() -> Iterator[None]:
    """A Router hangs itself into LiteLLM's lists of callbacks; the next one must not find it there."""
    before = {name: list(getattr(litellm, name)) for name in _CALLBACKS}
    try:
        yield
    finally:
        for name, callbacks in before.items():
            getattr(litellm, name)[:] = callbacks


async def routed(checks: list[Any]) -> list[str]:
    """What a Router answers to eighty requests, one after the other, and how it has counted them.

    By requests only: tokens are counted after a call, whenever its callbacks run.
    """
    shown = Shown()
    clock = Clock()
    chance = random.Random(f"router {checks}")
    with wall_clock(clock), utc_minutes(clock):
        router = litellm.Router(
            model_list=[
                {
                    "model_name": "group",
                    "litellm_params": {
                        "model": f"openai/model-{number}",
                        "api_key": "none",
                        "mock_response": f"answer {number}",
                        **limits,
                    },
                    "model_info": {"id": f"deployment {number}"},
                }
                for number, limits in enumerate(
                    ({"rpm": 9}, {"rpm": 4}, {"max_parallel_requests": 2, "rpm": 15}, {"rpm": 1})
                )
            ],
            optional_pre_call_checks=checks,
            num_retries=0,
            cooldown_time=5,
        )

        async def one() -> str:
            try:
                answer = await router.acompletion(model="group", messages=[{"role": "user", "content": "Hello."}])
            except Exception as error:  # noqa: BLE001  # an error is a result to compare
                return f"{type(error).__name__} {getattr(error, 'status_code', None)} {str(error)[:300]}"
            return shown((answer.choices[0].message.content, dict(answer.usage)))

        told: list[str] = []
        for number in range(80):
            random.seed(number)
            told.append(await one())
            clock.move(chance.choice((0, 0.5, 3, 20)))
        held = router.cache.in_memory_cache.cache_dict.items()
        told.append(shown(sorted((key, value) for key, value in held if ":rpm:" in key)))
        router.discard()
        return told


@pytest.mark.parametrize("checks", [[], ["enforce_model_rate_limits"]], ids=["", "enforced"])
def test_a_router(loop: asyncio.AbstractEventLoop, checks: list[Any]) -> None:
    with sides.plain(), own_callbacks():
        theirs = loop.run_until_complete(routed(checks))
    with sides.accelerated(), own_callbacks():
        ours = loop.run_until_complete(routed(checks))
    assert ours == theirs
    assert any("answer" in line for line in theirs)
    assert not checks or any("RateLimitError" in line for line in theirs)
