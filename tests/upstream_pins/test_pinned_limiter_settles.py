"""Tokens after the request: what was reserved is settled to what was used, in every scope once."""

from typing import Any

import pytest
from litellm.constants import INTERNAL_CALL_ORIGIN_METADATA_KEY
from litellm.proxy.hooks.parallel_request_limiter_v3 import (
    RateLimitedModel,
    get_or_create_request_stash,
)
from litellm.types.utils import EmbeddingResponse, PromptTokensDetailsWrapper, TextCompletionResponse, Usage

from support.limiter import (
    HELLO,
    MODEL,
    Moment,
    answer,
    ask,
    by_key,
    caller,
    captured_settles,
    counter,
    fail,
    in_a_loop,
    limiter,
    reject,
    stash,
    succeed,
)

pytestmark = pytest.mark.usefixtures("side")


def reserved(tokens: int, *scopes: tuple[str, str], model: str | None = None) -> Any:
    """This request has reserved so many tokens of each of these."""
    request = get_or_create_request_stash()
    request.reserved_tokens, request.reserved_scopes = tokens, frozenset(scopes)
    request.reserved_model = None if model is None else RateLimitedModel(requested=model, group=model)
    return request


@in_a_loop
async def test_a_success_settles_to_what_was_used(moment: Moment) -> None:
    handler, who = limiter(time_provider=moment), caller(rpm_limit=1000, tpm_limit=1000)
    for index in range(3):
        await ask(handler, who, messages=HELLO, max_tokens=200, litellm_call_id=str(index))
        await succeed(handler, answer(100, 200), litellm_call_id=str(index))
        assert await counter(handler, "api_key", "key", "tokens") == 300 * (index + 1)
    moment.advance(61)
    await ask(handler, who, messages=HELLO, max_tokens=200, litellm_call_id="later")
    await succeed(handler, answer(100, 200), litellm_call_id="later")
    assert await counter(handler, "api_key", "key", "tokens") == 300


@in_a_loop
async def test_what_reserved_gets_the_difference_and_what_did_not_gets_all() -> None:
    handler = limiter()
    settles = captured_settles(handler)
    reserved(100, ("api_key", "key"), ("organization", "o"))
    metadata = {"user_api_key_team_id": "t", "user_api_key_org_id": "o"}
    await succeed(handler, answer(20, 30), metadata=metadata)
    assert by_key(settles) == {
        "{api_key:key}:tokens": -50,
        "{organization:o}:tokens": -50,
        "{team:t}:tokens": 50,
    }
    assert {operation["ttl"] for operation in settles} == {60}


@in_a_loop
async def test_a_failure_gives_back_what_was_reserved_and_no_more() -> None:
    handler = limiter()
    settles = captured_settles(handler)
    request = reserved(100, ("api_key", "key"), ("organization", "o"))
    await fail(handler, metadata={"user_api_key_team_id": "t", "user_api_key_org_id": "o"})
    assert by_key(settles) == {"{api_key:key}:tokens": -100, "{organization:o}:tokens": -100}
    assert request.reservation_released is True
    await fail(handler)
    assert len(settles) == 2


@in_a_loop
async def test_the_model_that_reserved_is_the_one_that_gets_it_back() -> None:
    """Whatever model the callback is told of; here none."""
    handler = limiter()
    settles = captured_settles(handler)
    reserved(100, ("model_per_team", "t:small"), model="small")
    await fail(handler, metadata={"user_api_key_team_id": "t"}, model=None)
    assert by_key(settles) == {"{model_per_team:t:small}:tokens": -100}


@pytest.mark.parametrize(("completion", "left"), [(7, 27), (0, 0)])
@pytest.mark.parametrize("first", ["callback", "hook"])
@in_a_loop
async def test_a_stream_that_broke_settles_at_what_it_had_produced(completion: int, left: int, first: str) -> None:
    """Where it had produced nothing, the prompt is an estimate and all is given back."""
    handler, who = limiter(), caller(tpm_limit=10_000)
    await ask(handler, who, messages=HELLO, max_tokens=50, litellm_call_id="mine")
    usage = Usage(prompt_tokens=20, completion_tokens=completion, total_tokens=20 + completion)
    if first == "hook":
        await reject(handler, who, {"litellm_call_id": "mine", "combined_usage_object": usage})
        assert await counter(handler, "api_key", "key", "tokens") == left
    await fail(handler, litellm_call_id="mine", combined_usage_object=usage)
    assert await counter(handler, "api_key", "key", "tokens") == left


@pytest.mark.parametrize(("kind", "tokens"), [("input", 20), ("output", 30), ("total", 50)])
@in_a_loop
async def test_which_tokens_count_is_a_setting(kind: str, tokens: int) -> None:
    """The method that reads it can be replaced on the handler."""
    usage: Any = {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50}
    chat = answer(20, 30)
    responses: list[Any] = [
        chat,
        EmbeddingResponse(model=MODEL, usage=Usage(**usage)),
        TextCompletionResponse(model=MODEL, usage=Usage(**usage)),
    ]
    for response in responses:
        handler = limiter()
        handler.get_rate_limit_type = lambda: kind
        settles = captured_settles(handler)
        await succeed(handler, response)
        assert by_key(settles)["{api_key:key}:tokens"] == tokens


