"""For each seam of token counting, a piece of work that is native all through."""

import copy
from collections.abc import Callable
from typing import Any

import litellm
import litellm.utils
from litellm.litellm_core_utils import token_counter as counter_module
from litellm.proxy.spend_tracking import input_tokens

from support.original import MODEL_OF

# Each tokenizer gives it another count.
TEXT = "Übergrößenträger, 漢字かな交じり文 — naïveté ١٢٣٤٥ reachable"
MODELS = (*MODEL_OF.values(), "no such model", None)
GIF = "data:image/gif;base64,R0lGODlhkAGQAQAAACw="  # 400 by 400
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": TEXT, "name": "Ada"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": TEXT},
            {"type": "image_url", "image_url": {"url": GIF, "detail": "high"}},
            {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
            {"type": "tool_use", "id": "1", "name": "lookup", "input": {"a": 1}},
            {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "found"}]},
        ],
    },
    {"role": "assistant", "content": None, "function_call": {"name": "lookup", "arguments": "{}"}},
    {"role": "assistant", "tool_calls": [{"function": {"name": "lookup", "arguments": '{"a": 1}'}}]},
]
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "lookup",
            "description": "Looks it up.",
            "parameters": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}},
        },
    }
]
SHORT = [{"role": "user", "content": TEXT * times} for times in (1, 5, 2)]


def _texts_and_prompts() -> list[Any]:
    texts = [litellm.token_counter(model, text=TEXT) for model in MODELS]
    return texts + [litellm.token_counter(model, messages=MESSAGES, tools=TOOLS) for model in MODELS]


def _trimmed() -> list[Any]:
    return [litellm.utils.process_messages(copy.deepcopy(SHORT), 90, model) for model in MODELS]


WORK: dict[str, Callable[[], Any]] = {
    "token_counter": _texts_and_prompts,
    "messages_reach_token_count": lambda: [
        counter_module.messages_reach_token_count(model, MESSAGES, threshold, TOOLS)
        for model in MODELS
        for threshold in (100, 10_000)
    ],
    "_get_exact_count_function": lambda: [
        counter_module._get_exact_count_function(model)(TEXT) for model in MODELS
    ],
    "_format_function_definitions": lambda: counter_module._format_function_definitions(TOOLS),
    "get_image_dimensions": lambda: counter_module.get_image_dimensions(GIF),
    "process_messages": _trimmed,
    "_approximate_input_size": lambda: input_tokens._approximate_input_size({"messages": MESSAGES}),
}
"""By the seam's attribute."""
