"""What of a project's reservation is settled, by what the response says it used."""

from typing import Any

import pytest
from litellm.proxy.hooks.parallel_request_limiter_v3 import get_or_create_request_stash
from litellm.types.llms.openai import InputTokensDetails, ResponseAPIUsage, ResponsesAPIResponse
from litellm.types.rerank import RerankResponse
from litellm.types.utils import ModelResponse, PromptTokensDetailsWrapper, Usage

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
    stash,
    succeed,
)

pytestmark = pytest.mark.usefixtures("side")

INPUT, OUTPUT = ("model_per_project_itpm", f"p:{MODEL}"), ("model_per_project_otpm", f"p:{MODEL}")

TOKENS = {"input": f"{{{INPUT[0]}:{INPUT[1]}}}:tokens", "output": f"{{{OUTPUT[0]}:{OUTPUT[1]}}}:tokens"}


def member(both: int | None = None, given: int | None = None, made: int | None = None, **limits: Any) -> Any:
    """A key of the project, which has these limits for the model: of all tokens, of input, of output."""
    parts = {"model_tpm_limit": both, "model_itpm_limit": given, "model_otpm_limit": made}
    metadata = {name: {MODEL: limit} for name, limit in parts.items() if limit is not None}
    return caller(project_id="p", project_metadata=metadata, **limits)


async def standing(handler: Any) -> tuple[int, int, int]:
    """The counters of all tokens, of input and of output."""
    whole = await counter(handler, "model_per_project", f"p:{MODEL}", "tokens")
    return whole, await counter(handler, *INPUT, "tokens"), await counter(handler, *OUTPUT, "tokens")


def reserved(given: int, made: int) -> Any:
    request = get_or_create_request_stash()
    request.itpm_reserved_tokens, request.itpm_reserved_scopes = given, frozenset({INPUT})
    request.otpm_reserved_tokens, request.otpm_reserved_scopes = made, frozenset({OUTPUT})
    return request


@in_a_loop
async def test_each_settles_by_its_own() -> None:
    """Without what was read from a cache."""
    handler = limiter()
    settles = captured_settles(handler)
    reserved(100, 60)
    details = {"prompt_tokens_details": PromptTokensDetailsWrapper(cached_tokens=30)}
    await succeed(handler, answer(80, 40, **details))
    settled = by_key(settles)
    assert {kind: settled[key] for kind, key in TOKENS.items()} == {"input": -50, "output": -20}


@in_a_loop
async def test_a_failure_gives_both_back() -> None:
    handler = limiter()
    settles = captured_settles(handler)
    reserved(100, 60)
    await fail(handler)
    settled = by_key(settles)
    assert {kind: settled[key] for kind, key in TOKENS.items()} == {"input": -100, "output": -60}


@in_a_loop
async def test_a_stream_that_broke_settles_at_what_it_used() -> None:
    handler = limiter()
    await ask(handler, member(given=10_000, made=10_000), messages=HELLO, max_tokens=50, litellm_call_id="mine")
    usage = Usage(prompt_tokens=20, completion_tokens=7, total_tokens=27)
    await fail(handler, litellm_call_id="mine", combined_usage_object=usage)
    assert (await standing(handler))[1:] == (20, 7)


@in_a_loop
async def test_a_disconnected_stream_keeps_what_it_reserved() -> None:
    handler, who = limiter(), member(given=1000, made=500)
    await ask(handler, who, messages=HELLO, max_tokens=50)
    before = await standing(handler)
    await handler.async_release_max_parallel_requests_on_disconnect(who)
    assert (await standing(handler), stash().reservation_released) == (before, False)


@pytest.mark.parametrize("later", [False, True])
@in_a_loop
async def test_it_settles_in_the_window_in_which_it_was_reserved(later: bool, moment: Moment) -> None:
    handler = limiter(time_provider=moment)
    limits: Any = {"tokens_per_unit": 1000, "window_size": 60}
    descriptors: Any = [{"key": INPUT[0], "value": INPUT[1], "rate_limit": limits}]

    async def reserve(tokens: int) -> Any:
        return await handler.atomic_check_and_increment_by_n(
            descriptors=descriptors, increments=[{"tokens": tokens}]
        )

    windows = (await reserve(100))["reservation_windows"]
    request = get_or_create_request_stash()
    request.itpm_reserved_tokens, request.itpm_reserved_scopes = 100, frozenset({INPUT})
    request.itpm_reserved_window_identities = windows
    if later:
        moment.advance(61)
        assert not windows & (await reserve(20))["reservation_windows"]
    await succeed(handler, answer(10, 0))
    assert await counter(handler, *INPUT, "tokens") == (20 if later else 10)