@pytest.mark.parametrize(("settings", "kind"), [({}, "total"), ({"token_rate_limit_type": "wrong"}, "total")])
def test_without_a_setting_all_tokens_count(settings: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm.proxy import proxy_server

    monkeypatch.setattr(proxy_server, "general_settings", settings)
    assert limiter().get_rate_limit_type() == kind


@pytest.mark.parametrize("kind", ["input", "output", "total"])
@in_a_loop
async def test_a_total_without_its_parts_counts_as_each(kind: str) -> None:
    handler = limiter()
    handler.get_rate_limit_type = lambda: kind
    settles = captured_settles(handler)
    await succeed(
        handler,
        {"response": "not read"},
        metadata={"user_api_key_team_id": "t"},
        combined_usage_object=Usage(total_tokens=1874),
    )
    assert set(by_key(settles).values()) == {1874}
    assert {"{api_key:key}:tokens", "{team:t}:tokens"} <= set(by_key(settles))


@in_a_loop
async def test_what_used_nothing_settles_nothing() -> None:
    handler = limiter()
    settles = captured_settles(handler)
    await succeed(handler, answer(0, 0))
    await succeed(handler, None)
    assert settles == []


CACHED: Any = {"prompt_tokens_details": PromptTokensDetailsWrapper(cached_tokens=800)}


@pytest.mark.parametrize(
    ("usage", "kind", "tokens"),
    [
        (Usage(prompt_tokens=1000, completion_tokens=500, total_tokens=1500, **CACHED), "total", 700),
        (Usage(prompt_tokens=1000, completion_tokens=500, total_tokens=1500, **CACHED), "input", 200),
        (Usage(prompt_tokens=1000, completion_tokens=500, total_tokens=1500, **CACHED), "output", 500),
        (Usage(prompt_tokens=1000, completion_tokens=500, total_tokens=1500), "total", 1500),
        ({"total_tokens": 1500, "prompt_tokens_details": {"cached_tokens": 600}}, "total", 900),
        (None, "total", 0),
    ],
)
def test_cached_tokens_are_not_counted(usage: Any, kind: str, tokens: int) -> None:
    assert limiter()._get_total_tokens_from_usage(usage, kind) == tokens


@pytest.mark.parametrize(("origin", "counts"), [("autorouter_compaction", True), ("shadow_eval_judge", False)])
@in_a_loop
async def test_calls_of_litellms_own_do_not_count(origin: str, counts: bool) -> None:
    """Those that a caller did not ask for."""
    handler = limiter()
    settles = captured_settles(handler)
    await succeed(handler, answer(1, 2), litellm_params={"metadata": {INTERNAL_CALL_ORIGIN_METADATA_KEY: origin}})
    assert bool(settles) is counts


@in_a_loop
async def test_what_was_admitted_under_an_alias_is_settled_where_it_pointed_then() -> None:
    aliases = {"alias": "first"}
    handler = limiter(model_group_resolver=aliases.get)
    limits = {"model_tpm_limit": {"first": 1000, "second": 1000}}
    await ask(handler, caller(metadata=limits), model="alias", messages=HELLO, max_tokens=10)
    assert stash().reserved_model == RateLimitedModel(requested="alias", group="first")
    aliases["alias"] = "second"
    settles = captured_settles(handler)
    metadata = {"model_group": "alias", "user_api_key_metadata": limits}
    await succeed(handler, answer(100, 50), model="alias", litellm_params={"metadata": metadata})
    assert by_key(settles)["{model_per_key:key:first}:tokens"] == 150 - 11
    assert not [key for key in by_key(settles) if "second" in key or "alias" in key]


@pytest.mark.parametrize(
    ("own", "shared"),
    [
        ({}, True),
        ({"model_rpm_limit": {MODEL: 10}}, True),
        ({"model_tpm_limit": {MODEL: 5000}}, False),
        ({"model_tpm_limit": {"other": 5000}}, True),
    ],
)
@in_a_loop
async def test_a_key_with_tokens_of_its_own_takes_none_of_its_teams(own: Any, shared: bool) -> None:
    handler = limiter()
    settles = captured_settles(handler)
    metadata = {
        "model_group": MODEL,
        "user_api_key_metadata": own,
        "user_api_key_team_metadata": {"model_tpm_limit": {MODEL: 500}},
    }
    await succeed(
        handler, answer(1, 2), metadata={"user_api_key_team_id": "t"}, litellm_params={"metadata": metadata}
    )
    charged = set(by_key(settles))
    assert f"{{model_per_key:key:{MODEL}}}:tokens" in charged
    assert (f"{{model_per_team:t:{MODEL}}}:tokens" in charged) is shared
