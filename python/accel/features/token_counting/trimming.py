"""Which messages `trim_messages` keeps: `process_messages`, without counting the kept ones again for each.

LiteLLM counts the list of kept messages two or three times for every message, so that its work grows with
the square of the prompt. A prompt's count is a sum over its messages, so the sum is carried on. Each sum is
one call through the guard, and its original is LiteLLM's own count of the whole list: nothing is changed
twice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.errors import Declined
from accel.features.replaced import original_of
from accel.features.seam import Junction, Seam
from accel.features.token_counting.prompts import PROMPTS, PromptResolver, Prompts
from accel.features.token_counting.resolver import COUNTER, UTILS
from accel.fingerprint import live

_REPRODUCED: Final = (
    f"{UTILS}:attempt_message_addition",
    f"{UTILS}:can_add_message",
    f"{UTILS}:get_token_count",
    f"{UTILS}:token_counter",
    "litellm._lazy_imports:get_token_counter_new",
    f"{COUNTER}:token_counter",
)
_BOUND: Final = {f"{UTILS}:get_token_counter_new": "litellm._lazy_imports:get_token_counter_new"}


class _Kept:
    """The messages kept so far, and what the prompt of them counts."""

    def __init__(self, junction: Junction, prompts: Prompts, model: str) -> None:
        self._junction = junction
        self._prompts = prompts
        self._model = model
        self._unit = junction.next_unit()
        self._count_all: Any = sys.modules[UTILS].get_token_count
        self.messages: list[Any] = []
        self.tokens = self.with_message([])

    def with_message(self, messages: list[Any]) -> int:
        """What the prompt would count with one more message, or with none more."""

        def add(more: list[Any]) -> int:
            if more:
                return self.tokens + self._prompts.message(more[0])
            # What LiteLLM counts for no message at all.
            return self._prompts.count((None, None, None, [], False, None, None, None, None))

        def count_all(more: list[Any]) -> Any:
            return self._count_all(more + self.messages, self._model)

        return self._junction.call(self._unit, (self._model,), add, count_all, messages)  # type: ignore[no-any-return]


def _holds_one_of(ids: set[int], value: Any) -> bool:
    """Whether one of these objects is inside."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return any(id(item) in ids or _holds_one_of(ids, item) for item in inner)


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    resolver = PromptResolver(junction, _REPRODUCED, _BOUND)
    litellm: Any = sys.modules["litellm"]
    utils: Any = sys.modules[UTILS]
    counter = original_of(live(f"{COUNTER}:token_counter"))

    def prompts_of(messages: Any, model: Any) -> Prompts:
        if type(messages) is not list or any(type(message) is not dict for message in messages):
            raise Declined("messages are not a list of dicts")
        if not messages:
            raise Declined("no messages")
        ids = {id(message) for message in messages}
        if len(ids) != len(messages) or any(_holds_one_of(ids, message) for message in messages):
            # Shortening one would change a message that was counted.
            raise Declined("a message twice")
        prompts = resolver(model)
        # LiteLLM keeps the counter that it found first, and anyone may put another one there.
        if original_of(utils.get_token_counter_new()) is not counter:
            raise Declined("a LiteLLM function was replaced")
        return prompts

    def process_messages(messages: Any, max_tokens: Any, model: Any) -> Any:
        if junction.bypassed() or litellm.disable_token_counter is True:
            return original(messages, max_tokens, model)
        prompts = junction.prepare(prompts_of, messages, model)
        if isinstance(prompts, str):
            labels = (model,) if type(model) is str else ()
            arguments = (messages, max_tokens, model)
            return junction.call(junction.next_unit(), labels, prompts, lambda given: original(*given), arguments)
        kept = _Kept(junction, prompts, model)
        for message in messages[::-1]:
            available = max_tokens - kept.tokens
            if available <= 3:
                break
            tokens = kept.with_message([message])
            # Not the other way round: a budget may be no number, or not a number.
            if not tokens <= max_tokens:
                if "function_call" in message:
                    continue
                message = utils.shorten_message_to_fit_limit(message, available, model)
                tokens = kept.with_message([message])
                if not tokens <= max_tokens:
                    continue
            kept.messages = [message, *kept.messages]
            kept.tokens = tokens
        return kept.messages

    return process_messages


SEAM: Final = Seam(
    module=UTILS,
    attribute="process_messages",
    reproduces=(f"{UTILS}:process_messages", *_REPRODUCED, *PROMPTS),
    build=_build,
)
