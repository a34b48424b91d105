"""Random texts: the seam's count function against LiteLLM's own."""

import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import islice

import pytest

from support.calls import calls_of
from support.original import MODEL_OF, counts, outcome
from support.scale import scaled
from support.texts import Texts, shortest

TEXTS_PER_SHARD = 20_000
SHARDS = 4
ADDED_TOKENS = ("<EOT>", "<META>", "<META_START>", "<META_END>", "<SOS>")


def expected_decline(tokenizer: str, text: str) -> str | None:
    """The one reason why native code may leave a text to Python."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "declined: lone surrogate"
    normalized = unicodedata.normalize("NFKC", text)
    if tokenizer == "claude" and any(token in text or token in normalized for token in ADDED_TOKENS):
        return "declined: spells an added token"
    return None


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_random_texts(tokenizer: str, shard: int, record_property: Callable[[str, object], None]) -> None:
    seed = f"texts {tokenizer} {shard}"
    with_seam, original = counts(MODEL_OF[tokenizer])

    def differs(text: str) -> bool:
        return outcome(with_seam, text) != outcome(original, text)

    number = scaled(TEXTS_PER_SHARD)
    declines: Counter[str] = Counter()
    lengths: Counter[str] = Counter()
    with calls_of() as calls:
        for text in islice(Texts(seed), number):
            if differs(text):
                text = shortest(text, differs)
                pytest.fail(
                    f"seed {seed!r}: {text!a}: accel {outcome(with_seam, text)}, LiteLLM {outcome(original, text)}"
                )
            if reason := expected_decline(tokenizer, text):
                declines[reason] += 1
            else:
                lengths["released the GIL"] += len(text) > 8192
                lengths["more than one slice"] += len(text) > 1024
    assert calls.python == dict(declines), seed
    assert calls.native == number - declines.total(), seed
    if number >= TEXTS_PER_SHARD:
        assert lengths["released the GIL"] >= number / 500, lengths
        assert lengths["more than one slice"] >= number / 100, lengths
    record_property("texts", f"{tokenizer}: {number}, native {calls.native}, {dict(declines)}, {dict(lengths)}")
