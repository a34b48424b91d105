"""LiteLLM's caches with accel and without: hits in memory, registered scripts and batches on Redis.

Every row asserts equal answers first, then times both sides in turn; processor time of this process, median of the
rounds. Prints a row as soon as it is measured. Rows on Redis use database 12 and clean up.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import accel  # noqa: I001  # before LiteLLM, as users are told
import orjson
from litellm.caching.dual_cache import DualCache
from litellm.caching.redis_batch import RedisBatch
from litellm.caching.redis_cache import RedisCache
from litellm.proxy._types import UserAPIKeyAuth

PLAIN, ACCEL = "LiteLLM", "accel"
DATABASE = 12
CALLS = 200
Many = Callable[[], Awaitable[Any]]

VALUES: dict[str, Any] = {
    "int": 7,
    "answer of 40 choices": {
        "choices": [{"index": number, "message": {"content": "word " * 40}} for number in range(40)]
    },
    "UserAPIKeyAuth": UserAPIKeyAuth(api_key="sk-1", user_id="u", team_id="t", rpm_limit=10, tpm_limit=1000),
}
SOURCE = "return redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])"


@contextmanager
def side(name: str) -> Iterator[None]:
    """LiteLLM's own functions while its turn is, accel's otherwise."""
    if name == ACCEL:
        yield
        return
    accel.unpatch("caching")
    try:
        yield
    finally:
        accel.patch("caching")


async def timed(sides: dict[str, Many], rounds: int) -> dict[str, float]:
    """Processor time of a call on each side in µs."""
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name in random.sample(sorted(sides), len(sides)):
            with side(name):
                await sides[name]()
                start = time.process_time()
                for _ in range(CALLS):
                    await sides[name]()
                samples[name].append((time.process_time() - start) / CALLS * 1e6)
    return {name: round(statistics.median(times), 2) for name, times in samples.items()}


async def memory_rows(rounds: int) -> None:
    cache = DualCache()
    for name, value in VALUES.items():
        await cache.async_set_cache(name, value)

        async def hit(key: str = name) -> Any:
            return await cache.async_get_cache(key)

        for who in (PLAIN, ACCEL):
            with side(who):
                assert await hit() is value, (who, name)
        tell(f"DualCache hit: {name}", await timed({PLAIN: hit, ACCEL: hit}, rounds))


async def redis_rows(rounds: int) -> None:
    cache = RedisCache(host="127.0.0.1", port=6379, db=DATABASE)
    key = "accel-bench"
    scripts: dict[str, Many] = {}
    batches: dict[str, Many] = {}
    for name in (PLAIN, ACCEL):
        source = f"{SOURCE} -- {name}"  # an executor is kept for each text, so each side has its own
        with side(name):
            run = cache.async_register_script(source)
            await run(keys=[key], args=[0])

        async def script(run: Any = run) -> Any:
            return await run(keys=[key], args=[0])

        async def batch(run: Any = run, source: str = source) -> Any:
            together = RedisBatch(cache)
            asked = [together.script(source, run, [key], [0]) for _ in range(3)]
            return [await answer for answer in asked]

        scripts[name], batches[name] = script, batch
    for sides in (scripts, batches):
        answers = []
        for name, ask in sides.items():
            with side(name):
                answers.append(await ask())
        assert answers[0] == answers[1], answers
    tell("registered script", await timed(scripts, rounds))
    tell("batch of 3 scripts", await timed(batches, rounds))
    await cache.async_delete_cache(key)
    await cache.init_async_client().aclose()


def tell(row: str, times: dict[str, float]) -> None:
    row_of = {"row": row, "us": times, "share": round(times[ACCEL] / times[PLAIN], 3)}
    print(orjson.dumps(row_of).decode(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--no-redis", action="store_true")
    options = parser.parse_args()
    assert accel.native.module.build_profile == "release"
    accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
    asyncio.run(memory_rows(options.rounds))
    if not options.no_redis:
        asyncio.run(redis_rows(options.rounds))
    calls = accel.status().features["caching"]["calls"]
    assert calls["native"] > 0, calls
    assert not calls["failed"], calls


if __name__ == "__main__":
    main()
