"""How many tokens a request is taken for before it is answered, and the cap that a small limit puts on it."""

import logging
from typing import Any

import litellm
import pytest
from litellm.proxy.hooks.parallel_request_limiter_v3 import PROXY_MaxParallelRequestsHandler_v3 as Handler

from support.limiter import HELLO, admitted, ask, caller, counter, in_a_loop, limiter, refusal, stash

pytestmark = pytest.mark.usefixtures("side")
FLOOR = 1024
SIXTEEN = [{"role": "user", "content": "abcd" * 4}]


@pytest.mark.parametrize(
    ("data", "limit", "call_type", "tokens"),
    [
        ({"messages": SIXTEEN, "max_tokens": 25}, None, None, 29),
        ({"messages": SIXTEEN, "max_tokens": 0}, None, None, 4),
        ({"input": "hello world"}, None, None, 2),
        ({"input": "describe this image in detail", "max_output_tokens": 0}, 40, "aresponses", 23),
        ({"messages": HELLO}, None, None, 1 + FLOOR),
        ({"messages": HELLO}, 100_000, None, 1 + FLOOR),
        ({"messages": HELLO}, 1000, None, 251),
        ({"messages": HELLO, "max_tokens": 1, "max_completion_tokens": 10_000}, None, None, 10_001),
        ({"messages": HELLO, "max_tokens": 10_000.0}, None, None, 10_001),
        ({"messages": HELLO, "max_tokens": "10000"}, None, None, 10_001),
        ({"messages": [{"role": "user", "content": "x" * 400}], "max_tokens": 1}, None, "acompletion", 101),
    ],
)
def test_an_estimate(data: Any, limit: int | None, call_type: str | None, tokens: int) -> None:
    estimated = limiter()._estimate_tokens_for_request(
        data=data, min_configured_tpm_limit=limit, call_type=call_type
    )
    assert estimated == tokens


@pytest.mark.parametrize(
    ("data", "call_type", "output"),
    [
        ({"messages": HELLO, "max_tokens": 100, "n": 10}, "acompletion", 1000),
        ({"prompt": "hello", "max_tokens": 100, "n": 2, "best_of": 5}, "text_completion", 500),
        ({"messages": HELLO, "max_tokens": 100, "n": 0, "best_of": "wrong"}, "acompletion", 100),
        ({"input": "hello"}, "aembedding", 0),
    ],
)
def test_every_candidate_is_an_answer(data: Any, call_type: str, output: int) -> None:
    assert limiter()._estimate_input_and_output_tokens(data=data, call_type=call_type)[1] == output


@pytest.mark.parametrize(
    ("data", "call_type", "cap"),
    [
        ({"max_tokens": "30.0"}, "", 30),
        ({"max_tokens": "no number"}, "", None),
        ({"max_tokens": True}, "", None),
        ({"max_output_tokens": "30.0"}, "responses", 30),
        ({"max_output_tokens": "nan"}, "responses", None),
        ({"max_output_tokens": []}, "responses", None),
        ({"generationConfig": {"maxOutputTokens": "12.5"}}, "agenerate_content", 12),
        ({"generationConfig": {"maxOutputTokens": "no"}}, "agenerate_content", None),
        (object(), None, None),
    ],
)
def test_a_cap_that_cannot_be_read_is_none(data: Any, call_type: Any, cap: int | None) -> None:
    assert Handler._get_explicit_output_cap(data, call_type) == cap


def test_what_is_no_request_is_estimated_at_nothing() -> None:
    handler = limiter()
    nothing = object()
    assert handler._is_embedding_request(nothing, None) is False
    assert handler.get_output_candidate_count(nothing) == 1
    assert handler.get_output_candidate_count({"n": 1e309}) == 1
    assert handler._apply_implicit_output_cap(nothing, 100, "responses") is None
    assert handler._estimate_input_and_output_tokens(nothing) == (0, 0)
    assert handler._build_io_token_reservation_ops(nothing, nothing) == ()
    assert handler._responses_input_to_chat_messages(nothing) == ()
    assert handler._estimate_precise_input_tokens(nothing, model=None) == 0


