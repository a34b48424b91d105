"""Random calls of LiteLLM's token counters. The same seed gives the same calls."""

import types
from collections.abc import Iterator
from typing import Any

import litellm

from support import oddities
from support.blocks import Blocks
from support.chance import Chance
from support.comparison import COUNTER, Call
from support.mutations import Mutations
from support.tools import Tools

# fmt: off
MODELS = (
    "gpt-3.5-turbo", "gpt-4o", "gpt-4", "gpt-4.1", "o1", "o3-mini", "gpt-5", "gpt-4o-mini-2024-07-18",
    "openai/gpt-4o", "azure/gpt-4o", "azure/gpt-35-turbo", "gpt-35-turbo", "gpt-3.5-turbo-0301", "GPT-4O", "",
    "ft:gpt-4o:org", None, "claude-sonnet-4-5", "claude-opus-4-1", "claude-2", "claude-3-5-sonnet-20241022",
    "anthropic/claude-sonnet-4-5",
    "us.anthropic.claude-sonnet-4-6", "gemini/gemini-2.5-pro", "text-davinci-003", "gpt-oss-120b", "no such model",
    "gpt-3.5-turbo", "gpt-4o", "claude-sonnet-4-5", "gpt-3.5-turbo-0301", "azure/gpt-35-turbo-0301",
)
ODD_MODELS = (
    "gpt-\ud800", oddities.Text("gpt-4o"), oddities.Text("claude-sonnet-4-5"), 7, ["gpt-4o"], b"gpt-4o",
)
# LiteLLM would load their tokenizers from the network.
HUB_MODELS = ("meta-llama/Llama-2-7b-chat", "replicate/some/model", "groq/llama-3-70b", "command-r", "LLAMA-3")
ROLES = ("user", "user", "assistant", "assistant", "system", "tool", "developer", "function", "", None)
# fmt: on


SURROGATES = ("\ud800", "a\udcffb", "\ud83d\ude00")


class Conversations:
    """An endless stream of calls. Their setting is LiteLLM's `disable_hf_tokenizer_download`."""

    def __init__(self, seed: object) -> None:
        self.chance = Chance(seed)
        self.blocks = Blocks(self.chance)
        self.tools = Tools(self.chance)
        self.mutations = Mutations(self.chance)

    def __iter__(self) -> Iterator[Call]:
        while True:
            yield self._call()

    def _call(self) -> Call:
        hub = self.chance.maybe(0.04)
        keywords: dict[str, Any] = {"model": self._model(hub)}
        if self.chance.maybe(0.25):
            name = f"{COUNTER}:messages_reach_token_count"
            usual = self.chance.random.choice((0, 1, -1, 17, 60, 200, 1024))
            threshold = self.chance.mostly(usual, 10**30, -(10**30), True, 17.5, "17", None)
            keywords |= {"messages": self.messages(), "threshold": threshold}
            self.chance.put(keywords, 0.4, "tools", self.tools.several)
            self.chance.put(keywords, 0.5, "use_default_image_token_count", True, False, None)
        else:
            name = self.chance.one(
                f"{COUNTER}:token_counter", "litellm:token_counter", "litellm.utils:token_counter"
            )
            if self.chance.maybe(0.2):
                keywords["text"] = self._text()
            if "text" not in keywords or self.chance.maybe(0.05):
                keywords["messages"] = self.messages()
            self.chance.put(keywords, 0.25, "tools", self.tools.several)
            self.chance.put(keywords, 0.25, "tool_choice", self._tool_choice)
            self.chance.put(keywords, 0.15, "count_response_tokens", True, False, None, 0)
            self.chance.put(keywords, 0.3, "use_default_image_token_count", True, True, None)
            self.chance.put(keywords, 0.2, "default_token_count", 17, 0, None, "many")
            self.chance.put(keywords, 0.1, "custom_tokenizer", *oddities.custom_tokenizers())
        return Call(name, keywords, setting=True if self.chance.maybe(0.5 if hub else 0.1) else None)

    def _model(self, hub: bool) -> Any:
        if hub:
            return self.chance.random.choice(HUB_MODELS)
        return self.chance.mostly(lambda: self.chance.random.choice(MODELS), *ODD_MODELS)

    def _text(self) -> Any:
        many = [self.chance.text(), self.chance.text(), 5, None, oddities.Text("odd")]
        return self.chance.one(
            self.chance.text,
            self.chance.text,
            self.chance.text,
            "",
            many,
            [],
            oddities.Items(many),
            oddities.Text("x" * 9),
            oddities.Role.USER,
            7,
            None,
        )

    def _tool_choice(self) -> Any:
        name = self.chance.mostly(self.chance.text, None, 7, 1.5, ["n"], {}, "\ud800", oddities.Text("odd"))
        return self.chance.mostly(
            lambda: self.chance.one("none", "auto", "required", None, "", {"function": {"name": name}}),
            {"type": "auto"},
            {"function": {}},
            {"function": "lookup"},
            oddities.Message(function={"name": name}),
            oddities.Text("none"),
            True,
            7,
            ["none"],
        )

    def messages(self) -> Any:
        messages = [self.message() for _ in range(self.chance.random.randrange(5))]
        if self.chance.maybe(0.12):
            self.mutations.mutate(messages)
        if self.chance.maybe(0.05) and messages:
            messages.append(messages[0])
        return self.chance.mostly(
            lambda: self.chance.one(messages, messages, messages, tuple(messages)),
            lambda: (message for message in messages),
            lambda: iter(messages),
            lambda: oddities.Items(messages),
            None,
            "messages",
            {},
            7,
        )

    def message(self) -> Any:
        if self.chance.maybe(0.02):
            calls = self.tools.calls()
            return self.chance.one(
                None,
                "text",
                5,
                lambda: litellm.Message(content=self.chance.text(), tool_calls=calls if _valid(calls) else None),
                lambda: oddities.Note(content=self.chance.text(), name=None),
                lambda: oddities.Note(role=None, content=self.blocks.several(), extra=self.chance.odd()),
                lambda: types.MappingProxyType({"role": "user"}),
            )
        message: dict[str, Any] = {"role": self.chance.mostly(self.chance.random.choice(ROLES), *SURROGATES)}
        if self.chance.maybe(0.95):
            text = self.chance.text
            usual = self.chance.one(text, text, self.blocks.several)
            message["content"] = self.chance.mostly(lambda: usual, self.chance.odd, *SURROGATES)
        self.chance.put(message, 0.15, "name", self.chance.text, "bob", None, 5)
        self.chance.put(message, 0.15, "tool_calls", self.tools.calls)
        function_call = {"name": "lookup", "arguments": '{"city": "Rome"}'}
        if self.chance.maybe(0.06):
            usual = self.chance.one(function_call, {}, {"arguments": None}, {"arguments": {"a": [1]}}, None)
            message["function_call"] = self.chance.mostly(usual, "bad", 7, oddities.Message(function_call))
        extra = self.chance.one("tool_call_id", "reasoning_content", "refusal", "cache_control", "thinking_blocks")
        self.chance.put(message, 0.15, extra, self.chance.text, {"type": "ephemeral"}, [], 7, None)
        result = {"source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]}
        self.chance.put(message, 0.01, "search_results", [result], [], [result, {}], ["bad"], None, "text")
        return oddities.Message(message) if self.chance.maybe(0.005) else message


def _valid(tool_calls: Any) -> bool:
    """Whether LiteLLM's own message class takes these tool calls."""
    return isinstance(tool_calls, list) and all(
        type(call) is dict
        and type(call.get("function")) is dict
        and isinstance(call["function"].get("arguments"), str)
        for call in tool_calls
    )
