"""Keys on a cluster: one call for each slot, and the values in the order they were asked for."""

from typing import Any
from unittest.mock import AsyncMock, patch

import litellm
import pytest
from litellm.caching.dual_cache import DualCache

from support.limiter import (
    in_a_loop,
    limiter,
)
from support.redis_doubles import Scripted

pytestmark = pytest.mark.usefixtures("side")


def on(redis: Any, fail_closed: bool | None = None, **settings: Any) -> Any:
    if fail_closed is not None:
        settings["fail_closed_resolver"] = lambda: fail_closed
    return limiter(DualCache(redis_cache=redis), **settings)


@in_a_loop
async def test_on_a_cluster_each_slot_is_one_call() -> None:
    handler = limiter()
    handler.token_increment_script = AsyncMock()
    operations: Any = [
        {"key": "{api_key:sk}:tokens", "increment_value": 100, "ttl": 60},
        {"key": "{user:u}:tokens", "increment_value": 50, "ttl": 60},
        {"key": "{api_key:sk}:max_parallel_requests", "increment_value": -1, "ttl": 60},
    ]
    with patch.object(handler, "_is_redis_cluster", return_value=True):
        await handler._execute_token_increment_script(operations)
    calls = [call.kwargs for call in handler.token_increment_script.await_args_list]
    assert calls == [
        {"keys": ["{api_key:sk}:tokens", "{api_key:sk}:max_parallel_requests"], "args": [100, 60, -1, 60]},
        {"keys": ["{user:u}:tokens"], "args": [50, 60]},
    ]


@in_a_loop
async def test_on_a_cluster_a_slot_that_fails_is_counted_in_memory() -> None:
    handler = limiter()
    handler.batch_rate_limiter_script = AsyncMock(side_effect=[ConnectionError("refused"), [1234, 2]])
    handler.in_memory_cache_sliding_window = AsyncMock(return_value=[1234, 1])
    keys = ["{api_key:sk}:window", "{api_key:sk}:requests", "{user:u}:window", "{user:u}:requests"]
    with patch.object(handler, "_is_redis_cluster", return_value=True):
        values = await handler._execute_redis_batch_rate_limiter_script(keys_to_fetch=keys, now_int=1234)
    assert values == [1234, 1, 1234, 2]
    calls = [call.kwargs["keys"] for call in handler.batch_rate_limiter_script.await_args_list]
    assert calls == [keys[:2], keys[2:]]
    handler.in_memory_cache_sliding_window.assert_awaited_once_with(keys=keys[:2], now_int=1234, window_size=60)


def test_keys_are_grouped_by_their_slot() -> None:
    handler = limiter()
    keys = ["{api_key:sk}:window", "{api_key:sk}:tokens", "{team:t}:window", "no tag"]
    assert handler._group_keys_by_hash_tag(keys) == {"all_keys": keys}
    with patch.object(handler, "_is_redis_cluster", return_value=True):
        groups = handler._group_keys_by_hash_tag(keys)
    assert all(name.startswith("slot_") for name in groups)
    assert list(groups.values()) == [keys[:2], keys[2:3], keys[3:]]
    slot = handler.keyslot_for_redis_cluster
    assert 0 <= slot("user:1000") < 16384
    assert slot("foo{bar}baz") == slot("{bar}") == slot("bar")
    assert slot("123456789") == 0x31C3 % 16384, "the example of the cluster's specification"


THREE = [
    f"{{{scope}}}:{kind}"
    for scope in ("api_key:sk-abc", "team:t1", "end_user:u28551")
    for kind in ("window", "requests")
]


@pytest.mark.parametrize("by_tag", [True, False])
@in_a_loop
async def test_grouping_can_be_asked_for(by_tag: bool) -> None:
    redis = Scripted()
    handler = on(redis, force_hash_tag_grouping_resolver=lambda: by_tag)
    values = await handler._execute_redis_batch_rate_limiter_script(keys_to_fetch=THREE, now_int=1234)
    groups = [THREE[:2] + THREE[4:], THREE[2:4]] if by_tag else [THREE]
    assert [keys for keys, _args in redis.of("BATCH_RATE_LIMITER")] == groups
    order = [1, 2, 1] if by_tag else [1, 1, 1]
    assert values == [value for number in order for value in (1234, number)], "in the order they were asked for"


def test_grouping_is_a_setting_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = on(Scripted())
    monkeypatch.setattr(litellm, "force_redis_hash_tag_grouping", True)
    assert list(handler._group_keys_by_hash_tag(THREE).values()) == [THREE[:2] + THREE[4:], THREE[2:4]]
    monkeypatch.setattr(litellm, "force_redis_hash_tag_grouping", False)
    assert handler._group_keys_by_hash_tag(THREE) == {"all_keys": THREE}
