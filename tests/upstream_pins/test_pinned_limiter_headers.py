"""What a response and its log tell of the limits."""

from typing import Any

import pytest
from litellm.proxy.hooks.parallel_request_limiter_v3 import (
    get_or_create_request_stash,
)

from support.limiter import (
    MODEL,
    answer,
    ask,
    caller,
    in_a_loop,
    limiter,
    logged,
    stash,
)

pytestmark = pytest.mark.usefixtures("side")


def of_limits(headers: Any) -> dict[str, Any]:
    return {name: value for name, value in (headers or {}).items() if name.startswith("x-ratelimit-")}


@in_a_loop
async def test_a_response_and_its_log_have_the_same_headers() -> None:
    limits = {"model_rpm_limit": {MODEL: 50}, "model_tpm_limit": {MODEL: 5000}}
    handler, who = limiter(), caller(rpm_limit=100, metadata=limits)
    data = await ask(handler, who, messages=[], max_tokens=10)
    response = answer(1, 1)
    response._hidden_params = {}
    await handler.async_post_call_success_hook(data=data, user_api_key_dict=who, response=response)
    fields, streamed = logged(), answer(1, 1)
    await handler.async_logging_hook(kwargs=fields, result=streamed, call_type="acompletion")
    mirrored = fields["standard_logging_object"]["hidden_params"]["additional_headers"]
    expected = {
        "x-ratelimit-api_key-remaining-requests": 99,
        "x-ratelimit-api_key-limit-requests": 100,
        "x-ratelimit-model_per_key-remaining-requests": 49,
        "x-ratelimit-model_per_key-limit-requests": 50,
        "x-ratelimit-model_per_key-remaining-tokens": 4990,
        "x-ratelimit-model_per_key-limit-tokens": 5000,
    }
    assert of_limits(response._hidden_params["additional_headers"]) == expected
    assert of_limits(mirrored) == expected
    assert of_limits(streamed._hidden_params["additional_headers"]) == expected


@in_a_loop
async def test_what_was_not_checked_has_no_headers() -> None:
    handler, fields = limiter(), logged()
    await ask(handler, caller())
    await handler.async_logging_hook(kwargs=fields, result=answer(1, 1), call_type="acompletion")
    hidden = fields["standard_logging_object"].get("hidden_params") or {}
    assert of_limits(hidden.get("additional_headers")) == {}


@in_a_loop
async def test_a_dictionary_gets_headers_where_it_has_a_place_for_them() -> None:
    handler = limiter()
    status: Any = {"code": "OK", "current_limit": 100, "limit_remaining": 99, "rate_limit_type": "requests"}
    statuses = [{**status, "descriptor_key": "model_saturation_check"}]
    get_or_create_request_stash().rate_limit_response = {"overall_code": "OK", "statuses": statuses}  # type: ignore[typeddict-item]
    raw: Any = {"id": "m", "content": []}
    placed: Any = {**raw, "_hidden_params": {"additional_headers": {"x-litellm-attempted-retries": 0}}}
    for response in (raw, placed):
        await handler.async_post_call_success_hook(data={}, user_api_key_dict=caller(), response=response)
    assert raw == {"id": "m", "content": []}
    assert placed["_hidden_params"]["additional_headers"] == {
        "x-litellm-attempted-retries": 0,
        "x-ratelimit-model_saturation_check-limit-requests": 100,
        "x-ratelimit-model_saturation_check-remaining-requests": 99,
    }


@in_a_loop
async def test_headers_that_cannot_be_made_lose_no_response() -> None:
    handler, who = limiter(), caller(rpm_limit=5)
    data, response = await ask(handler, who), answer(1, 1)
    response._hidden_params = {}

    def fail(**_keywords: Any) -> None:
        raise RuntimeError("no headers")

    handler._merge_ratelimit_statuses_into_additional_headers = fail
    await handler.async_post_call_success_hook(data=data, user_api_key_dict=who, response=response)
    assert stash().parallel_slot is None
