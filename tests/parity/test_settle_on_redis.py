"""Tokens settled on Redis: what cannot be settled so ends as LiteLLM ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litellm.caching.dual_cache import DualCache

from support import sides
from support.limiter import limiter
from support.told_redis import Answer, cache_on, pool_of, told_of, told_redis


def played(operations: Any, reply: Answer) -> tuple[Any, ...]:
    async def play() -> tuple[Any, ...]:
        async with told_redis() as told:
            cache = cache_on(told)
            dual = DualCache(redis_cache=cache)
            handler = limiter(dual)
            await handler.token_increment_script(keys=["first"], args=[1, 0])
            told.answers.append(reply)
            found = await told_of(handler.async_increment_tokens_with_ttl_preservation(operations))
            kept = dict(dual.in_memory_cache.cache_dict)
            await pool_of(cache).disconnect()
            return found, kept, told.scripts

    return asyncio.run(play())


@pytest.mark.parametrize("reply", [(b"*1\r\n:4\r\n",), (b"-ERR own\r\n",), (b"-LOADING the data\r\n",)])
@pytest.mark.parametrize(
    "operations",
    [
        [{"key": "k", "increment_value": 3, "ttl": 60}],
        [{"key": "k", "increment_value": 3, "ttl": None}, {"key": "k", "increment_value": 2, "ttl": 0}],
        [{"key": "k", "increment_value": 3}],
        [{"increment_value": 3, "ttl": 60}],
    ],
)
def test_every_end(operations: Any, reply: Answer) -> None:
    with sides.plain():
        expected = played(operations, reply)
    with sides.accelerated() as accounts:
        found = played(operations, reply)
    assert found == expected
    assert accounts["rate_limiting"].native > 0
