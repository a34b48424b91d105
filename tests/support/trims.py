"""Random conversations to be trimmed to random budgets."""

import math
from collections.abc import Iterator
from typing import Any

from support import oddities
from support.chance import Chance
from support.comparison import SEAMS, Call
from support.conversations import Conversations

MODELS = ("gpt-4o", "gpt-3.5-turbo", "gpt-3.5-turbo-0301", "claude-sonnet-4-5", "no such model", "", None)
BUDGETS = (0, 3, 4, 7, 10, 11, 20, 35, 60, 100, 200, 500, 5_000)
ODD_BUDGETS = (-1, 12.5, math.nan, math.inf, -math.inf, True, oddities.Number(40), 10**30, "60", None, [60])


class Trims:
    """An endless stream of calls of `process_messages` and of `trim_messages`, which calls it."""

    def __init__(self, seed: object) -> None:
        self.chance = Chance(seed)
        self.conversations = Conversations(seed)

    def __iter__(self) -> Iterator[Call]:
        while True:
            keywords = {
                "messages": self._messages(),
                "model": self.chance.mostly(lambda: self.chance.random.choice(MODELS), 7, oddities.Text("gpt-4o")),
                "max_tokens": self.chance.mostly(lambda: self.chance.random.choice(BUDGETS), *ODD_BUDGETS),
            }
            if self.chance.maybe(0.6):
                yield Call(f"{SEAMS['process_messages']}:process_messages", keywords)
                continue
            self.chance.put(keywords, 0.3, "return_response_tokens", True)
            self.chance.put(keywords, 0.2, "trim_ratio", 0.75, 0.001, 0)
            yield Call("litellm.utils:trim_messages", keywords)

    def _messages(self) -> Any:
        if self.chance.maybe(0.1):
            return self.conversations.messages()
        messages = [self._message() for _ in range(self.chance.random.randrange(8))]
        if messages and self.chance.maybe(0.06):
            self._share(messages)
        return self.chance.mostly(lambda: messages, tuple(messages), oddities.Items(messages))

    def _message(self) -> Any:
        if self.chance.maybe(0.04):
            return self.conversations.message()
        text = self.chance.text
        role = self.chance.one("user", "user", "assistant", "assistant", "system", "tool")
        usual = self.chance.one(text, text, "word " * self.chance.random.randrange(80))
        content = self.chance.mostly(usual, None, self.conversations.blocks.several, 7, "\ud800")
        message: dict[str, Any] = {"role": role, "content": content}
        self.chance.put(message, 0.1, "name", "Ada")
        self.chance.put(message, 0.08, "function_call", {"name": "f", "arguments": '{"a": "b"}'})
        self.chance.put(message, 0.1, "tool_calls", self.conversations.tools.calls)
        return message

    def _share(self, messages: list[Any]) -> None:
        """The same object in two places, so that shortening one message changes another."""
        one = self.chance.random.choice(messages)
        if isinstance(one, dict):
            one["type"], one["tool_use_id"] = "tool_result", "1"
        messages.append(self.chance.one(one, {"role": "user", "content": [one]}, {"role": "user", "calls": [one]}))
