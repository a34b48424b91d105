"""Other windows than LiteLLM's, through its own hooks: what was reserved is settled, or given back."""

from __future__ import annotations

from collections.abc import Iterator

import litellm.proxy.proxy_server  # noqa: F401  # as in the proxy
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.redis_cache import RedisCache

import accel
from support.calls import calls_of
from support.limit_handlers import on
from support.limit_redis import DATABASE, HOST, PORT, database
from support.limiter import (
    Moment,
    admitted,
    answer,
    ask,
    caller,
    counter,
    fail,
    in_a_loop,
    limiter,
    refusal,
    succeed,
)

# They share a database of Redis.
pytestmark = pytest.mark.xdist_group("redis windows")
HELLO = [{"role": "user", "content": "hello"}]
LARGE = {"messages": HELLO, "max_tokens": 899}
"""Reserves 900 tokens."""


@pytest.fixture(autouse=True)
def native_limits() -> Iterator[None]:
    with on():
        for name in ("caching", "rate_limiting"):
            accel.set_flag(name, mode="on", percent=100, verify_percent=0)
        yield


@in_a_loop
async def test_a_sliding_window_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    with on("sliding_window"), calls_of("sliding_window") as calls:
        handler, who = limiter(time_provider=Moment(monkeypatch)), caller(tpm_limit=1_000)
        await ask(handler, who, **LARGE)
        assert await admitted(handler, who, 1, **LARGE) == 0
        await succeed(handler, answer(50, 10))
        assert await admitted(handler, who, 1, **LARGE) == 1
        assert await counter(handler, "api_key", "key", "tokens") == 0, "LiteLLM's own counter"
    assert calls.native == 3


@in_a_loop
async def test_a_failure_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with on("sliding_window"):
        handler, who = limiter(time_provider=Moment(monkeypatch)), caller(tpm_limit=1_000)
        await ask(handler, who, **LARGE)
        await fail(handler)
        await fail(handler)
        assert await admitted(handler, who, 2, **LARGE) == 1, "given back once"


@pytest.mark.parametrize("feature", ["sliding_window", "token_bucket"])
@in_a_loop
async def test_more_tokens_than_an_engine_holds_are_litellms_to_refuse(feature: str) -> None:
    with on(feature), calls_of("rate_limiting") as calls:
        error = await refusal(limiter(), caller(tpm_limit=1_000), messages=HELLO, max_tokens=10**20)
        assert error.status_code == 429
    assert calls.failed == 0


@in_a_loop
async def test_a_leased_request_settles_in_litellms_windows() -> None:
    with database() as client, on("limit_leases"), calls_of("limit_leases") as calls:
        cache = DualCache(redis_cache=RedisCache(host=HOST, port=PORT, db=DATABASE))
        handler, who = limiter(cache), caller(rpm_limit=1_000, tpm_limit=1_000)
        await ask(handler, who, **LARGE)
        assert client.get("{api_key:key}:tokens") == "900"
        await succeed(handler, answer(50, 10))
        assert client.get("{api_key:key}:tokens") == "60"
    assert calls.native == 1
