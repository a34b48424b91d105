"""Random calls of LiteLLM's token counters. The same seed gives the same calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import litellm

from support import oddities
from support.blocks import Blocks
from support.chance import Chance
from support.tools import Tools

# fmt: off
MODELS = (
    "gpt-3.5-turbo", "gpt-4o", "gpt-4", "gpt-4.1", "o1", "o3-mini", "gpt-5", "gpt-4o-mini-2024-07-18",
    "openai/gpt-4o", "azure/gpt-4o", "azure/gpt-35-turbo", "gpt-35-turbo", "gpt-3.5-turbo-0301", "GPT-4O", "",
    "ft:gpt-4o:org", None, "claude-sonnet-4-5", "claude-opus-4-1", "claude-2", "claude-3-5-sonnet-20241022",
    "anthropic/claude-sonnet-4-5",
    "us.anthropic.claude-sonnet-4-6", "gemini/gemini-2.5-pro", "text-davinci-003", "gpt-oss-120b", "no such model",
    "gpt-\ud800", oddities.Text("gpt-4o"), oddities.Text("claude-sonnet-4-5"), 7, ["gpt-4o"], b"gpt-4o",
)
# LiteLLM would load their tokenizers from the network.
HUB_MODELS = ("meta-llama/Llama-2-7b-chat", "replicate/some/model", "groq/llama-3-70b", "command-r", "LLAMA-3")
ROLES = ("user", "user", "assistant", "assistant", "system", "tool", "developer", "function", "", None)
# fmt: on


@dataclass(frozen=True)
class Call:
    """One call: a dotted name under `litellm`, its keyword arguments, and the setting it is made under."""

    function: str
    keywords: dict[str, Any]
    disable_hub: bool


class Conversations:
    """An endless stream of calls."""

    def __init__(self, seed: object) -> None:
        self.chance = Chance(seed)
        self.blocks = Blocks(self.chance)
        self.tools = Tools(self.chance)

    def __iter__(self) -> Iterator[Call]:
        while True:
            yield self._call()

    def _call(self) -> Call:
        hub = self.chance.maybe(0.08)
        keywords: dict[str, Any] = {"model": self.chance.random.choice(HUB_MODELS if hub else MODELS)}
        name = self.chance.one(
            "token_counter", "utils.token_counter", "litellm_core_utils.token_counter.token_counter"
        )
        if self.chance.maybe(0.12):
            name = "litellm_core_utils.token_counter.messages_reach_token_count"
            keywords |= {"messages": self._messages(), "threshold": self.chance.one(0, 1, 17, 60, 1024)}
            self.chance.put(keywords, 0.4, "tools", self.tools.several)
            self.chance.put(keywords, 0.5, "use_default_image_token_count", True)
        else:
            if self.chance.maybe(0.2):
                many = [self.chance.text(), self.chance.text(), 5, None, oddities.Text("odd")]
                keywords["text"] = self.chance.one(
                    self.chance.text, self.chance.text, "", many, [], oddities.Text("x" * 9), 7, None
                )
            if "text" not in keywords or self.chance.maybe(0.05):
                keywords["messages"] = self._messages()
            self.chance.put(keywords, 0.25, "tools", self.tools.several)
            choices = ("none", "auto", "required", None, {"type": "auto"}, {"function": {"name": "lookup"}})
            self.chance.put(
                keywords, 0.25, "tool_choice", *choices, lambda: {"function": {"name": self.chance.text()}}
            )
            self.chance.put(keywords, 0.15, "count_response_tokens", True, False, None, 0)
            self.chance.put(keywords, 0.3, "use_default_image_token_count", True, True, None)
            self.chance.put(keywords, 0.2, "default_token_count", 17, 0, None, "many")
            self.chance.put(keywords, 0.2, "custom_tokenizer", *oddities.custom_tokenizers())
        return Call(name, keywords, disable_hub=self.chance.maybe(0.5 if hub else 0.1))

    def _messages(self) -> Any:
        messages = [self._message() for _ in range(self.chance.random.randrange(5))]
        return self.chance.one(
            messages, messages, messages, messages, messages, tuple(messages), None, "messages", {}
        )

    def _message(self) -> Any:
        if self.chance.maybe(0.04):
            calls = self.tools.calls() if self.chance.maybe(0.3) else None
            return self.chance.one(
                None,
                "text",
                5,
                lambda: litellm.Message(content=self.chance.text(), tool_calls=calls if _valid(calls) else None),
            )
        message: dict[str, Any] = {"role": self.chance.random.choice(ROLES)}
        self.chance.put(
            message,
            0.92,
            "content",
            self.chance.text,
            self.chance.text,
            self.chance.text,
            self.blocks.several,
            self.blocks.several,
            self.chance.odd,
        )
        self.chance.put(message, 0.15, "name", self.chance.text, "bob", None, 5)
        self.chance.put(message, 0.15, "tool_calls", self.tools.calls)
        function_call = {"name": "lookup", "arguments": '{"city": "Rome"}'}
        self.chance.put(message, 0.06, "function_call", function_call, {}, {"arguments": None}, "bad", None)
        extra = self.chance.one("tool_call_id", "reasoning_content", "refusal", "cache_control", "thinking_blocks")
        self.chance.put(message, 0.15, extra, self.chance.text, {"type": "ephemeral"}, self.chance.odd)
        result = {"source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]}
        self.chance.put(message, 0.08, "search_results", [result], [], [result, {}], ["bad"], None, "text")
        return oddities.Message(message) if self.chance.maybe(0.05) else message


def _valid(tool_calls: Any) -> bool:
    """Whether LiteLLM's own message class takes these tool calls."""
    return isinstance(tool_calls, list) and all(
        isinstance(call, dict) and isinstance(call.get("function", {}).get("arguments"), str)
        for call in tool_calls
    )
