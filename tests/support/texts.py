"""Random texts that look for differences between tokenizers. The same seed gives the same texts."""

import inspect
import pydoc_data.topics
import random
from collections.abc import Callable, Iterator

import litellm.router

# fmt: off
ALPHABET = (
    "a", "b", "Z", "Q", "e", "s", "t", "d", "m", "l", "v", "r", "the ", " of", "ing", "Camel", "XML",
    "http://", "'", "'s", "'re", "'ll", "'S", "'LL", "'vE", "'ſ", "ſ", "\u212a", "’s", "0", "9", "123", "1234",
    "½", "Ⅳ", "²", "٣", " ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", "\v", "\f", "\x1c", "\x85",
    "\xa0", "\u2028", "\u3000", "\u200b", "\u200d", "\ufeff", "\x00", "\x7f", ".", ",", "!", "-", "/", "//",
    "(", '"', "#", "_", "\\n", "<", ">", "é", "e\u0301", "ß", "ẞ", "İ", "ı", "ǅ", "ᵃ", "ʰ", "\u0301",
    "\u0300\u0301", "\u1f88", "ꟲ", "𝒜", "𐐀", "𐐨", "𞤀", "漢", "字", "か", "カ", "한", "ع", "ก", "ि", "🙂",
    "👍🏽", "👩\u200d💻", "🇫🇷", "Ａ", "ﬁ", "㍿", "\ufffd", "\U0010ffff", "<|endoftext|>", "<|endofprompt|>",
    "<EOT>", "<META>",
)
WHITESPACE = (
    " ", " ", "\n", "\r\n", "\r", "\t", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2003",
    "\u2028", "\u2029", "\u202f", "\u3000", "\u200b", "\u180e", "x", "1", ".", "é",
)
# U+017F folds to s and U+212A to k: a case-insensitive pattern may take them for these.
CONTRACTIONS = (
    "'", "’", "＇", "s", "S", "ſ", "t", "T", "re", "Re", "rE", "ve", "VE", "m", "M", "ll", "lL", "LL", "d",
    "D", "\u212a", "k", " ", "x", "I", "we", "\u0301",
)
SPELLINGS = (
    "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|endofprompt|>", "<|im_start|>", "<|return|>",
    "<EOT>", "<META>", "<META_START>", "<META_END>", "<SOS>", "＜ＥＯＴ＞", "<ＭＥＴＡ>", "＜|endoftext|＞",
    "<EOT", "EOT>", "<eot>", "<<SOS>>", "< EOT>", "<META_", "𝐄", "<𝐄OT>", "﹤SOS﹥", "<E\u0301OT>", "<", ">",
)
MARKS = (
    "e", "A", "ᄀ", "ᅡ", "ᆨ", "가", "か", "カ", "ｶ", "ﾞ", "क", "ा", "\u0300", "\u0301", "\u0323", "\u0327",
    "\u0345", "\u0653", "\u3099", "\u309a", "\u1ab0", "\u20dd", "\u0f71", "\u0f72", "\U0001d165",
    "\U0001d16d", "ﬁ", "ﷺ", "①", "㍻", "ｱ", "Å", "…", "\u00a8", "\u2474", "\u1e9b", " ", "\u034f", "\u200d",
)
LENGTHS = (1, 2, 3, 5, 17, 50, 95, 96, 97, 99, 100, 101, 130, 300)
SLICES = (1023, 1024, 1025)
EDGES = (1024, 1024, 1024, 2048, 3072, 8192, 9216)
# fmt: on

PROSE = "\n\n".join(topic for _, topic in sorted(pydoc_data.topics.topics.items()))
CODE = inspect.getsource(litellm.router)


