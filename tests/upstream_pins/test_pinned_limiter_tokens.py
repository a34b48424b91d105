"""Tokens of a request: reserved before it, settled after it, given back where it failed; once each."""

import asyncio
from typing import Any

import pytest
from litellm.proxy.hooks.parallel_request_limiter_v3 import (
    RateLimitedModel,
    TagRateLimit,
)

from support.limiter import (
    HELLO,
    MODEL,
    Moment,
    admitted,
    answer,
    ask,
    caller,
    counter,
    fail,
    in_a_loop,
    in_flight,
    limiter,
    refusal,
    reject,
    stash,
    succeed,
)

pytestmark = pytest.mark.usefixtures("side")


@in_a_loop
async def test_requests_at_once_do_not_pass_the_limit() -> None:
    handler, who = limiter(), caller(tpm_limit=100)
    text = [{"role": "user", "content": "x" * 40}]
    asked = (ask(handler, who, messages=text, max_tokens=30) for _ in range(5))
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [getattr(result, "status_code", None) for result in results] == [None, None, 429, 429, 429]
    assert await counter(handler, "api_key", "key", "tokens") == 80


@in_a_loop
async def test_requests_at_once_that_fit_all_pass() -> None:
    handler, who = limiter(), caller(tpm_limit=330, rpm_limit=100)
    text = [{"role": "user", "content": "x" * 40}]
    await asyncio.gather(*(ask(handler, who, messages=text, max_tokens=100) for _ in range(3)))
    assert await counter(handler, "api_key", "key", "tokens") == 330


@in_a_loop
async def test_a_refused_request_reserves_nothing() -> None:
    handler, who = limiter(), caller(tpm_limit=10, max_parallel_requests=5)
    error = await refusal(handler, who, messages=HELLO, max_tokens=200)
    assert "Limit type: tokens. Current limit: 10, Remaining: 10." in error.detail
    assert await counter(handler, "api_key", "key", "tokens") == 0
    assert await in_flight(handler) == 0, "nor does it keep its slot"


@in_a_loop
async def test_a_reservation_and_nothing_else_is_counted() -> None:
    handler, who = limiter(), caller(rpm_limit=100, tpm_limit=10_000)
    await ask(handler, who, messages=HELLO, max_tokens=10)
    assert await counter(handler, "api_key", "key", "tokens") == stash().reserved_tokens == 11
    statuses = {s["rate_limit_type"]: s for s in stash().rate_limit_response["statuses"]}
    assert {kind: s["limit_remaining"] for kind, s in statuses.items()} == {"requests": 99, "tokens": 9_989}
    assert stash().reserved_scopes == frozenset({("api_key", "key")})
    assert stash().reserved_model == RateLimitedModel(requested=MODEL, group=MODEL)


@in_a_loop
async def test_a_request_without_content_reserves_one() -> None:
    handler, who = limiter(), caller(tpm_limit=2)
    assert await admitted(handler, who, 3) == 2
    assert await counter(handler, "api_key", "key", "tokens") == 2


SCOPES: list[tuple[str, dict[str, Any]]] = [
    ("api_key", {"tpm_limit": 10}),
    ("user", {"user_id": "v", "user_tpm_limit": 10}),
    ("team", {"team_id": "v", "team_tpm_limit": 10}),
    ("end_user", {"end_user_id": "v", "end_user_tpm_limit": 10}),
    ("model_per_key", {"metadata": {"model_tpm_limit": {MODEL: 10}}}),
]


