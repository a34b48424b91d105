"""Windows of requests: what is counted where, when it begins anew, and what a refusal says."""

import asyncio
import time
from datetime import datetime, timezone
from typing import Any

import pytest
from fastapi import HTTPException
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy.common_utils.proxy_rate_limit_error import ProxyRateLimitError
from litellm.proxy.hooks.batch_rate_limiter import BatchFileUsage

import accel
from support.limiter import MODEL, Moment, admitted, ask, caller, counter, in_a_loop, limiter, refusal

pytestmark = pytest.mark.usefixtures("side")


@in_a_loop
async def test_a_key_gets_its_requests_and_in_a_new_window_again(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=3)
    assert await admitted(handler, who, 5) == 3
    assert await counter(handler, "api_key", "key", "requests") == 4, "the first that is refused counts too"
    moment.advance(60)
    assert await admitted(handler, who, 1) == 0, "the count is over the limit for as long as its entry lives"
    moment.advance(0.001)
    assert await admitted(handler, who, 5) == 3


@in_a_loop
async def test_a_window_that_was_not_exceeded_ends_on_its_second(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=3)
    assert await admitted(handler, who, 3) == 3
    moment.advance(60)
    assert await admitted(handler, who, 4) == 3


@in_a_loop
async def test_the_window_and_the_counter_stand_under_their_names(moment: Moment) -> None:
    cache = DualCache()
    handler, who = limiter(cache, time_provider=moment), caller(rpm_limit=3)
    started = int(moment().timestamp())
    await ask(handler, who)
    memory = cache.in_memory_cache.cache_dict
    assert {key: value for key, value in memory.items() if not key.endswith(":tokens")} == {
        "{api_key:key}:window": str(started),
        "{api_key:key}:requests": 1,
    }
    assert await cache.async_get_cache(key="{api_key:key}:window") == started, "read as JSON"
    await ask(handler, who)
    assert await cache.async_get_cache(key="{api_key:key}:window") == started
    assert await cache.async_get_cache(key="{api_key:key}:requests") == 2
    moment.advance(61)
    await ask(handler, who)
    assert await cache.async_get_cache(key="{api_key:key}:window") == started + 61
    assert await cache.async_get_cache(key="{api_key:key}:requests") == 1


@in_a_loop
async def test_the_length_of_a_window_is_a_setting(moment: Moment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_RATE_LIMIT_WINDOW_SIZE", "2")
    handler, who = limiter(time_provider=moment), caller(rpm_limit=3)
    assert handler.window_size == 2
    assert await admitted(handler, who, 4) == 3
    moment.advance(2.001)
    assert await admitted(handler, who, 1) == 1


SCOPES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"rpm_limit": 1}, {}, "api_key"),
    ({"user_id": "u", "user_rpm_limit": 1}, {}, "user"),
    ({"team_id": "t", "team_rpm_limit": 1}, {}, "team"),
    ({"team_id": "t", "user_id": "u", "team_member_rpm_limit": 1}, {}, "team_member"),
    ({"end_user_id": "e", "end_user_rpm_limit": 1}, {}, "end_user"),
    ({"metadata": {"model_rpm_limit": {MODEL: 1}}}, {}, "model_per_key"),
    ({"metadata": {"tag_rpm_limit": {"tag": 1}}}, {"metadata": {"tags": ["tag"]}}, "tag_per_key"),
    # A key that has none of its own inherits its team's as its own.
    ({"team_id": "t", "team_metadata": {"model_rpm_limit": {MODEL: 1}}}, {}, "model_per_key"),
    (
        {
            "team_id": "t",
            "metadata": {"model_rpm_limit": {"other": 100}},
            "team_metadata": {"model_rpm_limit": {MODEL: 1}},
        },
        {},
        "model_per_team",
    ),
    ({"project_id": "p", "project_metadata": {"model_rpm_limit": {MODEL: 1}}}, {}, "model_per_project"),
    ({"org_id": "o", "organization_rpm_limit": 1}, {}, "organization"),
    ({"org_id": "o", "organization_metadata": {"model_rpm_limit": {MODEL: 1}}}, {}, "model_per_organization"),
]


