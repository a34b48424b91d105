"""The proxy's count of a request's input, for budgets: each shape of request, and who counts it."""

import asyncio
import json
from types import MappingProxyType
from typing import Any
from unittest import mock

import litellm
import pytest
from litellm.proxy.spend_tracking import input_tokens
from litellm.rust_bridge import configuration, token_counter

from support.pins import alike, native, user

MODELS = ("claude-sonnet-4-5-20250929", "gpt-4", "gpt-4o", "gpt-5")
ASKED = [user("How high is the water?")]
UNIT = {"type": "object", "properties": {"unit": {"type": "string", "enum": ["m", "ft"]}}, "required": ["unit"]}
TIDE = {"type": "function", "function": {"name": "tide", "description": "Times", "parameters": UNIT}}
TURNS = [
    {"role": "system", "content": "Answer in one short sentence."},
    user([{"type": "text", "text": "Sum it up."}], name="bob"),
    {"role": "assistant", "content": "Sure."},
]
RESPONSES = [
    {"role": "user", "content": [{"type": "input_text", "text": "Sum it up"}]},
    {"role": "assistant", "content": "Sure."},
]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}

# A request, and its tokens in each of the models; None where nothing is to be counted.
BODIES: dict[str, tuple[dict[str, Any], tuple[int | None, ...]]] = {
    "messages": ({"messages": ASKED}, (13, 13, 13, 13)),
    "turns": ({"messages": TURNS}, (29, 29, 29, 29)),
    "tools": (
        {
            "messages": ASKED,
            "tools": [TIDE],
            "tool_choice": {"type": "function", "function": {"name": "tide"}},
        },
        (66, 60, 59, 59),
    ),
    "long": ({"messages": [user("x " * 500)]}, (508, 508, 508, 508)),
    "prompt": ({"prompt": "Write about ships.", "max_tokens": 20}, (4, 4, 4, 4)),
    "prompts": ({"prompt": ["first text", "second text"]}, (4, 4, 4, 4)),
    "input": ({"input": RESPONSES, "instructions": "brief"}, (39, 38, 38, 38)),
    "embedding": ({"input": "one text"}, (2, 2, 2, 2)),
    "token ids": ({"input": [[101, 2023, 5], [7]], "encoding_format": "float"}, (5, 5, 5, 5)),
    "documents": (
        {"query": "best harbour", "documents": ["one", {"text": "two", "title": "T", "n": 3}]},
        (20, 21, 21, 21),
    ),
    "messages are none": ({"messages": None, "prompt": "ignored"}, (3, 3, 3, 3)),
    "no input": ({"temperature": 1}, (None, None, None, None)),
    "a number": ({"prompt": 1.5}, (3, 3, 3, 3)),
    "a number in a document": ({"documents": [{"score": 0.5}]}, (7, 8, 8, 8)),
    "an image": ({"messages": [user([PICTURE])]}, (92, 92, 92, 92)),
    "a block that is unknown": ({"messages": [user([{"type": "riddle"}])]}, (17, 17, 17, 17)),
}


@pytest.fixture(autouse=True)
def bridge_as_before() -> Any:
    """LiteLLM's own extension can count here; a test may say that it shall."""
    configuration.reset_rust_configuration()
    yield
    token_counter.TOKEN_COUNTER.reset()
    token_counter._counter.cache_clear()
    configuration.reset_rust_configuration()


def of_models(body: dict[str, Any], raw: bytes | None) -> dict[str, int]:
    counted = asyncio.run(input_tokens.count_input_tokens(body, raw, MODELS))
    assert isinstance(counted, MappingProxyType)
    return dict(counted)


@pytest.mark.parametrize("name", BODIES)
def test_a_request(name: str) -> None:
    body, expected = BODIES[name]
    for model, tokens in zip(MODELS, expected, strict=True):
        alike(tokens, input_tokens.count_input_tokens_for_model, request_body=body, model=model)
    known = {model: tokens for model, tokens in zip(MODELS, expected, strict=True) if tokens is not None}
    alike(known, of_models, body, json.dumps(body).encode())


@pytest.mark.parametrize("rust", [False, True])
@pytest.mark.parametrize("raw", [None, b'{"messages": []}'])
def test_the_count_is_pythons_whatever_litellms_extension_is_told(raw: bytes | None, rust: bool) -> None:
    """In this release its rule is to count in Python: the raw body, another one here, is never read."""
    litellm.rust(rust)
    with native():
        assert of_models({"messages": ASKED}, raw) == dict.fromkeys(MODELS, 13)


@pytest.mark.parametrize("factory", [None, mock.Mock()])
def test_an_extension_that_is_missing_or_replaced_is_not_asked(factory: Any) -> None:
    litellm.rust(True)
    token_counter.TOKEN_COUNTER.override(factory)
    with native():
        assert of_models({"messages": ASKED}, b"{}") == dict.fromkeys(MODELS, 13)
    if factory is not None:
        assert factory.mock_calls == []


@pytest.mark.parametrize(("chars", "tokens"), [(29_900, 3_745), (30_001, 3_758)])
def test_a_large_request_is_counted_in_a_thread(chars: int, tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 30,000 characters of the rendered request on; the names of its keys are among them."""
    assert input_tokens.TOKENIZE_OFF_EVENT_LOOP_MIN_CHARS == 30_000
    threads = []

    async def to_thread(function: Any, *arguments: Any, **keywords: Any) -> Any:
        threads.append(function)
        return function(*arguments, **keywords)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    body = {"messages": [user("x" * chars)]}
    with native():
        counted = asyncio.run(input_tokens.count_input_tokens(body, None, ["gpt-4"]))
    assert dict(counted) == {"gpt-4": tokens}
    assert len(threads) == (chars > 30_000)


def test_the_size_that_decides_it() -> None:
    size = input_tokens._approximate_input_size
    for body in (
        {"messages": ASKED, "tools": [TIDE], "tool_choice": "auto"},
        {"prompt": "x" * 29_999},
        {"query": None, "documents": [1, {"a": "é"}]},
        {},
    ):
        fields = ("messages", "prompt", "input", "query", "documents", "tools", "tool_choice")
        rendered = sum(len(str(body.get(field, ""))) for field in fields)
        limit = input_tokens.TOKENIZE_OFF_EVENT_LOOP_MIN_CHARS
        assert (size(body) < limit) == (rendered < limit)