class Texts:
    """An endless stream of texts, each of one kind."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(str(seed))
        self._kinds: tuple[tuple[Callable[[], str], int], ...] = (
            (self.fragments, 20),
            (self.contractions, 12),
            (self.whitespace, 12),
            (self.marks, 12),
            (self.spellings, 8),
            (self.anywhere, 10),
            (self.basic_plane, 10),
            (self.mutated, 12),
            (self.runs, 6),
            (self.surrogates, 4),
            (self.astride, 2),
            (self.long, 1),
        )

    def __iter__(self) -> Iterator[str]:
        kinds, weights = zip(*self._kinds, strict=True)
        while True:
            for kind in self.random.choices(kinds, weights, k=256):
                yield kind()

    def _joined(self, alphabet: tuple[str, ...], most: int) -> str:
        return "".join(self.random.choices(alphabet, k=self.random.randrange(most)))

    def fragments(self) -> str:
        return self._joined(ALPHABET, 60)

    def contractions(self) -> str:
        return self._joined(CONTRACTIONS, 16)

    def whitespace(self) -> str:
        return self._joined(WHITESPACE, 20)

    def marks(self) -> str:
        return self._joined(MARKS, 24)

    def spellings(self) -> str:
        return self._joined(SPELLINGS + ALPHABET[:12], 12)

    def anywhere(self) -> str:
        points = (self.random.randrange(0x110000) for _ in range(self.random.randrange(1, 50)))
        return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)

    def basic_plane(self) -> str:
        ranges = ((0x20, 0x250), (0x20, 0x3100), (0x20, 0xD7FF), (0xE000, 0xFFFF), (0x1F000, 0x1FB00))
        picked = self.random.choices(ranges, k=self.random.randrange(1, 60))
        return "".join(chr(self.random.randrange(low, high)) for low, high in picked)

    def mutated(self) -> str:
        characters = list(self._excerpt(self.random.randrange(1, 500)))
        for _ in range(self.random.randrange(8)):
            characters.insert(self.random.randrange(len(characters) + 1), self.random.choice(ALPHABET))
        return "".join(characters)

    def runs(self) -> str:
        """Repeated pieces, with lengths on both sides of the sizes where implementations change their ways."""
        lengths = SLICES if self.random.random() < 0.03 else LENGTHS
        count = self.random.randrange(1, 4)
        return "".join(self.random.choice(ALPHABET) * self.random.choice(lengths) for _ in range(count))

    def surrogates(self) -> str:
        parts = (
            lambda: chr(self.random.randrange(0xD800, 0xDC00)),
            lambda: chr(self.random.randrange(0xDC00, 0xE000)),
            lambda: self.random.choice(ALPHABET),
            lambda: "\ud83d\ude00",
        )
        return "".join(self.random.choice(parts)() for _ in range(self.random.randrange(1, 12)))

    def astride(self) -> str:
        """Something that must not be cut, or must be, across the border between two slices."""
        edge = self.random.choice(EDGES) - self.random.randrange(4)
        across = self.random.choice(
            ("\ud83d\ude00", "👩\u200d💻", "e\u0301", "12345", "\r\n", "   x", "<EOT>", "'ll", "\n\n ")
        )
        return self._filler(edge) + across * self.random.randrange(1, 4) + self.fragments()

    def long(self) -> str:
        """From a few slices up to well beyond the length above which the GIL is released."""
        return self._filler(self.random.randrange(1000, 14_000)) + self.fragments()

    def _filler(self, length: int) -> str:
        if self.random.random() < 0.5:
            return self._excerpt(length)
        pieces = self.random.choices(ALPHABET, k=self.random.randrange(1, 40))
        return ("".join(pieces) * length)[:length]

    def _excerpt(self, length: int) -> str:
        source = self.random.choice((PROSE, CODE))
        start = self.random.randrange(len(source) - length)
        return source[start : start + length]


def shortest(text: str, differs: Callable[[str], bool]) -> str:
    """A short part of `text` that still differs, for the report."""
    size = len(text) // 2
    while size:
        for start in range(0, len(text), size):
            shorter = text[:start] + text[start + size :]
            if differs(shorter):
                text = shorter
                break
        else:
            size //= 2
    return text
