"""Redis fails under the limiter: what LiteLLM does then, accel does, and nothing is charged twice or lost."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from shutil import which
from typing import Any

import pytest

from support import sides
from support.limits import Setting
from support.limits_redis import COARSE_S, FaultWorld
from support.mortal_redis import RedisServer
from support.programs import Program, Step, observed

WINDOW_S = 3600
KEY = {
    "fields": {"api_key": "a" * 64, "rpm_limit": 12, "tpm_limit": 700, "max_parallel_requests": 4},
    "agents": {},
}
ROOMY = {
    "fields": {"api_key": "b" * 64, "rpm_limit": 10**6, "tpm_limit": 10**9, "max_parallel_requests": 10**4},
    "agents": {},
}
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
RESERVED = 30
"""Tokens that the estimate of one of these requests comes to, and that are reserved for it."""

pytestmark = [
    pytest.mark.xdist_group("redis servers"),
    pytest.mark.skipif(which("redis-server") is None, reason="no redis-server on this machine"),
]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as started:
        yield started


batched = pytest.mark.parametrize("batched", [False, True], ids=["alone", "batched"])


def admit(number: int, key: int = 0) -> Step:
    data = {
        "litellm_call_id": f"call {number}",
        "model": "gpt-4o",
        "metadata": {},
        "messages": [{"role": "user", "content": "A question of forty characters, no more."}],
        "max_tokens": 20,
    }
    return ("admit", number, key, data, "acompletion")


def ended(number: int) -> tuple[Step, ...]:
    return ("answer", number, "chat", USAGE), ("succeed", number, "chat", USAGE, True, False)


def lives(first: int, last: int, key: int = 0) -> tuple[Step, ...]:
    """Requests one after the other, each to its end."""
    return tuple(step for number in range(first, last) for step in (admit(number, key), *ended(number)))


KEYS: tuple[Step, ...] = (("key", 0, KEY), ("key", 1, ROOMY))
DOWN: tuple[Step, ...] = (("server", "kill"),)
UP: tuple[Step, ...] = (("server", "start"),)


def told(
    steps: tuple[Step, ...],
    server: RedisServer,
    loop: asyncio.AbstractEventLoop,
    *,
    batched: bool,
    timeout_s: float = 5.0,
) -> tuple[list[str], list[str]]:
    """What each step shows, in LiteLLM alone and with accel."""
    base_s = float(int(time.time()) + COARSE_S // 2)
    setting = Setting(window_s=WINDOW_S, every=10**6)
    world = partial(FaultWorld, setting, base_s, server, batched=batched, timeout_s=timeout_s)
    program = Program("faults", steps, world)
    return observed(program, sides.plain(), loop), observed(program, sides.accelerated(), loop)


def assert_equal(steps: tuple[Step, ...], sides_told: tuple[list[str], list[str]]) -> list[str]:
    theirs, ours = sides_told
    for step, their, our in zip((*steps, ("the end",)), theirs, ours, strict=True):
        assert our == their, step
    return theirs


@batched
def test_scripts_flushed(server: RedisServer, loop: asyncio.AbstractEventLoop, batched: bool) -> None:
    """Redis forgets every script between two requests, and in the middle of one."""
    flush: Step = ("redis", "SCRIPT", "FLUSH")
    steps = (
        *KEYS,
        *(part for number in range(6) for part in (flush, admit(number), flush, *ended(number), ("look",))),
        *(part for number in range(6, 14) for part in (admit(number), flush, ("look",))),
    )
    theirs = assert_equal(steps, told(steps, server, loop, batched=batched))
    assert any("raised" in line and "Rate limit exceeded" in line for line in theirs)


@batched
def test_killed_and_started_again(server: RedisServer, loop: asyncio.AbstractEventLoop, batched: bool) -> None:
    """The limiter of the process takes over, the breaker opens, a probe closes it, and Redis decides again."""
    steps = (
        *KEYS,
        *lives(0, 4),
        admit(4),
        ("look",),
        *DOWN,
        *ended(4),
        *lives(5, 20),
        *(admit(number) for number in range(20, 30)),
        ("breaker",),
        *UP,
        *lives(30, 34, key=1),
        ("breaker",),
        ("look",),
        ("later",),
        *lives(34, 44, key=1),
        ("breaker",),
        ("look",),
    )
    theirs = assert_equal(steps, told(steps, server, loop, batched=batched))
    states = [line for line, step in zip(theirs, steps, strict=False) if step == ("breaker",)]
    assert states == ["'open'", "'open'", "'closed'"]


@batched
def test_fail_closed(server: RedisServer, loop: asyncio.AbstractEventLoop, batched: bool) -> None:
    """With `fail_closed_rate_limit_enforcement` a request is refused with 503 while Redis cannot be asked."""
    steps = (
        *KEYS,
        ("set", "fail_closed", True),
        *lives(0, 3),
        admit(3),
        *DOWN,
        *(admit(number) for number in range(4, 14)),
        ("breaker",),
        *ended(3),
        *UP,
        admit(14),
        ("later",),
        *lives(15, 20),
        ("breaker",),
        ("look",),
    )
    theirs = assert_equal(steps, told(steps, server, loop, batched=batched))
    refused = [line for line in theirs if "RateLimitUnverifiableError" in line and "'status_code': 503" in line]
    assert len(refused) == 11


@pytest.mark.parametrize("which_key", ["window", "requests", "tokens", "max_parallel_requests"])
@pytest.mark.parametrize("fail_closed", [False, True])
@batched
def test_a_wrong_type_under_a_key(
    server: RedisServer, loop: asyncio.AbstractEventLoop, batched: bool, fail_closed: bool, which_key: str
) -> None:
    """A script stops in the middle: what it did before stays, and is not done again."""
    key = f"{{api_key:{'b' * 64}}}:{which_key}"
    steps = (
        *KEYS,
        ("set", "fail_closed", fail_closed),
        *lives(0, 2, key=1),
        ("redis", "DEL", key),
        ("redis", "HSET", key, "a", "hash"),
        *(part for number in range(2, 5) for part in (admit(number, 1), ("look",))),
        *(part for number in range(2, 5) for part in (*ended(number), ("look",))),
        ("breaker",),
        ("redis", "DEL", key),
        *lives(5, 8, key=1),
        ("look",),
    )
    assert_equal(steps, told(steps, server, loop, batched=batched))


def charges(world_told: str) -> dict[str, Any]:
    """What Redis holds for the roomy key: requests, tokens and slots."""
    found: dict[str, Any] = {"requests": 0, "tokens": 0, "slots": 0}
    for line in world_told.splitlines():
        name, _, rest = line.partition(" ")
        content = rest.partition(" ")[2].rpartition(" ")[0]
        kind = name.rpartition(":")[2].rstrip("'")
        if "b" * 64 in name and kind in ("requests", "tokens"):
            found[kind] = float(content.strip("b'"))
        elif "b" * 64 in name and kind == "max_parallel_requests":
            found["slots"] = content.count("b'")
    return found


@batched
def test_frozen(server: RedisServer, loop: asyncio.AbstractEventLoop, batched: bool) -> None:
    """Redis takes what is sent and answers too late: it may charge what it was sent, but nothing twice."""
    number = 8
    steps = (
        *KEYS,
        *lives(0, 2, key=1),
        ("look",),
        ("server", "freeze"),
        *(admit(one, 1) for one in range(2, 2 + number)),
        ("breaker",),
        ("server", "thaw"),
        ("look",),
        *(step for one in range(2, 2 + number) for step in ended(one)),
        ("later",),
        *lives(20, 24, key=1),
        ("breaker",),
    )
    sides_told = told(steps, server, loop, batched=batched, timeout_s=0.25)
    for lines in sides_told:
        by_step = list(zip(steps, lines, strict=False))
        assert [line for step, line in by_step if step == ("breaker",)] == ["'open'", "'closed'"]
        before, after = (charges(line) for step, line in by_step if step == ("look",))
        assert before == {"requests": 2, "tokens": 2 * USAGE["total_tokens"], "slots": 0}
        assert after["requests"] - before["requests"] <= number
        assert after["slots"] <= number
        assert after["tokens"] - before["tokens"] <= number * RESERVED
    # What is left of a limit afterwards depends on what came too late; until then the limiter decides by itself.
    decisions = [
        [line for step, line in zip(steps, lines, strict=False) if step[0] == "admit"] for lines in sides_told
    ]
    assert decisions[0][: 2 + number] == decisions[1][: 2 + number]
    assert all(line.startswith("None ") for line in decisions[1])


@batched
def test_killed_and_started_under_load(
    server: RedisServer, loop: asyncio.AbstractEventLoop, batched: bool
) -> None:
    """Twenty requests at a time, Redis gone and back between any two: each gets its decision and its end."""
    at_once, rounds = 20, 9

    async def run() -> dict[str, Any]:
        base_s = float(int(time.time()) + COARSE_S // 2)
        setting = Setting(window_s=WINDOW_S, every=10**6)
        world = FaultWorld(setting, base_s, server, batched=batched, timeout_s=5.0)
        try:
            for step in KEYS:
                await world.step(step)
            outcomes: list[str] = []

            async def life(number: int) -> None:
                outcomes.append(await world.step(admit(number, 1)))
                if number == at_once * 2 + 7:
                    server.kill()
                if number == at_once * 5 + 7:
                    server.start()
                    world._later()
                for step in ended(number):
                    await world.step(step)

            for first in range(0, at_once * rounds, at_once):
                # Tasks share the world; each has the context of its own request.
                await asyncio.gather(*(asyncio.create_task(life(first + one)) for one in range(at_once)))
            world._later()
            await life(at_once * rounds)
            return {
                "outcomes": outcomes,
                "breaker": world._breaker(),
                "charged": charges(await world.step(("look",))),
            }
        finally:
            await world.close()

    for side in (sides.plain(), sides.accelerated()):
        with side:
            ran = loop.run_until_complete(run())
        assert len(ran["outcomes"]) == at_once * rounds + 1
        assert all(line.startswith("None ") for line in ran["outcomes"]), ran["outcomes"]
        assert ran["breaker"] == "closed"
        # The second server has seen what came after it started, and at most once.
        assert 0 < ran["charged"]["requests"] <= at_once * (rounds - 5) + 1
        assert ran["charged"]["slots"] == 0
