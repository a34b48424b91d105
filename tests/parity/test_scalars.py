"""Every Unicode scalar value in several surroundings: the character classes agree with the tokenizers'."""

from collections.abc import Callable, Iterable

import pytest

from support.calls import calls_of, strict
from support.original import MODEL_OF, counts

SURROUNDINGS = ("a%sb\n", "A%sB\n", "x%sY\n", "1%s2\n", " %s;", "%s%s a", "!%s\n", "'%s ", "%s's\n", "\n%s\n;")
# In planes 4 to 13 and 15 to 16 all are unassigned or private: one class, but each of them is asked.
ALIKE = (range(0x40000, 0xE0000), range(0xF0000, 0x110000))
FOR_ALIKE = ("a%sb\n", "1%s2\n", " %s;", "%s%s a")
# No sum of a batch hides two errors easily, and every text stays within one slice.
BATCH = 48
PARTS = 4


def scalars(part: int) -> list[int]:
    """A quarter of the scalar values, in blocks, so that each quarter meets all planes."""
    every = [*range(0xD800), *range(0xE000, 0x110000)]
    return [
        point for start in range(part * 4096, len(every), PARTS * 4096) for point in every[start : start + 4096]
    ]


def text_of(surroundings: str, points: Iterable[int]) -> str:
    return "".join(surroundings.replace("%s", chr(point)) for point in points)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_every_scalar(tokenizer: str, part: int, record_property: Callable[[str, object], None]) -> None:
    with_seam, original = counts(MODEL_OF[tokenizer])
    points = scalars(part)
    different: list[str] = []
    texts = 0
    with strict(), calls_of() as calls:
        for start in range(0, len(points), BATCH):
            batch = points[start : start + BATCH]
            alike = any(batch[0] in plane and batch[-1] in plane for plane in ALIKE)
            for surroundings in FOR_ALIKE if alike else SURROUNDINGS:
                text = text_of(surroundings, batch)
                texts += 1
                if with_seam(text) != original(text):
                    different += culprits(surroundings, batch, with_seam, original)
            assert len(different) < 50, different
    assert not different
    assert (calls.native, calls.python) == (texts, {})
    record_property(
        "scalars",
        f"{tokenizer}: {len(points)} in {len(FOR_ALIKE)} or {len(SURROUNDINGS)} surroundings, {texts} texts",
    )


def culprits(
    surroundings: str, batch: list[int], with_seam: Callable[[str], int], original: Callable[[str], int]
) -> list[str]:
    """The smallest parts of a batch that still differ."""
    if len(batch) == 1:
        text = text_of(surroundings, batch)
        return [f"{text!a}: accel {with_seam(text)}, LiteLLM {original(text)}"]
    halves = batch[: len(batch) // 2], batch[len(batch) // 2 :]
    bad = [half for half in halves if with_seam(text := text_of(surroundings, half)) != original(text)]
    if not bad:
        return [f"only together: {text_of(surroundings, batch)!a}"]
    return [culprit for half in bad for culprit in culprits(surroundings, half, with_seam, original)]
