"""Texts: special spellings, slices, long texts, and what is called on the way to a count."""

import time
from unittest import mock

import litellm
import pytest
import tiktoken
from litellm.constants import TIKTOKEN_ENCODE_CHUNK_SIZE_CHARS, TIKTOKEN_ENCODE_MAX_CHUNK_SIZE_CHARS
from litellm.litellm_core_utils import default_encoding  # noqa: F401  # where tiktoken finds its files
from litellm.litellm_core_utils import token_counter as counter_module

from support.pins import alike, counts, native, total, user
from support.texts import PROSE

BEDROCK = "us.anthropic.claude-sonnet-4-6"
# A text; its tokens in cl100k_base, o200k_base and Anthropic's tokenizer.
TEXTS = {
    "tide": (2, 2, 2),
    "The ferry leaves at noon, with 12 cars.": (11, 11, 10),
    "<|endoftext|>": (7, 7, 7),
    "hello world <|endoftext|>": (8, 9, 9),
    "Hällo Welt, das ist mein Text!": (10, 10, 12),
    "": (0, 0, 0),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_short_text(text: str) -> None:
    """What spells a special token is text like any other."""
    cl100k, o200k, claude = TEXTS[text]
    encoding = tiktoken.get_encoding("cl100k_base")
    assert len(encoding.encode(text, disallowed_special=())) == cl100k
    for model in (BEDROCK, "gpt-3.5-turbo", None):
        counts(cl100k, model=model, text=text)
    counts(o200k, model="gpt-4o", text=text)
    counts(claude, model="claude-sonnet-4-5", text=text)


def test_a_text_just_over_one_slice() -> None:
    text = ("The quick tide runs past the lazy pier. " * 30)[:1025]
    counts(231, model=BEDROCK, text=text)
    assert len(tiktoken.get_encoding("cl100k_base").encode(text)) == 231


@pytest.mark.parametrize("model", ["gpt-4", "gpt-4o"])
def test_a_long_text_is_counted_in_slices(model: str) -> None:
    """Up to one token more at each boundary: 40 slices, 39 boundaries inside words and spaces."""
    text = "x " * 20_000
    counts(20_040, model=model, text=text)
    slices = -(-len(text) // TIKTOKEN_ENCODE_CHUNK_SIZE_CHARS)
    whole = len(counter_module.openai_tokenizer_encoding(model).encode(text))
    assert whole < 20_040 <= whole + slices


@pytest.mark.parametrize(("chars", "expected"), [(512, 20_079), (4096, 20_010)])
def test_a_slice_that_somebody_sets_holds(chars: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was bound as a default argument when LiteLLM was imported: that is what counts, not the constant."""
    monkeypatch.setattr(counter_module._get_tiktoken_count_function, "__defaults__", (chars,))
    for model in ("gpt-4", "gpt-4o"):
        alike(expected, litellm.token_counter, model=model, text="x " * 20_000)
        alike(expected + 7, litellm.token_counter, model=model, messages=[user("x " * 20_000)])


def test_a_replaced_encoder_gets_bounded_slices() -> None:
    """Whoever replaces the function that encodes is called, for all of the text and never for too much."""
    messages = [user([{"type": "text", "text": "A" * 2**20}])]
    with mock.patch.object(
        counter_module, "_encoding_count", wraps=counter_module._encoding_count
    ) as encoding_count:
        assert counter_module.token_counter(model=BEDROCK, messages=messages) == 131_079
    lengths = [len(call.args[1]) for call in encoding_count.call_args_list]
    assert sum(lengths) == 2**20 + len("user")
    assert max(lengths) == TIKTOKEN_ENCODE_CHUNK_SIZE_CHARS <= TIKTOKEN_ENCODE_MAX_CHUNK_SIZE_CHARS
    counts(131_079, model=BEDROCK, messages=messages)


@pytest.mark.parametrize("max_exact_chars", [64, 1_000, 2_500])
def test_a_text_above_the_limit_is_sampled(max_exact_chars: int) -> None:
    text = "a" * 1_000 + "b" * 4_000
    count_exactly = mock.Mock(side_effect=lambda sample: sample.count("a") + len(sample))
    estimate = counter_module._get_extrapolating_count_function(count_exactly, max_exact_chars)(text)
    assert abs(estimate - 6_000) <= 60
    assert sum(len(call.args[0]) for call in count_exactly.call_args_list) <= max_exact_chars


def test_a_text_at_the_limit_is_not_sampled() -> None:
    count_exactly = mock.Mock(side_effect=len)
    assert counter_module._get_extrapolating_count_function(count_exactly, 5_000)("a" * 5_000) == 5_000
    count_exactly.assert_called_once_with("a" * 5_000)


def test_a_text_above_the_usual_limit_is_extrapolated() -> None:
    text = "tide and ebb " * 320_000
    assert len(text) > litellm.constants.TOKEN_COUNTER_MAX_EXACT_CHARS == 4_000_000
    exactly = counter_module._get_exact_count_function("gpt-4o")
    with native(wholly=False):
        assert exactly(text) == 963_438
        alike(963_449, counter_module.token_counter, model="gpt-4o", text=text)


def test_a_limit_that_somebody_sets_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is a default argument; it is the one of the function that LiteLLM finds."""
    monkeypatch.setattr(counter_module._get_extrapolating_count_function, "__defaults__", (1_600,), raising=True)
    text = "tide and ebb " * 320
    sampled = counter_module._get_extrapolating_count_function(
        counter_module._get_exact_count_function("gpt-4o"), 1_600
    )(text)
    alike(sampled, litellm.token_counter, model="gpt-4o", text=text)
    assert sampled != counter_module._get_exact_count_function("gpt-4o")(text)


@pytest.mark.parametrize(
    "model",
    ["gpt-4-vision-preview", "gpt-4o", "claude-3-opus-20240229", "command-nightly", "mistral/mistral-tiny"],
)
def test_a_large_prompt_is_counted_in_time(model: str) -> None:
    messages = [user((PROSE * 20)[:40_000])] * 10
    began = time.perf_counter()
    with native():
        answers = {litellm.token_counter(model=model, messages=messages) for _ in range(10)}
    assert len(answers) == 1
    assert time.perf_counter() - began < 10


def test_the_switch_that_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "disable_token_counter", True)
    before = total("native")
    for model in ("gpt-4", "gpt-4o", "claude-sonnet-4-5"):
        alike(0, litellm.token_counter, model=model, messages=[user("anything")])
        alike(0, litellm.token_counter, model=model, text="anything")
    assert total("native") == before
