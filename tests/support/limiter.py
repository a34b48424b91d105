"""LiteLLM's rate limiter without a proxy: a clock, a handler on its own cache, and what a request does to both."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import pytest
from fastapi import HTTPException
from litellm.caching.dual_cache import DualCache
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.common_utils.proxy_rate_limit_error import ProxyRateLimitError
from litellm.proxy.hooks.parallel_request_limiter_v3 import (
    PROXY_MaxParallelRequestsHandler_v3,
    _request_stash,
    get_request_stash,
)
from litellm.proxy.utils import InternalUsageCache
from litellm.types.utils import ModelResponse, Usage

MODEL = "gpt-4o"
HELLO = [{"role": "user", "content": "hello"}]
"""One token by the limiter's estimate, which is a quarter of the characters."""


class Moment:
    """A clock that stands still until it is moved: what `time_provider=` takes, and the process's own beside it,
    by which entries of caches expire.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, 0)
        monkeypatch.setattr(time, "time", lambda: self.now.timestamp())

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def in_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """The test as a plain function: run in an event loop and a context of its own, with no request begun."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        async def fresh() -> None:
            _request_stash.set(None)
            await test(**fixtures)

        asyncio.run(fresh())

    return run


def limiter(cache: DualCache | None = None, **settings: Any) -> Any:
    """A handler on `cache`, else on one of its own in memory."""
    usage = InternalUsageCache(cache if cache is not None else DualCache())
    return PROXY_MaxParallelRequestsHandler_v3(internal_usage_cache=usage, **settings)


def caller(name: str = "key", **limits: Any) -> UserAPIKeyAuth:
    """An authenticated key."""
    return UserAPIKeyAuth(api_key=name, **limits)


async def ask(handler: Any, who: UserAPIKeyAuth, call_type: str = "acompletion", **data: Any) -> dict[str, Any]:
    """The pre-call hook of one request; gives the data back as the hook left it, or raises what it raised."""
    data = {"model": MODEL, **data}
    cache = handler.internal_usage_cache.dual_cache
    await handler.async_pre_call_hook(user_api_key_dict=who, cache=cache, data=data, call_type=call_type)
    return data


async def refusal(handler: Any, who: UserAPIKeyAuth, call_type: str = "acompletion", **data: Any) -> HTTPException:
    """The error of a request that must be refused."""
    try:
        await ask(handler, who, call_type, **data)
    except HTTPException as error:
        return error
    raise AssertionError("the request was admitted")


async def admitted(handler: Any, who: UserAPIKeyAuth, requests: int, **data: Any) -> int:
    """How many of so many requests, one behind the other, were admitted."""
    let_in = 0
    for _ in range(requests):
        try:
            await ask(handler, who, **data)
        except ProxyRateLimitError:
            continue
        let_in += 1
    return let_in


async def counter(handler: Any, scope: str, value: str, kind: str) -> int:
    """What stands under LiteLLM's own key in memory; 0 if nothing does."""
    key = handler.create_rate_limit_keys(scope, value, kind)
    found = await handler.internal_usage_cache.dual_cache.async_get_cache(key=key, local_only=True)
    return int(found or 0)


async def in_flight(handler: Any, value: str = "key") -> int:
    """How many slots of the key are taken, by the handler's own reading of what is in memory."""
    key = f"{{api_key:{value}}}:max_parallel_requests"
    found = await handler.internal_usage_cache.dual_cache.async_get_cache(key=key, local_only=True)
    taken: int = handler._gauge_in_flight_from_cache_value(found)
    return taken


def stash() -> Any:
    """The bookkeeping of the request in this context."""
    return get_request_stash()


def captured_settles(handler: Any) -> list[dict[str, Any]]:
    """Replaces the cache's increment pipeline; every operation that goes there is in the list."""
    operations: list[dict[str, Any]] = []

    async def keep(increment_list: list[dict[str, Any]], **_keywords: Any) -> None:
        operations.extend(increment_list)

    handler.internal_usage_cache.dual_cache.async_increment_cache_pipeline = keep
    return operations


def by_key(operations: list[dict[str, Any]]) -> dict[str, float]:
    """Increments by key; a key that comes twice is a fault."""
    increments = {operation["key"]: operation["increment_value"] for operation in operations}
    assert len(increments) == len(operations), operations
    return increments


def answer(prompt: int, completion: int, total: int | None = None, **details: Any) -> ModelResponse:
    """A chat response with this usage."""
    total = prompt + completion if total is None else total
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=total, **details)
    return ModelResponse(model=MODEL, usage=usage, choices=[])


def logged(hash_of_key: str = "key", **fields: Any) -> dict[str, Any]:
    """What a logging callback is told of a call."""
    metadata = {"user_api_key_hash": hash_of_key, **fields.pop("metadata", {})}
    return {"standard_logging_object": {"metadata": metadata}, "model": MODEL, **fields}


async def succeed(handler: Any, response: Any, **fields: Any) -> None:
    """The success callback."""
    await handler.async_log_success_event(
        kwargs=logged(**fields), response_obj=response, start_time=None, end_time=None
    )


async def fail(handler: Any, **fields: Any) -> None:
    """The failure callback."""
    await handler.async_log_failure_event(
        kwargs=logged(**fields), response_obj=None, start_time=None, end_time=None
    )


async def reject(handler: Any, who: UserAPIKeyAuth, data: dict[str, Any]) -> None:
    """The hook that follows when the proxy itself refuses the request."""
    await handler.async_post_call_failure_hook(
        request_data=data, original_exception=Exception("refused"), user_api_key_dict=who
    )
