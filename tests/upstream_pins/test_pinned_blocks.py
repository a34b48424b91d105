"""Lists of content blocks: which of their fields count, and what is refused."""

from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support.pins import alike, counts_partly, refused, user

MODELS = ("gpt-3.5-turbo", "gpt-4o", "anthropic/claude-sonnet-4-5-20250929")
TEXT = {"type": "text", "text": "Which way does the tide run?"}
SPRINGS = {"type": "text", "text": "Springs."}
USE = {
    "type": "tool_use",
    "id": "toolu_01",
    "name": "tide",
    "input": {"place": "Cuxhaven, DE", "unit": "m"},
}
ANSWER = "High water at 04:12, 3.1 m."
RESULT = {"type": "tool_result", "tool_use_id": "toolu_01", "content": ANSWER}
NESTED = [{"type": "text", "text": "High water at 04:12,"}, {"type": "text", "text": "and 3.1 m."}]
THOUGHT = "The moon is full, so the range is large."
SIGNED = {"type": "thinking", "signature": "EqcL" * 40}
REFERENCE = {"type": "tool_reference", "tool_name": "search_the_almanac"}

# Blocks of texts: their tokens in the three models, a message of the user around them.
TEXTS: dict[str, tuple[list[dict[str, Any]], int]] = {
    "text": ([TEXT], 14),
    "text without any": ([{"type": "text"}, TEXT], 14),
    "another block's field in a text": ([{**TEXT, "image_url": {"url": "https://x.test", "detail": "high"}}], 14),
    "thinking": ([{**SIGNED, "thinking": THOUGHT}, SPRINGS], 21),
    "thinking without text": ([SIGNED, SPRINGS], 10),
    "redacted thinking": ([{"type": "redacted_thinking", "data": "EqQB" * 50}, SPRINGS], 10),
    "no thinking": ([SPRINGS], 10),
    "a reference to a tool": ([SPRINGS, REFERENCE], 15),
    "an empty reference": ([SPRINGS, {**REFERENCE, "tool_name": ""}], 10),
}
# Blocks with fields that Python writes out, or that refer to others.
TOOLS: dict[str, tuple[list[dict[str, Any]], int]] = {
    "use": ([TEXT, USE], 32),
    "use with a long id": ([TEXT, {**USE, "id": "x" * 100}], 32),
    "result": ([RESULT], 21),
    "result with a long id": ([{**RESULT, "tool_use_id": "toolu_01" * 30, "is_error": False}], 21),
    "result of blocks": ([{**RESULT, "content": NESTED}], 22),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", TEXTS)
def test_blocks_of_text(name: str, model: str) -> None:
    blocks, expected = TEXTS[name]
    counts_partly(expected, model=model, messages=[user(blocks)])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", TOOLS)
def test_blocks_of_tools(name: str, model: str) -> None:
    blocks, expected = TOOLS[name]
    counts_partly(expected, model=model, messages=[user(blocks)])


def test_claude_counts_its_blocks_with_its_own_tokenizer() -> None:
    counts_partly(17, model="claude-sonnet-4-5", messages=[user([SPRINGS, REFERENCE])])
    counts_partly(19, model="claude-sonnet-4-5", messages=[user([RESULT])])
    counts_partly(20, model="claude-sonnet-4-5", messages=[user([{**RESULT, "content": NESTED}])])


@pytest.mark.parametrize("model", [*MODELS[:2], "claude-sonnet-4-5"])
def test_a_conversation_of_uses_and_results(model: str) -> None:
    conversation = [
        user("How deep at the pier?"),
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "I look it up."}, USE, {**USE, "id": "toolu_02"}],
        },
        user(
            [
                {"type": "tool_result", "tool_use_id": "toolu_01", "content": "3.1 m"},
                {"type": "tool_result", "tool_use_id": "toolu_02", "content": "2.9 m"},
            ]
        ),
        {"role": "assistant", "content": "About three metres."},
    ]
    counts_partly(78, model=model, messages=conversation)


WRONG: dict[str, tuple[Any, str]] = {
    "detail": (
        {"type": "image_url", "image_url": {"url": "https://x.test/i.jpg", "detail": "best"}},
        "Invalid detail value: best.",
    ),
    "image without url": (
        {"type": "image_url", "image_url": {"detail": "low"}},
        "Missing required key 'url' in image_url dict.",
    ),
    "blank url": ({"type": "image_url", "image_url": " "}, "Empty image_url string is not valid."),
    "number for a url": ({"type": "image_url", "image_url": 7}, "Invalid image_url type: int."),
    "image without source": ({"type": "image"}, "'source'"),
    "unknown type": (
        {"type": "riddle"},
        "Invalid content item type: riddle. Expected str or dict with 'type' field (text, image_url, image, "
        "document, file, tool_use, tool_result, thinking, redacted_thinking, tool_reference).",
    ),
    "number": (7, "'int' object is not subscriptable"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_block_is_refused(name: str) -> None:
    block, why = WRONG[name]
    words = f"Error getting number of tokens from content list: {why}"
    refused(ValueError, words, litellm.token_counter, model="gpt-4o", messages=[user([TEXT, block])])


@pytest.mark.parametrize("name", WRONG)
def test_a_default_stands_for_a_list_with_a_wrong_block(name: str) -> None:
    """It stands for the whole list: 3 for the message, 1 for its role, 3 for the reply."""
    block, _ = WRONG[name]
    counts_partly(57, model="gpt-4o", messages=[user([TEXT, block])], default_token_count=50)


def of_list(*blocks: Any, default: int | None = None) -> int:
    counted: int = counter_module._count_content_list(
        count_function=len, content_list=blocks, use_default_image_token_count=False, default_token_count=default
    )
    return counted


def test_the_list_counter_called_by_itself() -> None:
    """It is private, and LiteLLM's tests call it with a counter of their own."""
    empty = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    alike(len(TEXT["text"]) + 3, of_list, TEXT, "and")
    alike(85, of_list, empty)
    alike(7, of_list, {"type": "image"}, default=7)
    for block, why in (({"type": "riddle"}, "tool_reference)."), ({"type": "image"}, "'source'")):
        with pytest.raises(ValueError, match=r"^Error getting number of tokens from content list: ") as raised:
            of_list(block)
        assert why in str(raised.value)
