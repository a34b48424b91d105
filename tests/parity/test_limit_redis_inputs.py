"""LiteLLM's rate limiter on Redis with numbers and limits that no counter holds: each hook, compared."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from support.limits import Setting
from support.limits_redis import COARSE_S
from support.limits_redis_programs import WINDOW_S, alone
from support.programs import Compared, Program, compare
from support.redis_database import reachable

pytestmark = [
    # One process at a time has the databases.
    pytest.mark.xdist_group("redis databases"),
    pytest.mark.skipif(not reachable(), reason="no Redis on this machine"),
]

USAGE = {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}
LIMITS = {"rpm_limit": 5, "tpm_limit": 10_000}
SLOTS = {**LIMITS, "max_parallel_requests": 2}
WIDE = {**LIMITS, "tpm_limit": 2**62}
NATIVE: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "plain": ({"max_tokens": 50}, SLOTS, USAGE),
    "cap below zero": ({"max_tokens": -5}, SLOTS, USAGE),
    "cap half": ({"max_tokens": 20.7}, SLOTS, USAGE),
}
"""What is asked beside the messages, the limits of the key, and what was used."""
ODD: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "cap beyond 64 bits": ({"max_tokens": 10**20}, LIMITS, USAGE),
    "cap beyond 64 bits, a text": ({"max_tokens": "1e30"}, LIMITS, USAGE),
    "cap beyond counters": ({"max_tokens": "1e18"}, LIMITS, USAGE),
    "answers beyond 64 bits": ({"max_tokens": 50, "n": 10**30}, LIMITS, USAGE),
    "cap beyond counters under a wide limit": ({"max_tokens": "1e18"}, WIDE, USAGE),
    "limit beyond 64 bits": ({"max_tokens": 50}, {**LIMITS, "tpm_limit": 10**30}, USAGE),
    "limit of the model a text": (
        {"max_tokens": 50},
        {**LIMITS, "metadata": {"model_tpm_limit": {"gpt-4o": "500"}}},
        USAGE,
    ),
    "limit of the model a word": (
        {"max_tokens": 50},
        {**LIMITS, "metadata": {"model_tpm_limit": {"gpt-4o": "abc"}}},
        USAGE,
    ),
    "usage large": ({"max_tokens": 50}, LIMITS, {**USAGE, "total_tokens": 2**52}),
    "usage beyond counters": ({"max_tokens": 50}, LIMITS, {**USAGE, "total_tokens": 2**60}),
}
"""Without slots: a request that is declined draws another one's name."""


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def program(asked: dict[str, Any], limits: dict[str, Any], usage: dict[str, Any], *, batched: bool) -> Program:
    """Two requests: one answered and settled, one settled with its slot held; then one that failed."""
    setting, base_s = Setting(window_s=WINDOW_S, every=1), float(int(time.time()) + COARSE_S // 2)
    messages = [{"role": "user", "content": "A short question?"}]
    steps: list[tuple[Any, ...]] = [("key", 0, {"fields": {"api_key": "f" * 64, **limits}, "agents": {}})]
    for number in range(3):
        data = {
            "litellm_call_id": f"call {number}",
            "model": "gpt-4o",
            "messages": messages,
            "metadata": {},
            **asked,
        }
        steps.append(("admit", number, 0, data, "acompletion"))
        if number == 0:
            steps.append(("answer", number, "chat", usage))
        if number < 2:
            steps += [("log", number), ("succeed", number, "chat", usage, True, False)]
        else:
            steps.append(("fail", number, None, True))
    return Program("redis inputs", tuple(steps), partial(alone(batched), setting, base_s))


@pytest.mark.parametrize("batched", [False, True], ids=["alone", "batched"])
@pytest.mark.parametrize("name", [*NATIVE, *ODD])
def test_a_request(loop: asyncio.AbstractEventLoop, name: str, batched: bool) -> None:
    compared = Compared()
    compare(program(*{**NATIVE, **ODD}[name], batched=batched), loop, compared)
    calls = compared.calls["rate_limiting"]
    if name in NATIVE:
        assert calls.native >= 7, str(compared)
