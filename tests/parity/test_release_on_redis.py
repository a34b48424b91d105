"""A slot given back on Redis before the response: whatever fails then, the response is not lost."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3

from support import sides
from support.limiter import answer, caller, limiter
from support.told_redis import Answer, cache_on, pool_of, told_of, told_redis

GAUGE = "{api_key:key}:max_parallel_requests"


def played(reply: Answer, held: Any) -> tuple[Any, ...]:
    """The end of the hook, the slot in the stash, the gauge in memory, what was asked, and what was logged."""
    records: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.levelname} {record.getMessage()}")

    async def play() -> tuple[Any, ...]:
        async with told_redis() as told:
            cache = cache_on(told)
            dual = DualCache(redis_cache=cache)
            handler = limiter(dual)
            # The script is bound, and a connection is idle.
            await handler.parallel_release_script(keys=["first"], args=["first"])
            dual.in_memory_cache.set_cache(GAUGE, held, ttl=60)
            stash = v3.RequestRateLimiterStash()
            stash.parallel_slot = {"counter_keys": [GAUGE], "slot_id": "slot"}
            v3._request_stash.set(stash)
            told.answers.append(reply)
            found = await told_of(
                handler.async_post_call_success_hook(data={}, user_api_key_dict=caller(), response=answer(1, 2))
            )
            gauge = dual.in_memory_cache.get_cache(GAUGE)
            await pool_of(cache).disconnect()
            return found, stash.parallel_slot, gauge, [asked[0] for asked in told.scripts]

    kept = Kept(logging.WARNING)
    v3.verbose_proxy_logger.addHandler(kept)
    try:
        return *asyncio.run(play()), records
    finally:
        v3.verbose_proxy_logger.removeHandler(kept)


@pytest.mark.parametrize("held", [3, {"slot": 1.0, "other": 2.0}, "no number", None])
@pytest.mark.parametrize(
    "reply",
    [
        (b"*1\r\n:4\r\n",), (b"*1\r\n$1\r\n4\r\n",), (b"*1\r\n$-1\r\n",), (b"*1\r\n$3\r\nbad\r\n",), (b"*0\r\n",),
        (b":4\r\n",), (b"$-1\r\n",), (b"-ERR own\r\n",), (b"-LOADING the data\r\n",), (None,),
    ],
)  # fmt: skip
def test_every_end(reply: Answer, held: Any) -> None:
    with sides.plain():
        expected = played(reply, held)
    with sides.accelerated() as accounts:
        found = played(reply, held)
    assert found == expected
    assert found[0] == ("value", "None")
    assert accounts["rate_limiting"].native > 0