@pytest.mark.parametrize(("scope", "limits"), SCOPES)
@in_a_loop
async def test_every_scope_has_its_tokens(scope: str, limits: dict[str, Any], moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(**limits)
    value = {"api_key": "key", "model_per_key": f"key:{MODEL}"}.get(scope, "v")
    key = handler.create_rate_limit_keys(scope, value, "tokens")
    await ask(handler, who, messages=HELLO, max_tokens=5)
    assert await counter(handler, scope, value, "tokens") == 6
    await handler.internal_usage_cache.dual_cache.async_increment_cache(key=key, value=15, ttl=60)
    await refusal(handler, who, messages=HELLO, max_tokens=5)
    moment.advance(61)
    await ask(handler, who, messages=HELLO, max_tokens=5)
    assert await counter(handler, scope, value, "tokens") == 6


@in_a_loop
async def test_a_refusal_by_the_proxy_gives_it_back_once() -> None:
    handler, who = limiter(), caller(tpm_limit=1000)
    data = await ask(handler, who, messages=HELLO, max_tokens=50)
    assert await counter(handler, "api_key", "key", "tokens") == 51
    for _ in range(2):
        await reject(handler, who, data)
        await fail(handler)
        assert await counter(handler, "api_key", "key", "tokens") == 0
    assert stash().reservation_released is True


@in_a_loop
async def test_a_scope_without_tokens_gets_none_back() -> None:
    handler = limiter()
    who = caller(rpm_limit=100, project_id="p", project_metadata={"model_tpm_limit": {MODEL: 100_000}})
    data = await ask(handler, who, messages=HELLO, max_tokens=20)
    await reject(handler, who, data)
    assert await counter(handler, "api_key", "key", "tokens") == 0
    assert await counter(handler, "model_per_project", f"p:{MODEL}", "tokens") == 0


@in_a_loop
async def test_the_tokens_of_a_tag_count_for_all_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_TPM_TOKEN_RESERVATION_ENABLED", "false")

    async def resolve(names: Any) -> dict[str, TagRateLimit]:
        return {name: TagRateLimit(rpm_limit=None, tpm_limit=100) for name in names if name == "one"}

    handler = limiter(tag_rate_limit_resolver=resolve)
    await ask(handler, caller(), metadata={"tags": ["one"]})
    before = await counter(handler, "tag", "one", "tokens")
    await succeed(handler, answer(60, 60))
    assert await counter(handler, "tag", "one", "tokens") == before + 120
    await refusal(handler, caller(), metadata={"tags": ["one"]})
    await ask(handler, caller(), metadata={"tags": []})


@pytest.mark.parametrize("both", [False, True])
@in_a_loop
async def test_a_keys_requests_of_its_own_still_share_its_teams_tokens(both: bool) -> None:
    team: Any = {"team_id": "t", "team_metadata": {"model_rpm_limit": {MODEL: 5}, "model_tpm_limit": {MODEL: 500}}}
    own = {"model_rpm_limit": {MODEL: 10}, **({"model_tpm_limit": {MODEL: 5000}} if both else {})}
    handler = limiter()
    await ask(handler, caller("sibling", **team), messages=HELLO, max_tokens=300)
    if both:
        await ask(handler, caller(metadata=own, **team), messages=HELLO, max_tokens=300)
        return
    error = await refusal(handler, caller(metadata=own, **team), messages=HELLO, max_tokens=300)
    assert "model_per_team" in error.detail
    assert error.headers["rate_limit_type"] == "tokens"


@pytest.mark.parametrize("value", [None, "true", "false", "False", "FALSE"])
@in_a_loop
async def test_reserving_is_a_setting(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off, the window's check has the tokens; on, it must leave them to the reservation."""
    monkeypatch.delenv("LITELLM_TPM_TOKEN_RESERVATION_ENABLED", raising=False)
    if value is not None:
        monkeypatch.setenv("LITELLM_TPM_TOKEN_RESERVATION_ENABLED", value)
    on = value in (None, "true")
    handler, who = limiter(), caller(tpm_limit=10_000)
    assert handler.tpm_reservation_enabled is on
    checks: list[Any] = []
    reservations: list[int] = []
    check, reserve = handler.should_rate_limit, handler.reserve_tpm_tokens

    async def checked(*arguments: Any, **keywords: Any) -> Any:
        checks.append(keywords["skip_tpm_check"])
        return await check(*arguments, **keywords)

    async def reserving(*arguments: Any, **keywords: Any) -> Any:
        reservations.append(keywords["estimated_tokens"])
        return await reserve(*arguments, **keywords)

    handler.should_rate_limit, handler.reserve_tpm_tokens = checked, reserving
    await ask(handler, who, messages=HELLO, max_tokens=10)
    assert (checks, reservations) == ([on], [11] if on else [])
    assert stash().reserved_tokens == (11 if on else 0)


@in_a_loop
async def test_a_reservation_never_looks_at_requests() -> None:
    limits: Any = {"requests_per_unit": 0, "tokens_per_unit": 1000, "window_size": 60}
    passed = await limiter().reserve_tpm_tokens(
        descriptors=[{"key": "api_key", "value": "key", "rate_limit": limits}], estimated_tokens=10
    )
    assert (passed["overall_code"], [s["rate_limit_type"] for s in passed["statuses"]]) == ("OK", ["tokens"])
