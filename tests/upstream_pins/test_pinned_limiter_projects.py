"""A project's tokens of input and of output, each with its own limit, reservation and settling."""

import asyncio
from typing import Any

import pytest

from support.limiter import (
    HELLO,
    MODEL,
    ask,
    caller,
    captured_settles,
    counter,
    fail,
    in_a_loop,
    limiter,
    refusal,
    reject,
    stash,
)

pytestmark = pytest.mark.usefixtures("side")

INPUT, OUTPUT = ("model_per_project_itpm", f"p:{MODEL}"), ("model_per_project_otpm", f"p:{MODEL}")


def member(both: int | None = None, given: int | None = None, made: int | None = None, **limits: Any) -> Any:
    """A key of the project, which has these limits for the model: of all tokens, of input, of output."""
    parts = {"model_tpm_limit": both, "model_itpm_limit": given, "model_otpm_limit": made}
    metadata = {name: {MODEL: limit} for name, limit in parts.items() if limit is not None}
    return caller(project_id="p", project_metadata=metadata, **limits)


async def standing(handler: Any) -> tuple[int, int, int]:
    """The counters of all tokens, of input and of output."""
    whole = await counter(handler, "model_per_project", f"p:{MODEL}", "tokens")
    return whole, await counter(handler, *INPUT, "tokens"), await counter(handler, *OUTPUT, "tokens")


@in_a_loop
async def test_requests_at_once_do_not_pass_the_limit() -> None:
    handler, who = limiter(), member(made=100)
    asked = (ask(handler, who, messages=HELLO, max_tokens=50) for _ in range(5))
    results = await asyncio.gather(*asked, return_exceptions=True)
    codes = [getattr(result, "status_code", None) for result in results]
    assert (codes.count(None), codes.count(429)) == (2, 3), "which of them is up to the threads that count"


@pytest.mark.parametrize(
    ("data", "call_type", "limit"),
    [
        ({"messages": HELLO, "max_tokens": 100, "n": 10}, "acompletion", 500),
        ({"messages": HELLO, "max_tokens": 1, "max_completion_tokens": 100}, "acompletion", 50),
        ({"contents": [], "config": {"maxOutputTokens": 100}}, "agenerate_content", 50),
        ({"contents": [], "generationConfig": {"maxOutputTokens": 100}}, "agenerate_content_stream", 50),
        ({"contents": [], "config": {"maxOutputTokens": 50, "candidateCount": 4}}, "agenerate_content", 150),
        ({"contents": [], "config": {"maxOutputTokens": 50, "candidate_count": 4}}, "agenerate_content", 150),
        ({"input": "describe", "max_output_tokens": 0}, "aresponses", 5),
    ],
)
@in_a_loop
async def test_all_that_may_be_written_is_reserved(data: Any, call_type: str, limit: int) -> None:
    error = await refusal(limiter(), member(made=limit), call_type, **data)
    assert "Rate limit exceeded for model_per_project_otpm" in error.detail


SAID: Any = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


@pytest.mark.parametrize(
    ("data", "call_type", "where", "cap"),
    [
        ({"input": "describe"}, "aresponses", ("max_output_tokens",), 16),
        ({"input": "describe", "max_tokens": 1}, "aresponses", ("max_output_tokens",), 16),
        ({"messages": HELLO}, "acompletion", ("max_tokens",), 10),
        ({"messages": HELLO, "max_output_tokens": 1}, "acompletion", ("max_tokens",), 10),
        (SAID, "agenerate_content", ("config", "maxOutputTokens"), 10),
        ({**SAID, "config": {"temperature": 0}}, "agenerate_content", ("config", "maxOutputTokens"), 10),
        (
            {**SAID, "generationConfig": {"temperature": 0}},
            "agenerate_content_stream",
            ("generationConfig", "maxOutputTokens"),
            10,
        ),
    ],
)
@in_a_loop
async def test_a_small_limit_caps_the_answer_where_its_route_reads_it(
    data: Any, call_type: str, where: tuple[str, ...], cap: int
) -> None:
    written: Any = await ask(limiter(), member(made=40), call_type, **data)
    assert stash().otpm_reserved_tokens == cap
    for name in where:
        written = written[name]
    assert written == cap


@in_a_loop
async def test_a_cap_of_the_routes_own_is_left() -> None:
    data = await ask(limiter(), member(made=100), "responses", input="hello", max_output_tokens=80)
    assert ("max_tokens" in data, data["max_output_tokens"]) == (False, 80)


LONG = [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "input_audio", "input_audio": {}}]}]


