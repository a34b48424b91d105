"""Native counters for live tokenizer objects, made once each, at the first text."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from accel import native
from accel.errors import Declined
from accel.fingerprint import library_is_tested


class Counters:
    """Keeps the native counter of each tokenizer object that LiteLLM uses.

    Its methods answer count functions; the native counter is made inside the first count, so that a
    defect there meets the guard. Thread-safe: two threads may make the same counter, either may stay.
    """

    def __init__(self) -> None:
        from tiktoken import Encoding

        self._encoding_class: Any = Encoding
        self._encode: Any = Encoding.encode
        self._tiktoken: dict[str, tuple[Any, int, Callable[[str], int]]] = {}
        self._hugging_face: tuple[Any, Any, Any] = (None, None, None)

    def tiktoken(self, encoding: Any, slice_chars: int) -> Callable[[str], int]:
        """Counts as `len(encoding.encode(text, disallowed_special=()))`, in slices of code points.

        Declines when: not a `tiktoken.Encoding`, its `encode` replaced, an encoding whose pattern has
        no scanner, a tiktoken release whose Unicode classes were not tested, a slice size that is no
        count.
        """
        if type(encoding) is not self._encoding_class:
            raise Declined("not a tiktoken encoding")
        if self._encoding_class.encode is not self._encode or "encode" in vars(encoding):
            raise Declined("tiktoken's encode was replaced")
        held = self._tiktoken.get(encoding.name)
        if held is not None and held[0] is encoding and held[1] is slice_chars:
            return held[2]
        count = self._slices_counter(encoding, slice_chars)
        self._tiktoken[encoding.name] = (encoding, slice_chars, count)
        return count

    def _slices_counter(self, encoding: Any, slice_chars: int) -> Callable[[str], int]:
        import tiktoken

        if not library_is_tested("tiktoken", tiktoken.__version__):
            raise Declined("untested tiktoken release")
        if type(slice_chars) is not int or slice_chars < 1:
            raise Declined("odd slice size")
        counter: Any = None

        def count_slices(text: str) -> int:
            nonlocal counter
            if counter is None:
                counter = native.module.TiktokenCounter(encoding._pat_str, encoding._mergeable_ranks)
            return counter.count(text, slice_chars)  # type: ignore[no-any-return]

        return count_slices

    def hugging_face(self, tokenizer: Any) -> Callable[[str], int]:
        """Counts as `len(tokenizer.encode_batch_fast([text])[0])`.

        Declines when: not a `tokenizers.Tokenizer`, changed since its counter was made, not a
        byte-level BPE behind NFKC, a tokenizers release that was not tested.
        """
        import tokenizers

        if type(tokenizer) is not tokenizers.Tokenizer:
            raise Declined("not a Hugging Face tokenizer")
        if not library_is_tested("tokenizers", tokenizers.__version__):
            raise Declined("untested tokenizers release")
        held, counter, settings = self._hugging_face
        if held is not tokenizer:
            counter = None
        # The tokenizer is one object for the whole process, and anyone may change it.
        elif _settings(tokenizer) != settings:
            raise Declined("the tokenizer was changed")

        def count_whole(text: str) -> int:
            nonlocal counter
            if counter is None:
                made = _settings(tokenizer)
                counter = native.module.HuggingFaceCounter(tokenizer.to_str())
                self._hugging_face = (tokenizer, counter, made)
            return counter.count(text)  # type: ignore[no-any-return]

        return count_whole


_byte_pair_settings: Final = attrgetter(
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "fuse_unk",
    "byte_fallback",
    "ignore_merges",
)


def _settings(tokenizer: Any) -> tuple[Any, ...]:
    """What setters of a `tokenizers.Tokenizer` can change, as far as it shows cheaply (2 µs)."""
    model, normalizer, pre_tokenizer = tokenizer.model, tokenizer.normalizer, tokenizer.pre_tokenizer
    byte_pairs = type(model).__name__ == "BPE"
    return (
        tokenizer.truncation,
        tokenizer.padding,
        tokenizer.post_processor is None,
        tokenizer.encode_special_tokens,
        tokenizer.get_vocab_size(),
        # A word of the vocabulary may be added as a token too, which leaves the size as it was.
        len(tokenizer.get_added_tokens_decoder()),
        normalizer and normalizer.__getstate__(),
        pre_tokenizer and pre_tokenizer.__getstate__(),
        type(model),
        _byte_pair_settings(model) if byte_pairs else None,
    )
