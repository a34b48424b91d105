"""LiteLLM counts a text in slices of code points, and estimates one that is very long."""

from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support.calls import calls_of, strict
from support.original import MODEL_OF, counts, outcome, without_seams
from support.texts import CODE, PROSE

TIKTOKEN = [MODEL_OF["cl100k_base"], MODEL_OF["o200k_base"]]


@pytest.mark.parametrize("model", TIKTOKEN)
def test_tokens_never_cross_the_border_of_a_slice(model: str) -> None:
    digits = "0" * 5000
    with_seam, original = counts(model)
    encoding = counter_module.openai_tokenizer_encoding(model)
    with strict():
        assert with_seam(digits) == original(digits) != len(encoding.encode(digits))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1023, 4096, 10**9])
@pytest.mark.parametrize("model", TIKTOKEN)
def test_the_size_of_a_slice_is_read_where_litellm_bound_it(
    model: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_module._get_tiktoken_count_function, "__defaults__", (size,))
    with_seam, original = counts(model)
    with strict():
        for text in (PROSE[:9000], CODE[:3000], "漢字 and 👩\u200d💻 " * 300, ""):
            assert with_seam(text) == original(text)


@pytest.mark.parametrize("size", [0, -1, True, 2.0, "1024", None, 2**32 + 1024, 10**30])
def test_an_odd_size_is_left_to_litellm(size: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_module._get_tiktoken_count_function, "__defaults__", (size,))
    with_seam, original = counts("gpt-4o")
    with calls_of() as calls:
        assert outcome(with_seam, "some text") == outcome(original, "some text")
    assert (calls.native, calls.python) == (0, {"declined: odd slice size": 1})


@pytest.mark.parametrize("before", range(1020, 1027))
@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_surrogates_at_the_border_are_litellms(tokenizer: str, before: int) -> None:
    """A pair of surrogates is repaired within a slice, a halved one becomes two replacement characters."""
    with_seam, original = counts(MODEL_OF[tokenizer])
    text = "a" * before + "\ud83d\ude00" * 3 + "z" * 1024 + "\udead"
    with calls_of() as calls:
        assert outcome(with_seam, text) == outcome(original, text)
    assert (calls.native, calls.python) == (0, {"declined: lone surrogate": 1})


SPELLINGS = ["<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>", "<|im_start|>", "a <|endoftext|> b"]
ADDED = [
    "<EOT>",
    "<META>",
    "<META_START>",
    "<META_END>",
    "<SOS>",
    "＜ＥＯＴ＞",
    "<ＭＥＴＡ>",
    "a<EOT>b",
    "<<SOS>>",
]


@pytest.mark.parametrize("spelling", [*SPELLINGS, *ADDED])
@pytest.mark.parametrize("model", TIKTOKEN)
def test_spellings_of_special_tokens_are_text_for_tiktoken(model: str, spelling: str) -> None:
    with_seam, original = counts(model)
    with strict():
        assert with_seam(spelling) == original(spelling) > 1


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_other_tokenizers_are_text_for_claude(spelling: str) -> None:
    with_seam, original = counts(MODEL_OF["claude"])
    with strict():
        assert with_seam(spelling) == original(spelling) > 1


@pytest.mark.parametrize("spelling", ADDED)
def test_claudes_own_added_tokens_are_litellms(spelling: str) -> None:
    with_seam, original = counts(MODEL_OF["claude"])
    with calls_of() as calls:
        assert with_seam(spelling) == original(spelling)
    assert (calls.native, calls.python) == (0, {"declined: spells an added token": 1})


@pytest.mark.parametrize("length", [5000, 5001, 5017, 9999, 123_457])
@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_the_estimate_of_a_long_text_is_equal(
    tokenizer: str, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_module._get_extrapolating_count_function, "__defaults__", (5000,))
    text = (PROSE + "é" + CODE)[:length]
    with calls_of(seam="token_counter") as whole, calls_of(seam="_get_exact_count_function") as samples:
        ours = litellm.token_counter(MODEL_OF[tokenizer], text=text)
    with without_seams():
        assert ours == litellm.token_counter(MODEL_OF[tokenizer], text=text)
    if length == 5000:
        assert (whole.native, samples.total) == (1, 0)
    else:
        # Python's estimate of the whole, native counts of its samples.
        assert (whole.python, samples.native, samples.python) == ({"declined: extrapolated": 1}, 16, {})


def test_the_estimate_above_four_million_characters_is_equal() -> None:
    text = (CODE * (4_300_000 // len(CODE) + 1))[:4_300_000]
    with calls_of(seam="_get_exact_count_function") as samples:
        ours = litellm.token_counter("gpt-4o", text=text)
    with without_seams():
        assert ours == litellm.token_counter("gpt-4o", text=text)
    assert (samples.native, samples.python) == (16, {})


@pytest.mark.parametrize("length", [40, 41])
@pytest.mark.parametrize("tokenizer", MODEL_OF)
@pytest.mark.parametrize("where", ["content", "block", "shown", "name", "tools"])
def test_the_estimate_of_a_part_of_a_prompt_is_equal(
    where: str, tokenizer: str, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = 90 if where == "tools" else 40
    monkeypatch.setattr(counter_module._get_extrapolating_count_function, "__defaults__", (bound,))
    text = CODE[5_000 : 5_000 + length].replace("\n", " ").replace("'", '"')
    message: dict[str, Any] = {"role": "user", "content": text}
    tools = None
    if where == "block":
        message["content"] = [{"type": "text", "text": text}]
    elif where == "shown":
        message["content"] = [{"type": "text", "text": [text[len("['']") :]]}]
    elif where == "name":
        message["name"] = text
    elif where == "tools":
        without_name = counter_module._format_function_definitions([{"name": "x"}])
        tools = [{"name": "x" * (bound - len(without_name) + 1 + length - 40)}]
    keywords: dict[str, Any] = {"model": MODEL_OF[tokenizer], "messages": [message], "tools": tools}
    with calls_of(seam="token_counter") as calls:
        ours = litellm.token_counter(**keywords)
    with without_seams():
        assert ours == litellm.token_counter(**keywords)
    assert calls.python == ({} if length == 40 else {"declined: extrapolated": 1})


# A user may set anything there: an odd value is LiteLLM's, and no failure.
@pytest.mark.parametrize("bound", [0, -1, 2.5, 10**30, True, "many", None], ids=ascii)
@pytest.mark.parametrize("keywords", [{"text": "some text"}, {"messages": [{"role": "user", "content": "c"}]}])
def test_an_odd_bound_is_litellms(bound: object, keywords: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_module._get_extrapolating_count_function, "__defaults__", (bound,))
    with calls_of(seam="token_counter") as calls:
        ours = outcome(litellm.token_counter, "gpt-4o", **keywords)
    with without_seams():
        assert ours == outcome(litellm.token_counter, "gpt-4o", **keywords)
    reason = "extrapolated" if bound == 0 and bound is not False else "odd constants"
    assert (calls.native, calls.python) == (0, {f"declined: {reason}": 1})
