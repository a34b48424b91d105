"""LiteLLM's limiter as the proxy builds it, and what one request of the proxy does with it.

What uses Redis has a database of this machine's Redis to itself (`REDIS`); the limiter's keys in it are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Final

import litellm
import litellm.proxy.proxy_server  # as in the proxy; the limiter would import it at its first request
import redis
from fastapi import HTTPException
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.caching.redis_batch import flush_post_call_redis_batches, request_redis_batch_scope
from litellm.caching.redis_cache import RedisCache
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.proxy.utils import InternalUsageCache
from litellm.types.utils import ModelResponse, Usage

litellm.suppress_debug_info = True

REDIS: Final = {"host": "127.0.0.1", "port": 6379, "db": 13}
PLENTY: Final = 10**9
MODEL: Final = "gpt-4o"
_MESSAGES: Final = (
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Summarise the following text in one line. " * 8},
)
USED_TOKENS: Final = 110
_numbers: Final = count()


class Clock:
    """Seconds since 1970 that only move when told to."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def as_datetime(self) -> datetime:
        return datetime.fromtimestamp(self.now_s)


def limiter(
    *, redis_port: int | None = None, items: int | None = None, clock: Clock | None = None, **resolvers: Any
) -> Any:
    """A v3 limiter over a cache of its own: 200 items as in the proxy, or `items`; with Redis at that port.

    Redis' own clock judges some of its windows, so that a `clock` that differs from it is for memory only.
    """
    memory = InMemoryCache(max_size_in_memory=items, clock=clock)
    # A name of its own: LiteLLM shares what it made for equal settings, a script's executor too, and that of the
    # other side would be timed.
    settings = {**REDIS, "port": redis_port, "client_name": f"limiter-{next(_numbers)}"}
    shared = None if redis_port is None else RedisCache(**settings)
    cache = DualCache(in_memory_cache=memory, redis_cache=shared, default_in_memory_ttl=1)
    provider = None if clock is None else clock.as_datetime
    return v3.PROXY_MaxParallelRequestsHandler_v3(InternalUsageCache(cache), time_provider=provider, **resolvers)


def memory_of(handler: Any) -> Any:
    """The limiter's InMemoryCache."""
    return handler.internal_usage_cache.dual_cache.in_memory_cache


@contextmanager
def clean_redis() -> Iterator[Any]:
    """A client of the database, with the limiter's keys deleted before and after."""
    with redis.Redis(**REDIS) as client:
        _delete_keys(client)
        try:
            yield client
        finally:
            _delete_keys(client)


def _delete_keys(client: Any) -> None:
    if found := list(client.scan_iter(match="{*}:*", count=10_000)):
        client.delete(*found)


def key(number: int, **limits: Any) -> UserAPIKeyAuth:
    """A key as auth gives it to the hooks; without limits if none are given."""
    return UserAPIKeyAuth(api_key=f"{number:064x}", **limits)


@dataclass
class Request:
    """What a request's four hooks are given. Each is for one life: the hooks write into it."""

    key: UserAPIKeyAuth
    number: int
    max_tokens: int = 100
    data: dict[str, Any] = field(init=False)
    response: Any = field(init=False)
    kwargs: dict[str, Any] = field(init=False)
    stash: Any = None
    """What the pre-call hook left in the request's context."""

    def __post_init__(self) -> None:
        call_id = f"call-{self.number}"
        self.data = {
            "model": MODEL,
            "messages": [dict(message) for message in _MESSAGES],
            "max_tokens": self.max_tokens,
            "metadata": {},
            "litellm_call_id": call_id,
        }
        self.response = ModelResponse(
            usage=Usage(prompt_tokens=90, completion_tokens=20, total_tokens=USED_TOKENS)
        )
        self.response._hidden_params = {"additional_headers": {}}
        owner = {"user_api_key_user_id": self.key.user_id, "user_api_key_team_id": self.key.team_id}
        metadata = {name: value for name, value in owner.items() if value is not None}
        metadata["user_api_key_hash"] = self.key.api_key
        self.kwargs = {
            "litellm_call_id": call_id,
            "model": MODEL,
            "litellm_params": {"metadata": {"user_api_key": self.key.api_key, "model_group": MODEL}},
            "standard_logging_object": {"metadata": metadata, "hidden_params": {}, "model_group": MODEL},
        }


async def admit(handler: Any, request: Request) -> HTTPException | None:
    """The pre-call hook; the refusal, if it refuses. Any other error is raised."""
    # The proxy gives each request a context of its own, in which nothing has been stashed.
    v3._request_stash.set(None)
    try:
        await handler.async_pre_call_hook(
            user_api_key_dict=request.key, cache=None, data=request.data, call_type="acompletion"
        )
    except HTTPException as refusal:
        if refusal.status_code != 429:
            raise
        return refusal
    request.stash = v3._request_stash.get()
    return None


async def finish(handler: Any, request: Request) -> None:
    """What the proxy calls when the provider has answered: headers, then the logging callbacks."""
    v3._request_stash.set(request.stash)
    await handler.async_post_call_success_hook(
        data=request.data, user_api_key_dict=request.key, response=request.response
    )
    await handler.async_logging_hook(request.kwargs, request.response, "acompletion")
    await handler.async_log_success_event(request.kwargs, request.response, None, None)


async def life(
    handler: Any, request: Request, *, batched: bool = False, between: Callable[[], None] | None = None
) -> None:
    """An admitted request from the first hook to the last, as the proxy runs it: `batched` with the scope that
    its Redis middleware opens. `between` is called after the pre-call hook.
    """
    with request_redis_batch_scope() if batched else nullcontext() as scope:
        refusal = await admit(handler, request)
        assert refusal is None, refusal
        if between is not None:
            between()
        await finish(handler, request)
        if scope is not None:
            await flush_post_call_redis_batches()
            await scope.flush_all()