@pytest.mark.parametrize(
    ("call_type", "data"),
    [
        ("text_completion", {"messages": HELLO, "prompt": "abcd", "input": "ignored", "max_tokens": 1}),
        (None, {"prompt": "abcd", "max_tokens": 1}),
        (None, {"prompt": ["abcd", "efgh"], "max_tokens": 1}),
    ],
)
def test_the_route_says_which_field_is_the_prompt(call_type: Any, data: Any) -> None:
    prompt, output = limiter()._estimate_input_and_output_tokens(data=data, call_type=call_type)
    assert (prompt > 0, output) == (True, 1)


TIERS: list[tuple[dict[str, Any], dict[str, Any], int]] = [
    ({"model": 3001, "any": 2002}, {"model": 1503, "any": 777}, 3001),
    ({"any": 2002}, {"model": 1503, "any": 777}, 2002),
    ({"other": 9999}, {"model": 1503, "any": 777}, 1503),
    ({}, {"any": 777}, 777),
    ({}, {}, FLOOR),
    ({"any": "no number"}, {}, FLOOR),
    ({"any": 0}, {}, FLOOR),
    ({"model": "huge", "any": 2002}, {}, 2002),
    ({"model": 3001, "any": -5}, {}, 3001),
]


def declared(tiers: dict[str, Any]) -> dict[str, Any]:
    """Metadata that says how long answers are: of the model that is asked, of another, of any."""
    models = {name: tiers[key] for key, name in (("model", "gpt-4o"), ("other", "another")) if key in tiers}
    found: dict[str, Any] = {"unrelated": "value"}
    if models:
        found["default_estimated_output_tokens_per_model"] = models
    if "any" in tiers:
        found["default_estimated_output_tokens"] = tiers["any"]
    return found


@pytest.mark.parametrize(("key", "team", "output"), TIERS)
@in_a_loop
async def test_a_declared_length_of_answers(key: Any, team: Any, output: int) -> None:
    """The key's before its team's, of the model before any; one wrong entry spoils no other."""
    handler = limiter()
    who = caller(tpm_limit=1_000_000, metadata=declared(key), team_metadata=declared(team))
    await ask(handler, who, messages=HELLO)
    assert await counter(handler, "api_key", "key", "tokens") == 1 + output


@pytest.mark.parametrize(
    ("data", "call_type", "tokens"),
    [
        ({"messages": HELLO, "max_tokens": 42}, "acompletion", 43),
        ({"input": "hello"}, "embedding", 1),
        ({"messages": []}, "acompletion", 2002),
    ],
)
@in_a_loop
async def test_where_a_declared_length_holds(data: Any, call_type: str, tokens: int) -> None:
    """Not where the request says more, nor where nothing is written; but without a prompt too."""
    handler = limiter()
    await ask(handler, caller(tpm_limit=1_000_000, metadata=declared({"any": 2002})), call_type, **data)
    assert await counter(handler, "api_key", "key", "tokens") == tokens


@pytest.mark.parametrize(("length", "cap"), [(900, 900), (120, 500), (None, 500)])
@in_a_loop
async def test_a_declared_length_loosens_the_cap_of_a_small_limit(length: int | None, cap: int) -> None:
    handler = limiter()
    metadata = declared({} if length is None else {"any": length})
    data = await ask(handler, caller(tpm_limit=2000, metadata=metadata), messages=HELLO)
    assert data["max_tokens"] == cap
    assert await counter(handler, "api_key", "key", "tokens") == 1 + cap


@pytest.mark.parametrize(
    ("limit", "asked", "written"), [(1000, None, 250), (100_000, None, None), (1000, 500, 500), (1000, 0, 0)]
)
@in_a_loop
async def test_a_small_limit_caps_the_answer(limit: int, asked: int | None, written: int | None) -> None:
    who = caller(project_id="p", project_metadata={"model_tpm_limit": {"gpt-4o": limit}})
    data = await ask(limiter(), who, messages=HELLO, **({} if asked is None else {"max_tokens": asked}))
    assert data.get("max_tokens") == written


TOO_MUCH = "cannot be admitted even against an empty window"


def explained(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if TOO_MUCH in record.getMessage()]


@pytest.mark.parametrize("length", [100_000, 5000])
@in_a_loop
async def test_a_length_beyond_the_limit_is_refused_and_explained(
    length: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="LiteLLM Proxy"):
        await refusal(limiter(), caller(tpm_limit=5000, metadata=declared({"any": length})), messages=HELLO)
    (words,) = explained(caplog)
    assert all(str(number) in words for number in (length, length + 1, 5000))


