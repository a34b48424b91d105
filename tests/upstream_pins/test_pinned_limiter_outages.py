"""Redis out of reach: whether requests pass then is a setting, and what was half counted is taken back."""

import asyncio
import logging
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import HTTPException
from litellm.caching.dual_cache import DualCache
from litellm.proxy.common_utils.proxy_rate_limit_error import ProxyRateLimitError

from support.limiter import (
    admitted,
    ask,
    caller,
    in_a_loop,
    limiter,
    refusal,
    reject,
    stash,
)
from support.redis_doubles import Refusing, Scripted, Unreachable

pytestmark = pytest.mark.usefixtures("side")

WINDOW = ["{api_key:key}:window", "{api_key:key}:requests"]


def on(redis: Any, fail_closed: bool | None = None, **settings: Any) -> Any:
    if fail_closed is not None:
        settings["fail_closed_resolver"] = lambda: fail_closed
    return limiter(DualCache(redis_cache=redis), **settings)


LIMITS: list[dict[str, Any]] = [{"rpm_limit": 2}, {"max_parallel_requests": 1}, {"tpm_limit": 1000}]


@pytest.mark.parametrize("limits", LIMITS, ids=["requests", "slots", "tokens"])
@in_a_loop
async def test_closed_without_redis_nobody_passes(limits: dict[str, Any]) -> None:
    error = await refusal(on(Unreachable(), True), caller(**limits), messages=[{"role": "user", "content": "hi"}])
    assert error.status_code == 503
    assert not isinstance(error, ProxyRateLimitError)
    assert "fail_closed_rate_limit_enforcement" in str(error.detail)


@in_a_loop
async def test_open_without_redis_memory_counts() -> None:
    assert await admitted(on(Unreachable(), False), caller(rpm_limit=2), 4) == 2
    assert await admitted(on(Refusing(), False), caller(rpm_limit=2), 4) == 2


@in_a_loop
async def test_closed_with_redis_it_is_the_limit_that_refuses() -> None:
    redis = Scripted()
    assert await admitted(on(redis, True), caller(rpm_limit=2), 3) == 2
    assert len(redis.of("BATCH_RATE_LIMITER")) == 3


@in_a_loop
async def test_closed_for_tokens_the_slot_is_given_back() -> None:
    redis = Scripted(failing="CHECK_AND_INCREMENT_BY_N")
    handler, who = on(redis, True), caller(max_parallel_requests=1, tpm_limit=1000)
    error = await refusal(handler, who, messages=[])
    assert error.status_code == 503
    slot = stash().parallel_slot
    await reject(handler, who, {})
    assert redis.of("PARALLEL_RELEASE") == [(slot["counter_keys"], [slot["slot_id"]])]
    assert stash().parallel_slot is None


@pytest.mark.parametrize(
    ("value", "closed"), [(True, True), ("true", True), (False, False), ("false", False), ("sometimes", False)]
)
@in_a_loop
async def test_closed_is_a_setting_of_the_proxy(value: Any, closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm.proxy import proxy_server

    await ask(on(Unreachable()), caller(rpm_limit=2))
    monkeypatch.setitem(proxy_server.general_settings, "fail_closed_rate_limit_enforcement", value)
    handler, who = on(Unreachable()), caller(rpm_limit=2)
    if closed:
        assert (await refusal(handler, who)).status_code == 503
    else:
        await ask(handler, who)


async def look(handler: Any, who: Any) -> Any:
    descriptors = handler.create_rate_limit_descriptors(
        user_api_key_dict=who, data={}, rpm_limit_type=None, tpm_limit_type=None, model_has_failures=False
    )
    return await handler.should_rate_limit(descriptors=descriptors, read_only=True)


@pytest.mark.parametrize("limits", LIMITS[:2], ids=["requests", "slots"])
@in_a_loop
async def test_closed_nobody_even_looks(limits: dict[str, Any]) -> None:
    with pytest.raises(HTTPException) as refused:
        await look(on(Unreachable(), True), caller(**limits))
    assert refused.value.status_code == 503
    assert (await look(on(Unreachable(), False), caller(**limits)))["overall_code"] == "OK"


@pytest.mark.parametrize(("counted", "code"), [(1, "OK"), (2, "OVER_LIMIT"), (3, "OVER_LIMIT")])
@in_a_loop
async def test_who_only_looks_counts_nothing(counted: int, code: str) -> None:
    redis = Scripted(counted=counted)
    assert (await look(on(redis, True), caller(rpm_limit=2)))["overall_code"] == code
    assert {name for name, _keys, _args in redis.calls} == {"BATCH_COUNTER_READ"}


@pytest.mark.parametrize("closed", [True, False])
@in_a_loop
async def test_closed_what_was_counted_before_a_failure_is_taken_back(closed: bool) -> None:
    """In the window in which it was counted; open, memory counts the rest and nothing is taken back."""
    redis = Scripted(failing_batch=2)
    handler, who = on(redis, closed), caller(rpm_limit=5, user_id="u", user_rpm_limit=5)
    with patch.object(handler, "_is_redis_cluster", return_value=True):
        if closed:
            assert (await refusal(handler, who)).status_code == 503
        else:
            await ask(handler, who)
    (keys, args), _failed = redis.of("BATCH_RATE_LIMITER")
    taken_back = [(keys, [str(args[0]), -1, 0])] if closed else []
    assert redis.of("WINDOW_GUARDED_TOKEN_INCREMENT") == taken_back


@pytest.mark.parametrize("closed", [True, False])
@in_a_loop
async def test_closed_what_was_counted_behind_a_failure_is_taken_back(closed: bool) -> None:
    redis = Scripted()
    handler, loop = on(redis, closed), asyncio.get_running_loop()
    groups = {name: [f"{{{name}}}:window", f"{{{name}}}:requests"] for name in ("a", "b")}
    failed, landed = loop.create_future(), loop.create_future()
    failed.set_exception(ConnectionError("refused"))
    landed.set_result([1234, 1])
    asked = handler._execute_redis_batch_rate_limiter_script
    with (
        patch.object(handler, "_group_keys_by_hash_tag", return_value=groups),
        patch.object(handler, "_pipeline_scripts", return_value=[failed, landed]),
    ):
        if closed:
            with pytest.raises(HTTPException) as refused:
                await asked(keys_to_fetch=[*groups["a"], *groups["b"]], now_int=1234)
            assert refused.value.status_code == 503
        else:
            await asked(keys_to_fetch=[*groups["a"], *groups["b"]], now_int=1234)
    taken_back = [(groups["b"], ["1234", -1, 0])] if closed else []
    assert redis.of("WINDOW_GUARDED_TOKEN_INCREMENT") == taken_back


@in_a_loop
async def test_an_open_breaker_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    handler = on(Refusing())
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="LiteLLM Proxy"):
        await handler.async_increment_tokens_with_ttl_preservation(
            pipeline_operations=[{"key": "k", "increment_value": 10.0, "ttl": 60}]
        )
        values = await handler._execute_redis_batch_rate_limiter_script(list(WINDOW), now_int=1234)
    assert await handler.internal_usage_cache.dual_cache.async_get_cache("k") == 10.0
    assert values == ["1234", 1]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record for record in caplog.records if "circuit breaker is open" in record.getMessage()]
