"""The tokenizer of a model: by its name, by the Hub, by the caller; and what happens when one is missing."""

import copy
import logging
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

import litellm
import pytest
from litellm import utils
from litellm.litellm_core_utils import token_counter as counter_module
from litellm.rust_bridge import tokenizer as tokenizer_factory
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from support.pins import alike, counts, native

# Its tokens tell the encodings apart: 198 in cl100k_base, 207 in o200k_base, 242 in Anthropic's.
TEXT = "Hällo, tide tables! camelCase ABCdef 12345 こんにちは <|endoftext|>\r\n" * 9
CL100K = (
    *("claude-3-5-sonnet-20241022", "claude-2", "gpt-4", "gpt-4-turbo", "gpt-3.5-turbo", "azure/gpt-35-turbo"),
    *("gemini/gemini-2.5-pro", "mistral/mistral-large-latest", "my-alias", "azure/gpt-4o", "command-r-plus"),
    *("", None),
)
O200K = (
    *("gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06", "gpt-4.1", "gpt-5", "gpt-5-mini"),
    *("o1", "o3", "o3-mini", "o4-mini"),
)
EXPECTED = {**dict.fromkeys(CL100K, 198), **dict.fromkeys(O200K, 207), "claude-sonnet-4-5-20250929": 242}


@pytest.fixture(autouse=True)
def no_kept_tokenizer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """LiteLLM keeps what it loaded; a test that makes the loading fail must not find it, nor leave it."""
    for name in ("cohere_models", "anthropic_models", "open_ai_chat_completion_models", "azure_llms"):
        monkeypatch.setattr(litellm, name, copy.copy(getattr(litellm, name)))
    utils._load_huggingface_tokenizer.cache_clear()
    yield
    utils._load_huggingface_tokenizer.cache_clear()


@pytest.mark.parametrize("model", EXPECTED)
def test_the_encoding_that_a_name_chooses(model: str | None) -> None:
    counts(EXPECTED[model], model=model, text=TEXT)


@pytest.mark.parametrize(
    ("model", "encoding", "expected"),
    [("text-davinci-003", "p50k_base", 261), ("gpt-oss-120b", "o200k_harmony", 207)],
)
def test_encodings_that_are_not_native(model: str, encoding: str, expected: int) -> None:
    litellm.open_ai_chat_completion_models.add(model)
    assert counter_module.openai_tokenizer_encoding(model).name == encoding
    alike(expected, litellm.token_counter, model=model, text=TEXT)


def test_without_downloads_everything_is_tiktokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", True)
    for model, expected in (
        ("claude-sonnet-4-5-20250929", 198),
        ("meta-llama/Llama-3-8b", 198),
        ("gpt-4o", 207),
    ):
        counts(expected, model=model, text=TEXT)
    with mock.patch.object(utils, "_return_huggingface_tokenizer") as loads:
        chosen = utils._select_tokenizer_helper("house-model-1")
        counted = litellm.token_counter(model="llama-3-7b", text="tide")
    loads.assert_not_called()
    assert (chosen["type"], chosen["tokenizer"], counted) == ("openai_tokenizer", utils.encoding, 2)


FAILING = {
    "llama-2-7b": ("from_pretrained", ("hf-internal-testing/llama-tokenizer",)),
    "llama-3-7b": ("from_pretrained", ("Xenova/llama-3-tokenizer",)),
    "command-r-v1": ("from_pretrained", ("Xenova/c4ai-command-r-v01-tokenizer",)),
    "claude-2": ("anthropic", ()),
}


@pytest.mark.parametrize("model", FAILING)
def test_a_tokenizer_that_fails_to_load_gives_way_to_tiktoken(
    model: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As often as it is asked for, with a warning each time, and the count is tiktoken's."""
    loader, arguments = FAILING[model]
    monkeypatch.setattr(litellm, "cohere_models", ["command-r-v1"])
    monkeypatch.setattr(litellm, "anthropic_models", ["claude-2"])
    failing = mock.Mock(side_effect=Exception("cannot be loaded"))
    monkeypatch.setattr(utils.tokenizer_dispatch, loader, failing)
    chosen = utils._select_tokenizer_helper(model)
    failing.assert_called_once_with(*arguments)
    assert (chosen["type"], chosen["tokenizer"]) == ("openai_tokenizer", utils.encoding)
    with caplog.at_level(logging.WARNING, logger="LiteLLM"):
        caplog.clear()
        for _ in range(2):
            assert litellm.token_counter(model=model, text=TEXT) == 198
    warnings = [record for record in caplog.records if "token counts may be approximate" in record.message]
    assert len(warnings) == 2
    alike(198, litellm.token_counter, model=model, text=TEXT)


def test_a_missing_package_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING, logger="LiteLLM"),
        mock.patch.dict(sys.modules, {"tokenizers": None}),
    ):
        chosen = utils._select_tokenizer_helper("llama-2")
        counted = litellm.token_counter(model="claude-sonnet-4-5", text=TEXT)
    assert chosen["type"] == "openai_tokenizer"
    assert counted == 198
    assert "token counts may be approximate" in caplog.text
    assert "install tokenizers" in caplog.text
    utils._load_huggingface_tokenizer.cache_clear()
    counts(242, model="claude-sonnet-4-5", text=TEXT)
    with (
        mock.patch.dict(sys.modules, {"tokenizers": None}),
        pytest.raises(ImportError, match="pip install tokenizers"),
    ):
        tokenizer_factory._python_tokenizer()


def words(pre_tokenizer: Any) -> Tokenizer:
    """A tokenizer for which each piece is one token."""
    tokenizer = Tokenizer(models.WordLevel(vocab={"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizer
    return tokenizer


HUB = {
    "hf-internal-testing/llama-tokenizer": words(pre_tokenizers.WhitespaceSplit()),
    "Xenova/llama-3-tokenizer": words(pre_tokenizers.Split(Regex("."), "isolated")),
    "Xenova/c4ai-command-r-v01-tokenizer": words(pre_tokenizers.Whitespace()),
}
SAMPLE = "Tides differ: springs, neaps; harbour-2 & harbour-3!"


def test_each_family_has_its_own_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the Hub, which LiteLLM reaches through one function."""
    asked = []

    def from_pretrained(identifier: str, **_keywords: Any) -> Tokenizer:
        asked.append(identifier)
        return HUB[identifier]

    monkeypatch.setattr(utils.tokenizer_dispatch, "from_pretrained", from_pretrained)
    monkeypatch.setattr(litellm, "cohere_models", {"command-r-v1"})
    monkeypatch.setattr(litellm, "anthropic_models", {"claude-2"})
    expected = {
        "meta-llama/Llama-2-7b-chat": 7,
        "meta-llama/llama-3-70b-instruct": 52,
        "command-r-v1": 15,
        "replicate/anything": 7,
    }
    for model, number in expected.items():
        alike(number, litellm.token_counter, model=model, text=SAMPLE)
    with native():
        assert litellm.token_counter(model="claude-2", text=TEXT) == 242
        assert litellm.token_counter(model="gpt-3.5-turbo", text=TEXT) == 198
    assert set(asked) == set(HUB)
    custom = litellm.create_pretrained_tokenizer("Xenova/llama-3-tokenizer")
    alike(52, litellm.token_counter, custom_tokenizer=custom, text=SAMPLE)
    alike(52, litellm.token_counter, model="gpt-4o", custom_tokenizer=custom, text=SAMPLE)
