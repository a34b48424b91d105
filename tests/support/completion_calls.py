"""Calls of `completion`, by name: what differs from a plain one."""

from __future__ import annotations

import copy
from typing import Any

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How are you?"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 500}}


CALLS: dict[str, dict[str, Any]] = {
    "text": {},
    "empty text": {"mock_response": ""},
    "model of a provider": {"model": "openai/gpt-4o"},
    "unmapped model": {"model": "openai/none-such"},
    "unknown provider": {"model": "none-such-at-all"},
    "thresholds": {"model": "gemini/gemini-1.5-pro"},
    "anthropic": {"model": "anthropic/claude-3-5-sonnet-20240620", "max_tokens": 5},
    "azure": {
        "model": "azure/gpt-4o",
        "api_base": "https://x.openai.azure.com",
        "api_key": "k",
        "api_version": "1",
    },
    "base model": {"model": "azure/mine", "base_model": "azure/gpt-4o", "api_base": "https://x", "api_key": "k"},
    "bedrock": {"model": "bedrock/anthropic.claude-3-haiku-20240307-v1:0"},
    "responses": {"model": "openai/responses/gpt-4o"},
    "reasoning": {"model": "openai/gpt-5.4", "reasoning_effort": "low", "tools": [TOOL]},
    "tools": {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": False},
    "tool calls": {
        "mock_tool_calls": [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    },
    "many": {"n": 3, "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "max_tokens": 7, "seed": 1, "user": "u"},
    "format": {"response_format": {"type": "json_object"}, "mock_response": "{}"},
    "metadata": {"metadata": {"tags": ["a"], "k": 1}, "user": "u"},
    "routing decision": {"metadata": {"routing_decision": {"savings_baseline_model": "gpt-4", "a": 1}}},
    "custom price": {"input_cost_per_token": 0.01, "output_cost_per_token": 0.02},
    "custom price of seconds": {"input_cost_per_second": 0.5},
    "picture": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, PICTURE, {"n": 1, "f": 0.5}]}]
    },
    "headers": {"extra_headers": {"a": "b"}, "timeout": 3.0},
    "unsupported": {"model": "gpt-3.5-turbo", "web_search_options": {}, "drop_params": True},
    "refused": {"model": "anthropic/claude-3-5-sonnet-20240620", "logit_bias": {"1": 1}},
    "rate limit": {"mock_response": "litellm.RateLimitError"},
    "window": {"mock_response": "litellm.ContextWindowExceededError"},
    "server error": {"mock_response": "litellm.InternalServerError"},
    "exception": {"mock_response": ValueError("Bearer sk-1234567890abcdef")},
    "dictionary": {"mock_response": {"choices": [{"message": {"role": "assistant", "content": "x"}}]}},
    "stream": {"stream": True},
    "stream with usage": {"stream": True, "stream_options": {"include_usage": True}},
    "broken stream": {"stream": True, "mock_response": "Exception: mock_streaming_error"},
    "fallbacks": {"model": "none-such-at-all", "fallbacks": ["gpt-4o"]},
    "model list": {"model_list": []},
    "delay": {"mock_delay": 0.001},
    "agent": {"model": "litellm_agent/x"},
    "bad messages": {"messages": [{"content": "x"}]},
    "no messages": {"messages": []},
    "bad tool choice": {"tool_choice": 3},
    "tier": {"service_tier": "flex"},
    "proxy": {"use_litellm_proxy": True, "api_base": "http://127.0.0.1:1", "api_key": "k"},
}


def asked(over: dict[str, Any]) -> dict[str, Any]:
    base = {"model": "gpt-4o-mini", "messages": MESSAGES, "mock_response": "Fine."}
    return (
        copy.deepcopy({**base, **over})
        if not isinstance(over.get("mock_response"), Exception)
        else {**base, **over}
    )
