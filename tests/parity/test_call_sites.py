"""The places inside LiteLLM that count tokens reach native code: told by the tally, not by a name."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import litellm
import openai
import orjson
import pytest
from litellm.compression import compress
from litellm.litellm_core_utils.token_counter import get_modified_max_tokens
from litellm.llms.openai.common_utils import build_output_token_limit_response

import accel
from support.calls import calls_of, strict
from support.comparison import SEAMS

MESSAGES = [{"role": "user", "content": "Tell me something about the sea, and be brief."}]
BODY = {"model": "gpt-4o", "messages": MESSAGES}
PROMPT = {"token_counter": 1}
CALLBACK_LISTS = [name for name in vars(litellm) if name.endswith(("callback", "callbacks"))]

Site = Callable[[], Any]


def stream() -> int:
    chunks = litellm.completion(model="gpt-4o", messages=MESSAGES, stream=True, mock_response="It is salt.")
    return len(list(chunks))


def async_stream() -> int:
    async def consume() -> int:
        chunks = await litellm.acompletion(
            model="claude-sonnet-4-5", messages=MESSAGES, stream=True, mock_response="It is salt."
        )
        return len([chunk async for chunk in chunks])

    return asyncio.run(consume())


def budget_reservation() -> dict[str, int]:
    from litellm.proxy.spend_tracking.budget_reservation import count_request_input_tokens

    counting = count_request_input_tokens(
        request_body=BODY, route="/chat/completions", llm_router=None, raw_body=orjson.dumps(BODY)
    )
    return dict(asyncio.run(counting))


def large_budget_reservation() -> dict[str, int]:
    """Large enough for LiteLLM to count in a thread."""
    from litellm.proxy.spend_tracking.input_tokens import count_input_tokens

    body = {"messages": [{"role": "user", "content": "the sea " * 10_000}]}
    return dict(asyncio.run(count_input_tokens(body, orjson.dumps(body), ["gpt-4o", "claude-sonnet-4-5"])))


def routed(strategy: str, **settings: Any) -> str:
    async def complete() -> Any:
        return await router_of(strategy, **settings).acompletion(model="sea", messages=MESSAGES)

    return asyncio.run(complete()).choices[0].message.content


def routed_without_a_loop(strategy: str) -> str:
    answer = router_of(strategy).completion(model="sea", messages=MESSAGES)
    return answer.choices[0].message.content


def router_of(strategy: str, **settings: Any) -> litellm.Router:
    deployments = [
        {
            "model_name": "sea",
            "litellm_params": {
                "model": "openai/gpt-4o-mini",
                "api_key": key,
                "mock_response": "It is salt.",
                # Without a limit the strategies have no use for a count, and accel leaves it out.
                "tpm": 1_000_000,
            },
        }
        for key in ("one", "two")
    ]
    return litellm.Router(model_list=deployments, routing_strategy=strategy, **settings)


def output_token_limit() -> int:
    response = httpx.Response(400, request=httpx.Request("POST", "https://example.invalid"))
    error = openai.BadRequestError("too long", response=response, body=None)
    _, completion = build_output_token_limit_response(error, BODY, is_async=False)
    return completion.usage.prompt_tokens


def modified_max_tokens() -> int | None:
    return get_modified_max_tokens(
        "gpt-4o", "gpt-4o", MESSAGES, user_max_tokens=10, buffer_perc=None, buffer_num=None
    )


def trimmed() -> Any:
    long = [{"role": "user", "content": "the sea " * 300}]
    return litellm.utils.trim_messages(long, model="gpt-4o", max_tokens=60)


def valid_for_prompt_caching() -> bool:
    return litellm.utils.is_prompt_caching_valid_prompt("claude-sonnet-4-5", MESSAGES, min_token_count=10)


def counted_tokens() -> int:
    # A provider without a counting interface of its own: LiteLLM counts.
    return asyncio.run(litellm.acount_tokens(model="mistral/mistral-large", messages=MESSAGES)).total_tokens


def strategy_site(strategy: str, site: Callable[[str], str] = routed) -> Site:
    return lambda: site(strategy)


# The seams that answer at each site, and how often at least.
SITES: dict[str, tuple[Site, dict[str, int]]] = {
    # The prompt and the answer.
    "stream builder": (stream, {"token_counter": 2}),
    "stream builder, async": (async_stream, {"token_counter": 2}),
    "budget reservation": (budget_reservation, {"token_counter": 1, "_approximate_input_size": 1}),
    "budget reservation, in a thread": (
        large_budget_reservation,
        {"token_counter": 2, "_approximate_input_size": 2},
    ),
    "usage-based routing": (strategy_site("usage-based-routing"), PROMPT),
    "usage-based routing, sync": (strategy_site("usage-based-routing", routed_without_a_loop), PROMPT),
    "usage-based routing, version 2": (strategy_site("usage-based-routing-v2"), PROMPT),
    "latency-based routing": (strategy_site("latency-based-routing"), PROMPT),
    "latency-based routing, sync": (strategy_site("latency-based-routing", routed_without_a_loop), PROMPT),
    "cost-based routing": (strategy_site("cost-based-routing"), PROMPT),
    "pre-call checks": (lambda: routed("simple-shuffle", enable_pre_call_checks=True), PROMPT),
    "prompt caching": (valid_for_prompt_caching, {"messages_reach_token_count": 1}),
    "trimming": (trimmed, {"token_counter": 2, "process_messages": 3}),
    "modified max tokens": (modified_max_tokens, PROMPT),
    "compression": (lambda: compress(MESSAGES, model="gpt-4o")["original_tokens"], PROMPT),
    "output token limit": (output_token_limit, PROMPT),
    "acount_tokens": (counted_tokens, PROMPT),
}


@pytest.fixture(autouse=True)
def callbacks_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Router strategies register themselves as callbacks of the whole process."""
    for name in CALLBACK_LISTS:
        if isinstance(getattr(litellm, name), list):
            monkeypatch.setattr(litellm, name, list(getattr(litellm, name)))
    yield
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.mark.parametrize(("site", "least"), SITES.values(), ids=SITES)
def test_the_site_counts_with_native_code(site: Site, least: dict[str, int]) -> None:
    with ExitStack() as accounts:
        accounts.enter_context(strict())
        by_seam = {seam: accounts.enter_context(calls_of(seam=seam)) for seam in SEAMS}
        native = accounts.enter_context(calls_of())
        counted = site()
    answered = {seam: calls.native for seam, calls in by_seam.items() if calls.native}
    assert answered.keys() == least.keys()
    assert all(answered[seam] >= times for seam, times in least.items()), answered
    assert native.python == {}
    with accel.disabled(), calls_of() as python:
        assert site() == counted
    # The same site, with accel off: what was native goes to Python, so it was this site that counted.
    assert python.native == 0
    assert python.python.keys() == {"off"}


def test_a_request_that_counts_nothing_leaves_the_tally_alone() -> None:
    """The counts of the routers above come from their strategies, not from the request itself."""
    with calls_of() as calls:
        assert routed("simple-shuffle") == "It is salt."
    assert calls.total == 0
