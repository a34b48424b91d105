"""How exactly limits hold: admitted requests against what the limit allows; `make limit-accuracy`.

Counts, no times: the clock moves when told to, and 1,000 tasks at once are fewer than a minute's. LiteLLM's own
limiter, accel's, which must admit the same, and each opt-in feature of accel where it answers otherwise. Needs a
Redis on its standard port, as `limits.py` does. Results go to `benches/results/limit_accuracy.json`; the table in
ARCHITECTURE.md is made from that file.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import accel  # isort: skip

import orjson
from limiter import PLENTY, REDIS, Clock, Request, admit, clean_redis, finish, key, limiter
from limits import FEATURES
from sides import ACCEL, PLAIN, all_native, side
from tokens import told

RESULTS = Path(__file__).parent / "results" / "limit_accuracy.json"
MINUTE_S = 60
MEMORY, SHARED, TWO = "memory", "Redis", "two instances, Redis"
Case = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Question:
    """One line of the table: what is counted, the right answer, and what the study of LiteLLM found.

    `features` are those of accel's opt-in features that change the answer.
    """

    case: str
    place: str
    count: Case
    right: float
    study: float | None
    features: Sequence[str] = ()


async def admitted(handlers: Sequence[Any], owner: Any, requests: int) -> int:
    """How many of so many concurrent requests get in, dealt to the instances in turn."""
    deals = [
        asyncio.create_task(admit(handlers[number % len(handlers)], Request(owner, number)))
        for number in range(requests)
    ]
    return sum(refusal is None for refusal in await asyncio.gather(*deals))


def burst(place: str, **limits: Any) -> Case:
    """1,000 concurrent requests of one key."""

    async def count() -> int:
        instances = 2 if place == TWO else 1
        port = None if place == MEMORY else REDIS["port"]
        handlers = [limiter(redis_port=port) for _ in range(instances)]
        return await admitted(handlers, key(1, **limits), 1000)

    return count


def many_keys(keys: int, *, owners: bool = False) -> Case:
    """20 requests of each key in turn within one window, each answered before the next; 10 are allowed.

    With `owners` each key has a user and a team, whose tokens are counted too.
    """

    async def count() -> int:
        clock = Clock(1_800_000_000.0)
        handler = limiter(clock=clock)
        whose = lambda n: {"user_id": f"user {n}", "team_id": f"team {n}"} if owners else {}  # noqa: E731
        all_keys = [key(n, rpm_limit=10, tpm_limit=PLENTY, **whose(n)) for n in range(keys)]
        found = 0
        for turn in range(20):
            for n, owner in enumerate(all_keys):
                request = Request(owner, turn * keys + n)
                # 20,000 requests in 20 s; which counter goes first depends on when it was made.
                clock.now_s += 0.001
                if await admit(handler, request) is None:
                    found += 1
                    await finish(handler, request)
        return found

    return count


async def boundary() -> int:
    """The most that 50 per minute lets through in any 60 s: one opens the window, the rest come at its end."""
    clock = Clock(1_800_000_000.0)
    handler, owner = limiter(clock=clock), key(1, rpm_limit=50)
    start, passed = clock.now_s, []
    # A counter in memory is gone when its minute is over, not at its last moment.
    for after_s, requests in ((0, 1), (MINUTE_S - 1, 60), (MINUTE_S + 0.5, 60), (2 * MINUTE_S - 0.5, 60)):
        clock.now_s = start + after_s
        passed += [after_s] * await admitted([handler], owner, requests)
    return max(sum(first <= at < first + MINUTE_S for at in passed) for first in passed)


async def long_requests() -> int:
    """10 requests with 1,000 reserved tokens each use up a window of 10,000, and finish in the next, with 110."""
    clock = Clock(1_800_000_000.0)
    handler, owner = limiter(clock=clock), key(1, tpm_limit=10_000)
    flying = await _large(handler, owner, 10)
    assert len(flying) == 10, "the first window does not take them"
    clock.now_s += MINUTE_S + 1
    found = len(await _large(handler, owner, 1))
    for request in flying:
        await finish(handler, request)
    return found + len(await _large(handler, owner, 60))


async def _large(handler: Any, owner: Any, requests: int) -> list[Request]:
    """Those that get in, one after the other."""
    chosen = [Request(owner, number, max_tokens=900) for number in range(requests)]
    return [request for request in chosen if await admit(handler, request) is None]


async def late_instance() -> int:
    """After how many seconds of a minute's window an instance that met the key in second 40 admits again."""
    clock = Clock(float(int(time.time())))
    first, second = (limiter(redis_port=REDIS["port"], clock=clock) for _ in range(2))
    owner, start = key(1, rpm_limit=10), clock.now_s
    await admitted([first], owner, 5)
    clock.now_s = start + 40
    await admitted([second], owner, 8)
    for after_s in range(41, 3 * MINUTE_S):
        clock.now_s = start + after_s
        if await admitted([second], owner, 1):
            return after_s
    raise AssertionError("it never admits again")


