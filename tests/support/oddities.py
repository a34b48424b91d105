"""Values that callers may pass though nobody should: subclasses, fakes, wrong types."""

import enum
import functools
import types
from typing import Any

import litellm
import litellm.utils
import pydantic


class Text(str):
    """A str that says something else when it is asked for its text."""

    def __str__(self) -> str:
        return "what str() says"


class Role(str, enum.Enum):
    """What careful callers use for roles."""

    USER = "user"
    SYSTEM = "system"


class Message(dict):  # type: ignore[type-arg]
    """A dict that answers more than it holds."""

    def get(self, key: Any, default: Any = None) -> Any:
        return "what get() says" if key == "text" else super().get(key, default)


class Items(list):  # type: ignore[type-arg]
    """A list that is not quite one."""


class Number(int):
    """An int that says something else when it is asked for its text."""

    def __str__(self) -> str:
        return "what the number says"


class Note(pydantic.BaseModel):
    """A message of a user's own making."""

    model_config = pydantic.ConfigDict(extra="allow")

    role: str | None = "user"
    content: Any = None


def subclassed(value: Any) -> Any:
    """Nearly the same value, of a class of its own."""
    kinds = {str: Text, dict: Message, list: Items, int: Number}
    kind = kinds.get(type(value))
    return types.MappingProxyType({"role": "user"}) if kind is None else kind(value)


class Characters:
    """A tokenizer of the Hugging Face shape with a token for each character."""

    def encode_batch_fast(self, texts: list[str]) -> list[list[int]]:
        return [[0] * len(text) for text in texts]

    def __repr__(self) -> str:
        return "Characters()"


WORDS = """{
  "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
  "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
  "model": {"type": "WordLevel", "vocab": {"?": 0, "the": 1, "user": 2}, "unk_token": "?"}
}"""


@functools.cache
def custom_tokenizers() -> tuple[Any, ...]:
    """What callers pass as `custom_tokenizer`, right and wrong. Always the same objects: they are costly."""
    claude = litellm.create_tokenizer(litellm.utils.claude_json_str)
    return (
        claude,
        litellm.create_tokenizer(WORDS),
        Message(claude),
        {"type": "huggingface_tokenizer", "tokenizer": Characters()},
        {"type": "huggingface_tokenizer", "tokenizer": None},
        {"type": "huggingface_tokenizer"},
        {"type": "openai_tokenizer", "tokenizer": Characters()},
        {"type": "openai_tokenizer"},
        Message(type="openai_tokenizer", tokenizer=None),
        {"type": Text("openai_tokenizer")},
        {},
        (),
        {"type": "sentencepiece", "tokenizer": None},
        {"tokenizer": None},
        "openai_tokenizer",
        7,
    )
