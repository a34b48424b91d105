"""Values that callers may pass though nobody should: subclasses, fakes, wrong types."""

import functools
from typing import Any

import litellm
import litellm.utils


class Text(str):
    """A str that says something else when it is asked for its text."""

    def __str__(self) -> str:
        return "what str() says"


class Message(dict):  # type: ignore[type-arg]
    """A dict that answers more than it holds."""

    def get(self, key: Any, default: Any = None) -> Any:
        return "what get() says" if key == "text" else super().get(key, default)


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
    """What callers pass as `custom_tokenizer`, right and wrong."""
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


def shared_objects() -> dict[int, Any]:
    """For `copy.deepcopy`: tokenizers are costly to copy, and counting leaves them as they are."""
    return {id(value): value for value in custom_tokenizers()}
