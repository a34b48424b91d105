"""Who counts a text: LiteLLM, LiteLLM with accel, LiteLLM's native bridge, and the tokenizer library alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import litellm
import litellm.litellm_core_utils.token_counter as counter
from sides import ACCEL, PLAIN

Count = Callable[[str], int]


@dataclass(frozen=True)
class Model:
    """A model name and the encoding that LiteLLM counts it with; None for the Anthropic tokenizer."""

    name: str
    encoding: str | None


MODELS = (
    Model("gpt-3.5-turbo", "cl100k_base"),
    Model("gpt-4o", "o200k_base"),
    Model("claude-sonnet-4-5", None),
)


def contestants(model: Model) -> dict[str, Count]:
    """Each counts exactly as LiteLLM does, its slices of 1,024 code points included.

    LiteLLM and accel are one and the same public call; which of them answers is the stage's affair.
    """

    def count(text: str) -> Any:
        return litellm.token_counter(model=model.name, text=text)

    return {PLAIN: count, ACCEL: count, "bridge": _bridge(model), "library": _library(model)}


def exact_counters(model: Model) -> dict[str, Count]:
    """The exact counter without `token_counter` around it: LiteLLM's count function and accel's."""
    accelerated: Any = counter._get_exact_count_function
    return {PLAIN: accelerated.__wrapped__(model.name), ACCEL: accelerated(model.name)}


def _sliced(encode_length: Count) -> Count:
    size = counter._get_tiktoken_count_function.__defaults__[0]

    def count(text: str) -> int:
        return sum(encode_length(text[start : start + size]) for start in range(0, len(text), size))

    return count


def _bridge(model: Model) -> Count:
    from litellm.rust_bridge import _native

    if model.encoding is None:
        tokenizer = _native.Tokenizer.from_json(litellm.utils.claude_json_str)
        return lambda text: tokenizer.count(text, True)
    tokenizer = _native.Tokenizer.from_tiktoken(model.encoding)
    return _sliced(lambda text: tokenizer.count(text, True))


def _library(model: Model) -> Count:
    if model.encoding is None:
        tokenizer = litellm.utils.select_tokenizer(model.name)["tokenizer"]
        return lambda text: len(tokenizer.encode_batch_fast([text])[0])
    encoding = counter.get_encoding(model.encoding)
    return _sliced(lambda text: len(encoding.encode_ordinary(text)))
