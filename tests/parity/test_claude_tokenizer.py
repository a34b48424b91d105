"""The Claude tokenizer is one object for the whole process, and anyone may change it."""

from collections.abc import Callable, Iterator
from typing import Any

import litellm.utils
import pytest
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors

from support.calls import calls_of, strict
from support.original import MODEL_OF, counts

MODEL = MODEL_OF["claude"]
TEXTS = ("The other zebra crossing, the ﬁrst Ⅳ of them.", "ＵＮＩＣＯＤＥ ½ naïveté 漢字 <EOT", "x", "")
CHANGED = "declined: the tokenizer was changed"

Change = Callable[[Tokenizer], Any]


def setting(part: str | None, name: str, value: Any) -> Change:
    """Assigns an attribute of the tokenizer or of a part of it."""
    return lambda tokenizer: setattr(getattr(tokenizer, part) if part else tokenizer, name, value)


TEMPLATE = processors.TemplateProcessing(single="<SOS> $A", special_tokens=[("<SOS>", 4)])

# Each with what takes it back.
REVERSIBLE: dict[str, tuple[Change, Change]] = {
    "truncation": (lambda t: t.enable_truncation(3), lambda t: t.no_truncation()),
    "padding": (lambda t: t.enable_padding(length=64), lambda t: t.no_padding()),
    "no normalizer": (setting(None, "normalizer", None), setting(None, "normalizer", normalizers.NFKC())),
    "normalizer": (
        setting(None, "normalizer", normalizers.NFC()),
        setting(None, "normalizer", normalizers.NFKC()),
    ),
    "pre-tokenizer": (
        setting(None, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=True)),
        setting(None, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)),
    ),
    "prefix space": (
        setting("pre_tokenizer", "add_prefix_space", True),
        setting("pre_tokenizer", "add_prefix_space", False),
    ),
    "splitting": (setting("pre_tokenizer", "use_regex", False), setting("pre_tokenizer", "use_regex", True)),
    "post-processor": (setting(None, "post_processor", TEMPLATE), setting(None, "post_processor", None)),
    "special tokens": (
        setting(None, "encode_special_tokens", True),
        setting(None, "encode_special_tokens", False),
    ),
}
IRREVERSIBLE: dict[str, Change] = {
    "added word": lambda tokenizer: tokenizer.add_tokens(["zebra crossing"]),
    "added special token": lambda tokenizer: tokenizer.add_special_tokens(["<ZEBRA>", "zebra"]),
    "added known word": lambda tokenizer: tokenizer.add_tokens(["the"]),
    "added known special token": lambda tokenizer: tokenizer.add_special_tokens([AddedToken("the", lstrip=True)]),
    # Here the model keeps words that it merged under the other setting, so nothing takes it back.
    "drop-out": setting("model", "dropout", 1.0),
    "prefix of subwords": setting("model", "continuing_subword_prefix", "##"),
    "suffix of words": setting("model", "end_of_word_suffix", "</w>"),
    "unknown token": setting("model", "unk_token", "a"),
    "byte fall-back": setting("model", "byte_fallback", True),
    "whole words": setting("model", "ignore_merges", True),
}
ALL = {**{name: change for name, (change, _) in REVERSIBLE.items()}, **IRREVERSIBLE}


def cached() -> Tokenizer:
    """The tokenizer that LiteLLM counts with."""
    backend = litellm.utils._huggingface_tokenizer_backend()
    return litellm.utils._load_huggingface_tokenizer("anthropic", backend)


@pytest.fixture(autouse=True)
def tokenizer() -> Iterator[Tokenizer]:
    """One of the test's own, in the place of the cached one."""
    litellm.utils._load_huggingface_tokenizer.cache_clear()
    yield cached()
    litellm.utils._load_huggingface_tokenizer.cache_clear()


def counted() -> list[int]:
    """What accel counts now, which must be what LiteLLM counts."""
    found = []
    for text in TEXTS:
        # Made anew for each text, as every call of LiteLLM does.
        with_seam, original = counts(MODEL)
        count = with_seam(text)
        assert count == original(text), ascii(text)
        found.append(count)
    return found


@pytest.mark.parametrize("change", ALL.values(), ids=ALL)
def test_a_change_after_the_first_count_is_noticed(change: Change, tokenizer: Tokenizer) -> None:
    with strict():
        counted()
    change(tokenizer)
    with calls_of() as calls:
        counted()
    assert (calls.native, calls.python) == (0, {CHANGED: len(TEXTS)})


@pytest.mark.parametrize("change", ALL.values(), ids=ALL)
def test_a_change_before_the_first_count_is_noticed(change: Change, tokenizer: Tokenizer) -> None:
    change(tokenizer)
    counted()


@pytest.mark.parametrize(("change", "take_back"), REVERSIBLE.values(), ids=REVERSIBLE)
def test_a_change_taken_back_is_noticed_too(change: Change, take_back: Change, tokenizer: Tokenizer) -> None:
    with strict():
        before = counted()
    change(tokenizer)
    counted()
    take_back(tokenizer)
    with strict():
        assert counted() == before


def test_another_tokenizer_in_the_cache_is_noticed(tokenizer: Tokenizer) -> None:
    with strict():
        before = counted()
    tokenizer.enable_truncation(1)
    litellm.utils._load_huggingface_tokenizer.cache_clear()
    assert cached() is not tokenizer
    with strict():
        assert counted() == before


def test_a_copy_of_the_tokenizer_is_not_counted_for_it(tokenizer: Tokenizer) -> None:
    copy = Tokenizer.from_str(tokenizer.to_str())
    custom = {"type": "huggingface_tokenizer", "tokenizer": copy}
    copy.enable_truncation(2)
    with strict():
        before = counted()
    with_seam, original = counts(MODEL, custom)
    with calls_of() as calls:
        assert with_seam(TEXTS[0]) == original(TEXTS[0]) == 2
    assert calls.python == {"declined: custom tokenizer": 1}
    with strict():
        assert counted() == before
