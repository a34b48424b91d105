"""The tokens that a chat is taken to need: accel's one step against LiteLLM's two."""

import random
from copy import deepcopy
from typing import Any

import litellm.proxy.utils  # noqa: F401  # the seams wait for it
import pytest
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3

from accel.features.rate_limiting.estimate import chat_tokens
from support.limiter import caller, limiter
from support.scale import scaled

NUMBERS: tuple[Any, ...] = (
    *(0, 1, 2, 3, 20, 500, 5000, -1, -7, True, False, None, "30", "x", "", "1e30", "nan", 2.5, 0.0, -0.0),
    *(float("inf"), float("nan"), 2**31, 2**53 - 1, 2**53, 2**53 + 1, -(2**53), 2**62, 2**63, 10**20, -(10**20)),
    *([1], {}, b"5", 1j),
)
CONTENTS: tuple[Any, ...] = (
    *("", "x", "abc", "abcd", "A short question?", "words " * 400, "Wie geht's? 今天", "\U0001f600" * 9, "\ud83d"),
    *(None, 0, 5, True, [], {}, b"bytes", ["text"], [{"type": "text", "text": "in a part"}], [{"text": None}]),
    *([{"type": "image_url", "image_url": {"url": "x"}}], ({"text": "x"},)),
)
SEARCHED: tuple[Any, ...] = (
    None,
    [],
    "text",
    [{"source": "s", "title": "t", "content": [{"text": "found"}]}],
    [5],
)
LIMITS = (-1, 0, 1, 3, 4, 100, 1000, 4092, 4095, 4096, 4097, 10_000, 10**12, 10**30)


class Text(str):
    """Somebody's text."""


class Count(int):
    """Somebody's number."""


class Chats:
    """Draws requests; `odd` is how often a part is one that clients seldom send."""

    def __init__(self, chance: random.Random, odd: float) -> None:
        self.random, self._odd = chance, odd

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def _message(self) -> Any:
        odd = self._maybe(self._odd)
        if odd and self._maybe(0.1):
            return self.random.choice((None, "text", 5, [], ("content", "x")))
        message: dict[Any, Any] = {"role": "user"}
        if not odd or self._maybe(0.9):
            message["content"] = self.random.choice(CONTENTS if odd else CONTENTS[:8])
        if odd and self._maybe(0.2):
            message["content"] = Text("somebody's")
        if odd and self._maybe(0.3):
            message["search_results"] = deepcopy(self.random.choice(SEARCHED))
        return message

    def _messages(self) -> Any:
        messages = [self._message() for _ in range(self.random.choice((1, 1, 2, 5)))]
        if self._maybe(self._odd / 2):
            return self.random.choice((None, [], (), tuple(messages), "text", {}, 5))
        return messages

    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"model": "gpt-4o"}
        if not self._maybe(self._odd / 10):
            data["messages"] = self._messages()
        for name, chance in (
            ("max_tokens", 0.6),
            ("max_completion_tokens", 0.2),
            ("n", 0.3),
            ("best_of", 0.1),
            ("max_output_tokens", self._odd / 5),
            ("prompt", self._odd / 5),
            ("input", self._odd / 5),
        ):
            if self._maybe(chance):
                data[name] = self.random.choice(NUMBERS if self._maybe(self._odd) else NUMBERS[1:7])
        if self._maybe(self._odd / 5):
            data["max_tokens"] = Count(5)
        return data


def litellm_tokens(user: Any, data: dict[str, Any], call_type: Any, smallest: int) -> Any:
    """LiteLLM's estimate, or the class of what it raises."""
    handler = limiter()
    try:
        declared = v3.get_estimated_output_tokens(user_api_key_dict=user, model_name=data.get("model"))
        handler._apply_implicit_output_cap(
            data=data, min_configured_limit=smallest, call_type=call_type, configured_output_tokens=declared
        )
        return handler._estimate_tokens_for_request(
            data=data,
            model=data.get("model"),
            min_configured_tpm_limit=smallest,
            call_type=call_type,
            configured_output_tokens=declared,
        )
    except Exception as error:  # noqa: BLE001  # a result, which native code must not have an answer to
        return type(error)


def compared(data: dict[str, Any], smallest: int, user: Any = None, call_type: Any = "acompletion") -> int | None:
    """What accel says; where it says something, LiteLLM says the same and leaves the request as it is."""
    user = user or caller()
    before, given = repr(data), deepcopy(data)
    ours = chat_tokens(user, data, call_type, smallest)
    assert repr(data) == before
    if ours is not None:
        assert type(ours) is int
        assert litellm_tokens(user, given, call_type, smallest) == ours, (data, smallest)
        assert repr(given) == before
    return ours


@pytest.mark.parametrize("call_type", ["completion", "acompletion"])
@pytest.mark.parametrize("odd", [0.0, 0.1, 0.5])
def test_random_chats(odd: float, call_type: str) -> None:
    chance = random.Random(f"estimates {odd} {call_type}")
    chats, told, number = Chats(chance, odd), 0, scaled(3000)
    for _ in range(number):
        told += compared(chats.data(), chance.choice(LIMITS), call_type=call_type) is not None
    # The twin: native code had an answer to most of the plain ones, which have a cap or a wide limit.
    assert told > number * (0.7 if odd == 0 else 0.05)


def test_each_cap_and_each_count() -> None:
    chat = {"messages": [{"role": "user", "content": "A short question?"}]}
    for name in ("max_tokens", "max_completion_tokens", "n", "best_of"):
        for value in NUMBERS:
            for smallest in LIMITS:
                compared({**chat, name: value}, smallest)
                compared({**chat, "max_tokens": 7, name: value}, smallest)


@pytest.mark.parametrize(
    ("data", "tokens"),
    [
        ({"messages": [{"role": "user", "content": "x" * 40}], "max_tokens": 5}, 15),
        ({"messages": [{"role": "user", "content": "x" * 40}], "max_tokens": 5, "max_completion_tokens": 9}, 19),
        ({"messages": [{"role": "user", "content": "x" * 40}], "max_tokens": 5, "n": 3}, 25),
        ({"messages": [{"role": "user", "content": "\U0001f600" * 40}], "max_tokens": 0}, 10),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": None}]}, 1025),
        ({"messages": [{"role": "user", "content": ""}]}, 0),
        ({"messages": [{"role": "user", "content": "x" * 8000}]}, 4000),
        ({"messages": [{"role": "user", "content": "x"}], "max_tokens": -5}, -4),
    ],
)
def test_plain_chats_are_reckoned_natively(data: dict[str, Any], tokens: int) -> None:
    assert compared(data, 10**6) == tokens


@pytest.mark.parametrize(
    "call_type", ["aembedding", "aresponses", "atext_completion", "agenerate_content", "", None, ["acompletion"]]
)
def test_other_calls_are_litellms(call_type: Any) -> None:
    assert compared({"messages": [{"role": "user", "content": "x"}]}, 10**6, call_type=call_type) is None


@pytest.mark.parametrize("metadata", ["metadata", "team_metadata"])
def test_what_a_key_declares_is_litellms(metadata: str) -> None:
    user = caller(**{metadata: {"default_estimated_output_tokens": 50}})
    assert compared({"messages": [{"role": "user", "content": "x"}], "max_tokens": 5}, 10**6, user) is None
    assert compared({"messages": [{"role": "user", "content": "x"}], "max_tokens": 5}, 10**6) == 6
