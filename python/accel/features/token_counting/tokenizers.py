"""Native counters for live tokenizer objects, made once each, at the first text."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from accel import native
from accel.errors import Declined
from accel.features.token_memo import Memory
from accel.fingerprint import library_is_tested


class Tokenizer:
    """One tokenizer object of LiteLLM's, and the native counter that stands for it.

    The counter is made inside the first count, so that a defect there meets the guard. Thread-safe: two
    threads may make it, either may stay.
    """

    def __init__(self, make: Callable[[], Any], slice_chars: int | None, memory: Memory) -> None:
        self._make = make
        self.slice_chars: Final = slice_chars
        """Code points that are counted together; None: all of a text."""
        self.memory: Final = memory
        self.prompts: Final[dict[bool, Any]] = {}
        """What counts whole prompts with it, by whether the legacy accounting holds."""
        self._counter: Any = None

    def counter(self) -> Any:
        """The native counter."""
        if self._counter is None:
            self._counter = self._make()
        return self._counter

    def count(self, text: str) -> int:
        """Tokens of one text. Declines when: see `_accel.pyi`."""
        if self.slice_chars is None:
            return self.counter().count(text, self.memory.memo())  # type: ignore[no-any-return]
        return self.counter().count(text, self.slice_chars, self.memory.memo())  # type: ignore[no-any-return]


class Tokenizers:
    """Keeps the `Tokenizer` of each object that LiteLLM uses. Thread-safe: two may be made, either may stay."""

    def __init__(self, memory: Memory) -> None:
        from tiktoken import Encoding

        self._memory = memory
        self._encoding_class: Any = Encoding
        self._encode: Any = Encoding.encode
        self._tiktoken: dict[str, tuple[Any, Tokenizer]] = {}
        self._hugging_face: tuple[Any, Any, Any] = (None, None, None)

    def tiktoken(self, encoding: Any, slice_chars: int) -> Tokenizer:
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
        if held is not None and held[0] is encoding and held[1].slice_chars is slice_chars:
            return held[1]
        tokenizer = self._slicing(encoding, slice_chars)
        self._tiktoken[encoding.name] = (encoding, tokenizer)
        return tokenizer

    def _slicing(self, encoding: Any, slice_chars: int) -> Tokenizer:
        import tiktoken

        if not library_is_tested("tiktoken", tiktoken.__version__):
            raise Declined("untested tiktoken release")
        # The native counter takes any; the memo tells sizes apart by these many bits.
        if type(slice_chars) is not int or not 1 <= slice_chars < 1 << 32:
            raise Declined("odd slice size")

        def make() -> Any:
            return native.module.TiktokenCounter(encoding._pat_str, encoding._mergeable_ranks)

        return Tokenizer(make, slice_chars, self._memory)

    def hugging_face(self, tokenizer: Any) -> Tokenizer:
        """Counts as `len(tokenizer.encode_batch_fast([text])[0])`.

        Declines when: not a `tokenizers.Tokenizer`, changed since its counter was made, not a
        byte-level BPE behind NFKC, a tokenizers release that was not tested.
        """
        import tokenizers

        if type(tokenizer) is not tokenizers.Tokenizer:
            raise Declined("not a Hugging Face tokenizer")
        if not library_is_tested("tokenizers", tokenizers.__version__):
            raise Declined("untested tokenizers release")
        held, ours, settings = self._hugging_face
        if held is tokenizer:
            # The tokenizer is one object for the whole process, and anyone may change it.
            if _settings(tokenizer) != settings:
                raise Declined("the tokenizer was changed")
            return ours  # type: ignore[no-any-return]

        def make() -> Any:
            made = _settings(tokenizer)
            counter = native.module.HuggingFaceCounter(tokenizer.to_str())
            self._hugging_face = (tokenizer, fresh, made)
            return counter

        fresh = Tokenizer(make, None, self._memory)
        return fresh


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