@in_a_loop
async def test_on_redis_the_script_knows_that_window() -> None:
    """And where it fails nothing is taken back without it."""
    handler = limiter()
    calls: list[Any] = []
    unguarded: list[Any] = []

    async def guarded(*, keys: Any, args: Any) -> None:
        calls.append((list(keys), list(args)))
        raise RuntimeError("no Redis")

    async def plainly(pipeline_operations: Any, **_keywords: Any) -> None:
        unguarded.extend(pipeline_operations)

    handler.window_guarded_token_increment_script = guarded
    handler.async_increment_tokens_with_ttl_preservation = plainly
    window = TOKENS["input"].replace(":tokens", ":window")
    operation = {"key": TOKENS["input"], "increment_value": -90, "ttl": 60, "window_key": window}
    operation |= {"expected_window_start": "1234", "reservation_backend": "redis"}
    await handler.async_increment_reservation_aware_tokens(pipeline_operations=[operation])
    assert calls == [([window, TOKENS["input"]], ["1234", -90, 60])]
    assert unguarded == []


@in_a_loop
async def test_on_redis_the_script_answers_with_that_window() -> None:
    handler = limiter()

    async def passed(*, keys: Any, args: Any) -> list[int]:
        assert (list(keys), list(args)) == (["w", TOKENS["input"]], [100, 25, 60, 60])
        return [0, 25, 1234]

    handler.check_and_increment_by_n_script = passed
    assert await handler._atomic_lua_per_descriptor([]) == {"overall_code": "OK", "statuses": []}
    meta: Any = {"descriptor_key": INPUT[0], "descriptor_value": INPUT[1], "current_limit": 100}
    meta |= {"rate_limit_type": "tokens", "counter_key": TOKENS["input"]}
    answered = await handler._atomic_lua_per_descriptor([(["w", TOKENS["input"]], [100, 25, 60, 60], [meta])])
    assert answered["statuses"][0]["limit_remaining"] == 75
    assert answered["reservation_windows"] == frozenset({(TOKENS["input"], "1234", "redis")})


RESPONSE: Any = {"id": "r", "created_at": 0, "output": []}

DETAILS = InputTokensDetails(cached_tokens=25)


@pytest.mark.parametrize(
    ("response", "usage"),
    [
        (answer(80, 40), (80, 40, True)),
        (
            ResponsesAPIResponse(
                **RESPONSE, usage=ResponseAPIUsage(input_tokens=80, output_tokens=400, total_tokens=480)
            ),
            (80, 400, True),
        ),
        (
            ResponsesAPIResponse(
                **RESPONSE,
                usage=ResponseAPIUsage(
                    input_tokens=100, output_tokens=50, total_tokens=150, input_tokens_details=DETAILS
                ),
            ),
            (75, 50, True),
        ),
        (ModelResponse.model_construct(usage={"prompt_tokens": 80, "completion_tokens": 40}), (80, 40, True)),
        (ModelResponse.model_construct(usage=42), (0, 0, False)),
        ({"usage": {"input_tokens": 100, "output_tokens": 25, "cache_read_input_tokens": 30}}, (70, 25, True)),
        ({"input_tokens": 30, "output_tokens": 12, "input_tokens_details": {"cached_tokens": 5}}, (25, 12, True)),
        (RerankResponse(meta={"tokens": {"input_tokens": 42, "output_tokens": 3}}), (42, 3, True)),
        (
            RerankResponse(meta={"tokens": {"input_tokens": 0}, "billed_units": {"total_tokens": 57}}),
            (57, 0, True),
        ),
        (RerankResponse(meta={"tokens": {"input_tokens": 0}, "billed_units": {"total_tokens": 0}}), (0, 0, False)),
        (object(), (0, 0, False)),
    ],
)
def test_what_a_response_used(response: Any, usage: tuple[int, int, bool]) -> None:
    assert limiter()._resolve_io_token_reconcile_usage(response) == usage


SPLIT = Usage(prompt_tokens=40, completion_tokens=15, total_tokens=55)

NOTHING = Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0)


@pytest.mark.parametrize(
    ("fields", "usage", "released", "settled"),
    [
        ({}, NOTHING, False, ()),
        ({"combined_usage_object": SPLIT}, NOTHING, False, (-60, -45)),
        ({"combined_usage_object": Usage(total_tokens=55)}, None, False, (-45, -5)),
        ({"combined_usage_object": SPLIT}, None, False, (-60, -45)),
        ({}, None, False, ()),
        ({}, SPLIT, True, (40, 15)),
        ({}, NOTHING, True, (100, 60)),
    ],
)
@in_a_loop
async def test_what_is_settled(fields: Any, usage: Usage | None, released: bool, settled: tuple[int, ...]) -> None:
    """What was given back and then succeeds after all is charged whole; what cannot be told stays reserved."""
    request = reserved(100, 60)
    request.reservation_released = released
    response: Any = object() if usage is None else ModelResponse(usage=usage)
    operations = limiter()._build_io_token_reservation_ops(fields, response)
    assert tuple(operation["increment_value"] for operation in operations) == settled


@in_a_loop
async def test_a_frame_of_a_socket_is_limited_by_itself() -> None:
    handler = limiter()

    async def frame(who: Any, tokens: int) -> None:
        await handler.enforce_project_io_token_quota_for_frame(
            user_api_key_dict=who,
            requested_model=MODEL,
            estimated_input_tokens=1,
            estimated_output_tokens=tokens,
        )

    await frame(member(made=50), 30)
    with pytest.raises(Exception, match="model_per_project_otpm"):
        await frame(member(made=50), 30)
    await frame(caller(), 10_000_000)