@in_a_loop
async def test_nothing_else_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="LiteLLM Proxy"):
        await ask(limiter(), caller(tpm_limit=5000, metadata=declared({"any": 1000})), messages=HELLO)
        long = [{"role": "user", "content": "x" * 3600}]
        await refusal(limiter(), caller(tpm_limit=1000), messages=long)
    assert explained(caplog) == []


@in_a_loop
async def test_a_declared_length_admits_as_many_as_fit() -> None:
    assert await admitted(limiter(), caller(tpm_limit=8000), 10, messages=HELLO) == 7
    who = caller(tpm_limit=8000, metadata=declared({"any": 3000}))
    assert await admitted(limiter(), who, 10, messages=HELLO) == 2


@in_a_loop
async def test_the_larger_of_two_caps_is_reserved() -> None:
    handler, who = limiter(), caller(tpm_limit=100)
    await ask(handler, who, messages=HELLO, max_tokens=1)
    await refusal(handler, who, messages=HELLO, max_tokens=1, max_completion_tokens=10_000)


@in_a_loop
async def test_the_body_of_a_request_is_left_as_it_was() -> None:
    for extra in ({}, {"metadata": {"mine": "42"}}):
        body: Any = {"input": "hello", **extra}
        data = await ask(limiter(), caller(tpm_limit=100_000, rpm_limit=5), "aresponses", **body)
        assert data == {"model": "gpt-4o", **body}
        assert stash().reserved_tokens > 0


@in_a_loop
async def test_what_a_caller_writes_into_the_body_is_no_bookkeeping() -> None:
    handler, who = limiter(), caller()
    victim: Any = [{"key": "api_key", "value": "victim", "rate_limit": {"tokens_per_unit": 10_000}}]
    planted = {"_litellm_tpm_reserved_tokens": 9999, "_litellm_rate_limit_descriptors": victim}
    data = await ask(handler, who, messages=HELLO, metadata=dict(planted), litellm_metadata=dict(planted))
    await handler.async_post_call_failure_hook(
        request_data=data, original_exception=Exception("refused"), user_api_key_dict=who
    )
    assert stash().reserved_tokens == 0
    assert handler.internal_usage_cache.dual_cache.in_memory_cache.cache_dict == {}


@pytest.mark.parametrize(
    ("call_type", "data", "text"),
    [
        ("embedding", {"input": "one"}, "one"),
        ("embedding", {"input": ["one", "two"]}, ["one", "two"]),
        ("text_completion", {"prompt": "one"}, "one"),
        ("rerank", {"query": "q", "documents": ["a", {"text": "b"}]}, "q\na\n{'text': 'b'}"),
    ],
)
def test_where_it_matters_the_public_counter_is_asked(
    call_type: str, data: Any, text: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(litellm, "token_counter", lambda **keywords: told.update(keywords) or 7)
    assert limiter()._estimate_precise_input_tokens(data, model="m", call_type=call_type) == 7
    assert (told["text"], told["messages"]) == (text, None)


def test_where_it_fails_characters_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_keywords: Any) -> int:
        raise ValueError("no tokenizer")

    monkeypatch.setattr(litellm, "token_counter", fail)
    data = {"query": "query text", "documents": ["first document", "second document"]}
    assert limiter()._estimate_precise_input_tokens(data, model="m", call_type="rerank") == 41 // 4


@pytest.mark.parametrize(("characters", "tokens"), [(0, 300), (1000, 300), (650_000, 304), (12_900_000, 6046)])
def test_sound_costs_by_its_length(characters: int, tokens: int) -> None:
    block = {"type": "input_audio", "input_audio": {"data": "A" * characters, "format": "wav"}}
    assert Handler._estimate_audio_block_tokens(block) == tokens
    assert Handler._estimate_audio_block_tokens(object()) == Handler._estimate_audio_block_tokens({}) == 300


@pytest.mark.parametrize("messages", ["no list", ["no message"], [{"role": "user", "content": "hello"}]])
def test_messages_without_sound_stay_as_they_are(messages: Any) -> None:
    assert Handler._strip_audio_content_blocks(messages) == messages