@pytest.mark.parametrize(("limits", "data", "scope"), SCOPES, ids=[scope for _, _, scope in SCOPES])
@pytest.mark.parametrize("counting", [False, True])
@in_a_loop
async def test_every_scope_has_its_window(
    limits: dict[str, Any], data: dict[str, Any], scope: str, counting: bool
) -> None:
    """For a request, and for the capacity that counting tokens asks for."""
    handler, who = limiter(), caller(**limits)

    async def request() -> None:
        if not counting:
            await ask(handler, who, **data)
            return
        async with handler.request_capacity(who, MODEL, request_data=data):
            pass

    await request()
    with pytest.raises(ProxyRateLimitError) as refused:
        await request()
    assert refused.value.status_code == 429
    assert f"Rate limit exceeded for {scope}:" in refused.value.detail


@in_a_loop
async def test_what_is_not_limited_is_not_counted() -> None:
    cache = DualCache()
    handler = limiter(cache)
    for who in (caller(), caller(user_id="u", team_id="t"), caller(metadata={"model_rpm_limit": {"other": 1}})):
        await ask(handler, who)
    assert cache.in_memory_cache.cache_dict == {}


@in_a_loop
async def test_a_refusal_in_full(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=1)
    await ask(handler, who)
    moment.advance(20)
    error = await refusal(handler, who)
    reset = datetime.fromtimestamp(moment().timestamp() + 60, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    assert type(error) is ProxyRateLimitError
    assert error.headers == {"retry-after": "60", "rate_limit_type": "requests", "reset_at": reset}
    assert error.detail == (
        "Rate limit exceeded for api_key: key. Limit type: requests. Current limit: 1, Remaining: 0. "
        f"Limit resets at: {reset}"
    ), "a whole window from now, wherever in it the request came"


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kolkata", "America/Los_Angeles"])
@in_a_loop
async def test_the_time_in_a_refusal_is_utc_everywhere(zone: str) -> None:
    now = datetime(2026, 9, 4, 21, 53, 21, tzinfo=timezone.utc)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        try:
            aware, naive = lambda: now, lambda: datetime.fromtimestamp(now.timestamp())
            for provider in (aware, naive):
                handler, who = limiter(time_provider=provider), caller(rpm_limit=0)
                assert (await refusal(handler, who)).headers["reset_at"] == "2026-09-04 21:54:21 UTC"
            day = limiter(time_provider=lambda: now)
            error = await batch_refusal(day)
            assert error.headers["reset_at"] == "2026-09-05 21:53:21 UTC"
        finally:
            patch.undo()
            time.tzset()


async def batch_refusal(handler: Any) -> HTTPException:
    who = caller(tpd_limit=10)
    batch = handler._get_batch_rate_limiter()
    with pytest.raises(HTTPException) as refused:
        await batch._check_and_increment_batch_counters(
            user_api_key_dict=who, data={}, batch_usage=BatchFileUsage(total_tokens=11, request_count=1)
        )
    return refused.value


@in_a_loop
async def test_a_new_window_of_requests_forgets_the_tokens_too(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=100, tpm_limit=1000)
    await ask(handler, who, max_tokens=200)
    await ask(handler, who, max_tokens=200)
    assert await counter(handler, "api_key", "key", "tokens") == 400
    moment.advance(61)
    await ask(handler, who, max_tokens=200)
    assert await counter(handler, "api_key", "key", "tokens") == 200


def stale(cache: DualCache, scope: str) -> None:
    """A window that ended a second ago, with both its counters; all still in memory."""
    ended = int(time.time()) - 61
    for kind, value in (("window", str(ended)), ("requests", 3), ("tokens", 900)):
        cache.in_memory_cache.set_cache(f"{{api_key:{scope}}}:{kind}", value, ttl=60)


@in_a_loop
async def test_a_new_window_of_tokens_forgets_the_requests_too() -> None:
    cache = DualCache()
    handler = limiter(cache)
    stale(cache, "key")
    limits: Any = {"tokens_per_unit": 1000, "window_size": 60}
    reserved = await handler.atomic_check_and_increment_by_n(
        descriptors=[{"key": "api_key", "value": "key", "rate_limit": limits}], increments=[{"tokens": 200}]
    )
    assert reserved["overall_code"] == "OK"
    assert await counter(handler, "api_key", "key", "tokens") == 200
    limits = {"requests_per_unit": 5, "window_size": 60}
    passed = await handler.should_rate_limit(
        descriptors=[{"key": "api_key", "value": "key", "rate_limit": limits}], skip_tpm_check=True
    )
    assert [status["limit_remaining"] for status in passed["statuses"]] == [4]
    assert await counter(handler, "api_key", "key", "requests") == 1


class Suspending(InMemoryCache):
    """A store of somebody's own, during whose reads other tasks run."""

    async def async_get_cache(self, key: Any, **keywords: Any) -> Any:
        found = await super().async_get_cache(key, **keywords)
        await asyncio.sleep(0)
        return found


@in_a_loop
async def test_a_window_that_begins_anew_loses_nothing_that_comes_meanwhile() -> None:
    cache = DualCache(in_memory_cache=Suspending())
    handler, now = limiter(cache), int(time.time())
    stale(cache, "key")
    limits: Any = {"tokens_per_unit": 1000, "window_size": 60}
    window, reserved = await asyncio.gather(
        handler.in_memory_cache_sliding_window(
            keys=["{api_key:key}:window", "{api_key:key}:requests"], now_int=now, window_size=60
        ),
        handler.atomic_check_and_increment_by_n(
            descriptors=[{"key": "api_key", "value": "key", "rate_limit": limits}],
            increments=[{"requests": 0, "tokens": 200}],
        ),
    )
    assert (window, reserved["overall_code"]) == ([str(now), 1], "OK")
    assert await counter(handler, "api_key", "key", "requests") == 1
    assert await counter(handler, "api_key", "key", "tokens") == 200


@in_a_loop
async def test_an_amount_of_nothing_is_still_checked() -> None:
    handler = limiter()
    descriptors: Any = [{"key": "m", "value": "v", "rate_limit": {"tokens_per_unit": 100, "window_size": 60}}]

    async def step(**increments: int) -> Any:
        return await handler.atomic_check_and_increment_by_n(descriptors=descriptors, increments=[increments])

    passed = await step(requests=1, tokens=0)
    assert (passed["overall_code"], [s["rate_limit_type"] for s in passed["statuses"]]) == ("OK", ["tokens"])
    await handler.async_increment_tokens_with_ttl_preservation(
        pipeline_operations=[{"key": "{m:v}:tokens", "increment_value": 100, "ttl": 60}]
    )
    full = await step(requests=1, tokens=0)
    assert full["overall_code"] == "OVER_LIMIT"
    assert (full["statuses"][0]["rate_limit_type"], full["statuses"][0]["current_limit"]) == ("tokens", 100)
    less = await step(requests=-1, tokens=-50)
    assert (less["overall_code"], less["statuses"]) == ("OK", [])
    assert await counter(handler, "m", "v", "tokens") == 100


def test_where_limits_are_kept_natively_they_are() -> None:
    """The twin of the others: with the feature there, its seams are in and it answers."""

    def native() -> int:
        return int(features["rate_limiting"]["calls"]["native"]) if "rate_limiting" in features else 0

    features = accel.status().features
    for name in {"caching", "rate_limiting"} & set(features):
        states = {seam["state"] for seam in features[name]["seams"]}
        assert states <= {"applied", "skipped"}, states
    before = native()
    assert asyncio.run(admitted(limiter(), caller(rpm_limit=3), 5)) == 3
    features = accel.status().features
    if "rate_limiting" in features and features["rate_limiting"]["seams"][0]["state"] == "applied":
        assert native() > before