@pytest.mark.parametrize(
    ("data", "call_type", "limit"),
    [
        ({"input": list(range(51))}, "aembedding", 50),
        ({"input": [list(range(25)), list(range(26))]}, "aembedding", 50),
        ({"messages": LONG}, "acompletion", 50),
    ],
)
@in_a_loop
async def test_all_that_is_read_is_reserved(data: Any, call_type: str, limit: int) -> None:
    error = await refusal(limiter(), member(given=limit), call_type, **data)
    assert "Rate limit exceeded for model_per_project_itpm" in error.detail


@in_a_loop
async def test_a_refusal_for_output_gives_the_rest_back_once() -> None:
    handler, who = limiter(), member(both=100_000, given=100_000, made=5)
    error = await refusal(handler, who, messages=HELLO, max_tokens=60)
    assert "model_per_project_otpm" in error.detail
    assert await standing(handler) == (0, 0, 0)
    await reject(handler, who, {})
    await fail(handler)
    assert await standing(handler) == (0, 0, 0)


@pytest.mark.parametrize("both", [None, 100_000])
@in_a_loop
async def test_each_gets_back_what_it_reserved(both: int | None) -> None:
    handler, who = limiter(), member(both=both, given=100_000, made=100_000)
    data = await ask(handler, who, messages=HELLO, max_tokens=60)
    whole, given, made = await standing(handler)
    assert (whole > 0, given > 0, made) == (both is not None, True, 60)
    await reject(handler, who, data)
    assert await standing(handler) == (0, 0, 0)


def test_all_keys_of_a_scope_are_in_one_slot_of_a_cluster() -> None:
    handler = limiter()
    limits: Any = {"requests_per_unit": 10, "tokens_per_unit": 100, "window_size": 60}
    keys, _args, _meta = handler._build_descriptor_atomic_payload(
        descriptor={"key": "api_key", "value": "abc", "rate_limit": limits},
        increment_amounts={"requests": 1, "tokens": 10},
    )
    assert {key.partition("}")[0] for key in keys} == {"{api_key:abc"}


@in_a_loop
async def test_reserving_for_nothing_changes_nothing() -> None:
    handler = limiter()
    limits: Any = {"tokens_per_unit": 10_000, "window_size": 60}

    async def reserve(key: str) -> tuple[Any, int, int]:
        response, given, made = await handler.reserve_io_tokens(
            descriptors=[{"key": key, "value": "v", "rate_limit": limits}],
            estimated_input_tokens=100,
            estimated_output_tokens=50,
        )
        return response["overall_code"], given, made

    assert await reserve("api_key") == ("OK", 0, 0)
    assert await reserve(INPUT[0]) == ("OK", 100, 0)
    settles = captured_settles(handler)
    await handler._refund_reserved_tokens(scopes=[("api_key", "key")], amount=0)
    assert settles == []


@in_a_loop
async def test_without_reservations_these_are_still_reserved_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_TPM_TOKEN_RESERVATION_ENABLED", "false")
    handler = limiter()
    await ask(handler, member(given=10_000, made=10_000), messages=HELLO, max_tokens=50)
    request = stash()
    assert (await standing(handler))[1:] == (request.itpm_reserved_tokens, request.otpm_reserved_tokens)
    assert request.otpm_reserved_tokens == 50


@in_a_loop
async def test_a_refusal_for_output_gives_the_slot_back() -> None:
    handler = limiter()
    released: list[Any] = []

    async def release(acquisition: Any, parent_otel_span: Any = None) -> None:
        released.append(acquisition)

    handler._release_parallel_request_slots = release
    await refusal(handler, member(made=5, max_parallel_requests=1), messages=HELLO, max_tokens=50)
    assert len(released) == 1
    assert stash().parallel_slot is None


@in_a_loop
async def test_its_statuses_are_kept_for_the_headers() -> None:
    await ask(limiter(), member(given=100_000), messages=HELLO)
    statuses = stash().rate_limit_response["statuses"]
    assert [(s["descriptor_key"], s["current_limit"]) for s in statuses] == [(INPUT[0], 100_000)]


@pytest.mark.parametrize(
    ("data", "call_type"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}, "acompletion"),
        ({"input": "continue", "previous_response_id": "resp"}, "aresponses"),
        ({"contents": [{"role": "user", "parts": [{"text": "input " * 200}]}]}, "agenerate_content"),
    ],
)
@in_a_loop
async def test_the_input_is_measured_and_not_taken_for_the_whole_limit(data: Any, call_type: str) -> None:
    handler = limiter()
    for _ in range(2):
        await ask(handler, member(given=10_000), call_type, **data)
        assert 0 < stash().itpm_reserved_tokens < 5000