async def retry_after() -> int:
    """The seconds that a client is told to wait, 10 s before the window ends."""
    clock = Clock(1_800_000_000.0)
    handler, owner = limiter(clock=clock), key(1, rpm_limit=1)
    assert await admit(handler, Request(owner, 0)) is None
    clock.now_s += MINUTE_S - 10
    refusal = await admit(handler, Request(owner, 1))
    assert refusal is not None
    return int(refusal.headers["retry-after"])


async def after_refusals() -> int:
    """Of 10 requests a minute and one at a time: how many get in after another 9, while the first was there, did
    not.
    """
    handler = limiter(clock=Clock(1_800_000_000.0))
    owner = key(1, rpm_limit=10, max_parallel_requests=1)
    first = Request(owner, 0)
    assert await admit(handler, first) is None
    assert await admitted([handler], owner, 9) == 0
    await finish(handler, first)
    found = 0
    for number in range(1, 20):
        request = Request(owner, number)
        if await admit(handler, request) is None:
            found += 1
            await finish(handler, request)
    return found


_ONE_KEY = "1,000 concurrent requests"
_KEYS = "keys of 10 requests each, 20 sent by each"
QUESTIONS = (
    *(
        Question(f"{_ONE_KEY}, {name}", place, burst(place, **limits), right, study[place])
        for name, limits, right, study in (
            ("100 a minute", {"rpm_limit": 100}, 100, {MEMORY: 100, SHARED: 100, TWO: 100}),
            ("100 at a time", {"max_parallel_requests": 100}, 100, {MEMORY: 100, SHARED: 100, TWO: None}),
            # 191 tokens are reserved for each.
            ("20,000 tokens a minute", {"tpm_limit": 20_000}, 104, {MEMORY: 104, SHARED: 104, TWO: None}),
        )
        for place in (MEMORY, SHARED, TWO)
    ),
    *(
        Question(f"{keys:,} {_KEYS}", MEMORY, many_keys(keys), 10 * keys, study, ["limit_capacity"])
        for keys, study in ((40, 400), (60, 1200), (1000, None))
    ),
    Question(
        f"1,000 {_KEYS}, a user and a team for each",
        MEMORY,
        many_keys(1000, owners=True),
        10_000,
        None,
        ["limit_capacity"],
    ),
    Question("most in 60 s, 50 a minute", MEMORY, boundary, 50, 99, ["sliding_window", "token_bucket"]),
    Question(
        "10 requests of 1,000 tokens fit; admitted after 10 of the window before ended with 110 each",
        MEMORY,
        long_requests,
        10,
        18,
        ["guarded_settle", "sliding_window"],
    ),
    Question("window over after 60 s; seconds until a late instance admits", SHARED, late_instance, 60, None),
    Question("told to wait, 10 s before the window ends", MEMORY, retry_after, 10, 60, ["exact_retry_after"]),
    Question(
        "9 of 10 left; admitted after 9 were refused for being parallel",
        MEMORY,
        after_refusals,
        9,
        None,
        ["uncharged_rejection"],
    ),
)


@contextmanager
def standing(who: str) -> Iterator[None]:
    """What holds while this side is counted: LiteLLM alone, accel, or accel with the feature of that name."""
    if who in (PLAIN, ACCEL):
        with side(who):
            yield
        return
    accel.set_flag(who, mode="on")
    try:
        yield
    finally:
        accel.set_flag(who, mode="off")


def rows(loop: asyncio.AbstractEventLoop, present: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One for each question: what each side counted."""
    for question in QUESTIONS:
        got = {}
        for who in (PLAIN, ACCEL, *(feature for feature in question.features if feature in present)):
            with standing(who), clean_redis():
                got[who] = loop.run_until_complete(question.count())
        assert got[ACCEL] == got[PLAIN], (question.case, got)
        asked = {"case": question.case, "place": question.place, "right": question.right}
        yield {**asked, "study": question.study, "got": got}


def main() -> None:
    present = tuple(accel.status().features)
    all_native(*(name for name in FEATURES if name in present))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    result = {"litellm": accel.status().litellm["version"], "rows": told(rows(loop, present))}
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
