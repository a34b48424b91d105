"""Checks the native counters against the tiktoken and tokenizers that this process imports.

    PYTHONPATH=<folder with another release>:tests python scripts/check_library.py

Every Unicode scalar value in several surroundings, and random texts. A release with 0 differences may
be added to LIBRARIES in scripts/fingerprints.py.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator

import litellm
import litellm.litellm_core_utils.token_counter as counter
import tiktoken
import tokenizers

from accel import _accel
from accel.errors import Declined
from support.texts import Texts

_SURROUNDINGS = ("a%sb\n", "A%sB\n", "x%sY\n", "1%s2\n", " %s;", "%s%s a", "!%s\n", "'%s ", "%s's\n", "\n%s\n;")
_BATCH = 48


def scalar_texts() -> Iterator[str]:
    """Every scalar value in every surrounding, some dozens to a text."""
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    for start in range(0, len(points), _BATCH):
        for surrounding in _SURROUNDINGS:
            yield "".join(surrounding.replace("%s", chr(point)) for point in points[start : start + _BATCH])


def pairs() -> Iterator[tuple[str, Callable[[str], int], Callable[[str], int]]]:
    """Name, native count, library count of each tokenizer."""
    for name in ("cl100k_base", "o200k_base"):
        encoding = counter.get_encoding(name)
        native = _accel.TiktokenCounter(encoding._pat_str, encoding._mergeable_ranks)
        yield (
            name,
            lambda text, native=native: native.count(text, 1 << 30),
            lambda text, encoding=encoding: len(encoding.encode(text, disallowed_special=())),
        )
    tokenizer = tokenizers.Tokenizer.from_str(litellm.utils.claude_json_str)
    native = _accel.HuggingFaceCounter(tokenizer.to_str())
    yield "claude", native.count, lambda text: len(tokenizer.encode_batch_fast([text])[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--texts", type=int, default=20_000)
    options = parser.parse_args()
    print(f"tiktoken {tiktoken.__version__}, tokenizers {tokenizers.__version__}")
    different = 0
    for name, native, library in pairs():
        compared = declined = 0
        for text in itertools.chain(scalar_texts(), itertools.islice(Texts(1), options.texts)):
            try:
                answer = native(text)
            except Declined:
                declined += 1
                continue
            compared += 1
            if answer != library(text):
                different += 1
                if different < 20:
                    print(f"  {name}: {text[:200]!a}: native {answer}, library {library(text)}")
        print(f"  {name}: {compared} texts compared, {declined} declined")
    print(f"{different} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
