"""LiteLLM's modules and tiktoken's encodings are loaded again while accel is in place."""

import importlib
from collections.abc import Iterator

import litellm.constants
import pytest
import tiktoken.registry
from litellm.litellm_core_utils import default_encoding

from support.calls import strict
from support.original import MODEL_OF, counts
from support.texts import CODE, PROSE

TEXTS = (PROSE[:3000], CODE[:9000], "漢字 <|endoftext|> 'll ")
MODELS = (*MODEL_OF.values(), None, "")


@pytest.fixture(autouse=True)
def encodings_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(tiktoken.registry.ENCODINGS)
    monkeypatch.setattr(default_encoding, "encoding", default_encoding.encoding)
    yield
    tiktoken.registry.ENCODINGS.clear()
    tiktoken.registry.ENCODINGS.update(before)


def compare() -> None:
    """Every count native and LiteLLM's."""
    with strict():
        for model in MODELS:
            with_seam, original = counts(model)
            for text in TEXTS:
                assert with_seam(text) == original(text), (model, ascii(text[:40]))


def test_the_constants_are_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slices keep the size that was bound at the import."""
    compare()
    monkeypatch.setenv("TIKTOKEN_ENCODE_CHUNK_SIZE_CHARS", "64")
    try:
        importlib.reload(litellm.constants)
        assert litellm.constants.TIKTOKEN_ENCODE_CHUNK_SIZE_CHARS == 64
        compare()
    finally:
        monkeypatch.undo()
        importlib.reload(litellm.constants)
    compare()


def test_the_default_encoding_is_loaded_again() -> None:
    compare()
    tiktoken.registry.ENCODINGS.clear()
    before = default_encoding.encoding
    importlib.reload(default_encoding)
    assert default_encoding.encoding is not before
    compare()


def test_the_encodings_are_loaded_again() -> None:
    compare()
    before = tiktoken.get_encoding("o200k_base")
    tiktoken.registry.ENCODINGS.clear()
    assert tiktoken.get_encoding("o200k_base") is not before
    compare()


def test_an_encoding_of_the_same_name_with_other_ranks() -> None:
    """A counter belongs to an encoding object, not to its name."""
    compare()
    usual = tiktoken.get_encoding("o200k_base")
    coarse = {token: rank for token, rank in usual._mergeable_ranks.items() if rank < 5000}
    tiktoken.registry.ENCODINGS["o200k_base"] = tiktoken.Encoding(
        "o200k_base", pat_str=usual._pat_str, mergeable_ranks=coarse, special_tokens={}
    )
    before = [counts("gpt-4")[1](text) for text in TEXTS]
    compare()
    assert [counts("gpt-4o")[0](text) for text in TEXTS] > before
    tiktoken.registry.ENCODINGS["o200k_base"] = usual
    compare()
