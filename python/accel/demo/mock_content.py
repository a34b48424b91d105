"""The content of the mock upstream: the same request always gets the same bytes.

Ids, timestamps, words and vectors are derived from the request, so that two runs (with accel and
without) can be compared byte for byte. Usage figures are plausible, not a tokenizer's.
"""

import base64
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

CREATED_UNIX_S = 1_767_225_600
FINGERPRINT = "fp_mock"
DEFAULT_WORDS = 24
DEFAULT_DIMENSIONS = 8
CHARACTERS_PER_TOKEN = 4

_SENTENCE = (
    "a steady river carries bright stones past the old mill while three herons wait for morning and "
    "every lantern on the bridge answers with one small light until wind turns it into weather"
)
_VOCABULARY = _SENTENCE.split()


@dataclass(frozen=True, slots=True)
class Answer:
    """One chat answer: its id, its words (the first has no leading space) and its usage figures."""

    id: str
    words: tuple[str, ...]
    finish_reason: str
    usage: dict[str, int]


def answer_to(request: dict[str, Any], body: bytes) -> Answer:
    """The answer to a chat request. `body` is its wire form, from which the id is made."""
    digest = zlib.crc32(body)
    limit = request.get("max_completion_tokens") or request.get("max_tokens") or DEFAULT_WORDS
    count = min(int(limit), DEFAULT_WORDS) if int(limit) > 0 else DEFAULT_WORDS
    text = "".join(_texts(request.get("messages") or ()))
    # Words follow the conversation alone: a streamed and a plain answer to it say the same.
    words = tuple(_words(zlib.crc32(text.encode("utf-8", "surrogatepass")), count))
    return Answer(
        id=f"chatcmpl-mock{digest:08x}",
        words=words,
        finish_reason="stop" if count == DEFAULT_WORDS else "length",
        usage=usage_of(len(text), len(words)),
    )


def usage_of(prompt_characters: int, completion_tokens: int) -> dict[str, int]:
    """Usage figures for a prompt of that many characters."""
    prompt_tokens = max(1, prompt_characters // CHARACTERS_PER_TOKEN)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def vector_of(item: str | Sequence[int], dimensions: int, as_base64: bool) -> list[float] | str:
    """A unit-range vector for one embedding input, as numbers or as base64 of little-endian floats."""
    seed = zlib.crc32(repr(item).encode("utf-8", "surrogatepass"))
    values = array("f", (((seed * (place + 1)) % 2003) / 1001.5 - 1.0 for place in range(dimensions)))
    return base64.b64encode(values.tobytes()).decode("ascii") if as_base64 else values.tolist()


def _texts(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (part.get("text") or "" for part in content)


def _words(seed: int, count: int) -> Iterator[str]:
    for place in range(count):
        word = _VOCABULARY[(seed + place * (1 + seed % 7)) % len(_VOCABULARY)]
        yield word if place == 0 else f" {word}"
