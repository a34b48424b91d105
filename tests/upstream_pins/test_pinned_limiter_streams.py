"""Streams that are broken off, and responses whose slot is free before they are sent."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import litellm
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.hooks.parallel_request_limiter_v3 import get_or_create_request_stash
from litellm.proxy.utils import ProxyLogging
from litellm.types.llms.openai import ResponsesAPIResponse
from litellm.types.utils import ModelResponse

from support.limiter import (
    MODEL,
    ask,
    caller,
    in_a_loop,
    in_flight,
    limiter,
    succeed,
)

pytestmark = pytest.mark.usefixtures("side")

GAUGE = "{api_key:key}:max_parallel_requests"


async def seeded(*slots: str) -> tuple[Any, DualCache]:
    """A handler with these slots taken, by requests that began elsewhere."""
    cache = DualCache()
    await cache.async_set_cache(key=GAUGE, value=dict.fromkeys(slots, time.time()), local_only=True)
    return limiter(cache), cache


def owned(slot: str) -> None:
    """This request has the slot."""
    get_or_create_request_stash().parallel_slot = {"slot_id": slot, "counter_keys": [GAUGE]}


async def chunks(ends: str) -> AsyncIterator[Any]:
    yield ModelResponse()
    if ends == "cancel":
        raise asyncio.CancelledError
    while True:
        yield ModelResponse()


async def broken_off(stream: Any, ends: str) -> None:
    """One chunk is read; then the client is gone, and what its end began is done."""
    await stream.__anext__()
    if ends == "cancel":
        with pytest.raises(asyncio.CancelledError):
            await stream.__anext__()
    else:
        await stream.aclose()
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("ends", ["cancel", "close"])
@in_a_loop
async def test_a_stream_that_is_broken_off_is_freed(ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By each of the two generators that the proxy sends streams with."""
    from litellm.proxy import proxy_server
    from litellm.proxy.common_request_processing import ProxyBaseLLMRequestProcessing

    monkeypatch.setattr(litellm, "callbacks", [])
    who = caller(max_parallel_requests=2)
    handler, _cache = await seeded("a")
    logging = ProxyLogging(user_api_key_cache=DualCache())
    logging.proxy_hook_mapping["parallel_request_limiter"] = handler
    owned("a")
    stream: Any = ProxyBaseLLMRequestProcessing.async_sse_data_generator(
        response=chunks(ends), user_api_key_dict=who, request_data={"model": MODEL}, proxy_logging_obj=logging
    )
    await broken_off(stream, ends)
    assert await in_flight(handler) == 0

    handler, _cache = await seeded("a")
    monkeypatch.setitem(proxy_server.proxy_logging_obj.proxy_hook_mapping, "parallel_request_limiter", handler)
    assert proxy_server.proxy_logging_obj.needs_iterator_wrap() is False
    owned("a")
    stream = proxy_server.async_data_generator(
        response=chunks(ends), user_api_key_dict=who, request_data={"model": MODEL}
    )
    await broken_off(stream, ends)
    assert await in_flight(handler) == 0


class Passing(CustomLogger):
    """A hook through which every chunk goes."""

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: Any
    ) -> AsyncIterator[Any]:
        async for chunk in response:
            yield chunk


@in_a_loop
async def test_a_stream_with_hooks_around_it_is_freed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm.proxy import proxy_server

    handler, _cache = await seeded("a", "another's")
    monkeypatch.setattr(litellm, "callbacks", [Passing()])
    monkeypatch.setitem(proxy_server.proxy_logging_obj.proxy_hook_mapping, "parallel_request_limiter", handler)
    assert proxy_server.proxy_logging_obj.needs_iterator_wrap() is True
    owned("a")
    stream = proxy_server.async_data_generator(
        response=chunks("close"), user_api_key_dict=caller(), request_data={"model": MODEL}
    )
    await broken_off(stream, "close")
    assert await in_flight(handler) == 1


@in_a_loop
async def test_the_slot_is_free_before_the_response_is_sent() -> None:
    handler, who = limiter(), caller(max_parallel_requests=1)
    data = await ask(handler, who, "aresponses", input="hello", litellm_call_id="mine")
    response = ResponsesAPIResponse(id="r", created_at=0, model=MODEL, object="response", output=[])
    await handler.async_post_call_success_hook(data=data, user_api_key_dict=who, response=response)
    assert await in_flight(handler) == 0
    await succeed(handler, None, litellm_call_id="mine")
    assert await in_flight(handler) == 0
