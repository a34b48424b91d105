"""Which tokenizer counts for a model is what LiteLLM's own collections say at the moment of the call."""

import copy
import functools

import litellm
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support.calls import calls_of, strict
from support.oddities import Characters
from support.original import MODEL_OF, counts, outcome

# Each tokenizer gives it another count, so a count tells which one it was.
TEXT = "Übergrößenträger, 漢字かな交じり文 — naïveté ١٢٣٤٥ reachable"
COLLECTIONS = ("open_ai_chat_completion_models", "anthropic_models", "azure_llms", "cohere_models", "model_cost")


@functools.cache
def tokenizer_by_count() -> dict[int, str]:
    """By what LiteLLM counts with it."""
    return {counts(model)[1](TEXT): tokenizer for tokenizer, model in MODEL_OF.items()}


@pytest.fixture(autouse=True)
def collections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies that a test may change."""
    tokenizer_by_count()  # by the names as they are before
    for name in COLLECTIONS:
        monkeypatch.setattr(litellm, name, copy.copy(getattr(litellm, name)))


def tokenizer_of(model: str | None, custom_tokenizer: object = None) -> str:
    """The tokenizer that counts for the model with accel, which must be LiteLLM's; natively."""
    with strict():
        with_seam, original = counts(model, custom_tokenizer)
        count = with_seam(TEXT)
    assert count == original(TEXT)
    return tokenizer_by_count()[count]


def test_the_text_tells_the_tokenizers_apart() -> None:
    assert len(tokenizer_by_count()) == len(MODEL_OF)
    assert {name: tokenizer_of(model) for name, model in MODEL_OF.items()} == {name: name for name in MODEL_OF}


def test_a_model_joins_and_leaves_the_openai_models() -> None:
    assert tokenizer_of("house-gpt-4o") == "cl100k_base"
    litellm.open_ai_chat_completion_models.add("house-gpt-4o")
    assert tokenizer_of("house-gpt-4o") == "o200k_base"
    litellm.open_ai_chat_completion_models.remove("house-gpt-4o")
    assert tokenizer_of("house-gpt-4o") == "cl100k_base"
    litellm.open_ai_chat_completion_models.remove("gpt-4o")
    assert tokenizer_of("gpt-4o") == "cl100k_base"


def test_the_collection_itself_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "open_ai_chat_completion_models", ["house-gpt-4o"])
    assert tokenizer_of("house-gpt-4o") == "o200k_base"
    assert tokenizer_of("gpt-4o") == "cl100k_base"
    monkeypatch.setattr(litellm, "azure_llms", {"gpt-4o-35": "azure/gpt-4o-35"})
    assert tokenizer_of("gpt-4o-35") == "o200k_base"


def test_a_model_joins_and_leaves_the_anthropic_models() -> None:
    litellm.anthropic_models.add("house-model")
    assert tokenizer_of("house-model") == "claude"
    litellm.anthropic_models.add("house-claude-3")
    assert tokenizer_of("house-claude-3") == "cl100k_base"
    litellm.anthropic_models.remove("claude-sonnet-4-5")
    assert tokenizer_of("claude-sonnet-4-5") == "cl100k_base"


def test_a_registered_model() -> None:
    assert tokenizer_of("house-sonnet") == "cl100k_base"
    litellm.register_model({"house-sonnet": {"litellm_provider": "anthropic", "mode": "chat"}})
    assert tokenizer_of("house-sonnet") == "claude"
    litellm.register_model({"house-gpt-4o-mini": {"litellm_provider": "openai", "mode": "chat"}})
    assert tokenizer_of("house-gpt-4o-mini") == "o200k_base"


def test_the_hub_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", True)
    assert tokenizer_of("claude-sonnet-4-5") == "cl100k_base"
    # Only True itself counts.
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", 1)
    assert tokenizer_of("claude-sonnet-4-5") == "claude"


@pytest.mark.parametrize("disabled", [True, None])
def test_every_model_of_the_cost_map(disabled: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", disabled)
    kind = litellm.utils.huggingface_tokenizer_kind
    # Without the setting LiteLLM would load these tokenizers from the network.
    models = [model for model in litellm.model_cost if disabled or kind(model) in (None, "anthropic")]
    assert len(models) > 3000
    with strict():
        for model in models:
            with_seam, original = counts(model)
            assert with_seam(TEXT) == original(TEXT), model


@pytest.mark.parametrize("model", [*MODEL_OF.values(), "", "no such model"])
@pytest.mark.parametrize("tokenizer", [Characters(), None])
def test_a_custom_openai_tokenizer_is_only_a_name(tokenizer: object, model: str) -> None:
    """LiteLLM ignores the object: the model's name decides, and Anthropic's tokenizer never counts."""
    expected = "o200k_base" if model == "gpt-4o" else "cl100k_base"
    assert tokenizer_of(model, {"type": "openai_tokenizer", "tokenizer": tokenizer}) == expected


@pytest.mark.parametrize("falsy", [{}, (), "", 0, False])
@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_a_falsy_custom_tokenizer_is_none(tokenizer: str, falsy: object) -> None:
    assert tokenizer_of(MODEL_OF[tokenizer], falsy) == tokenizer


@pytest.mark.parametrize(
    "custom_tokenizer",
    [
        {"type": "huggingface_tokenizer", "tokenizer": Characters()},
        {"type": "huggingface_tokenizer"},
        {"type": "sentencepiece"},
        {"tokenizer": None},
        ["openai_tokenizer"],
        "openai_tokenizer",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("model", ["gpt-4o", None])
def test_any_other_custom_tokenizer_is_litellms(model: str | None, custom_tokenizer: object) -> None:
    def count(function: object) -> object:
        return function(model, custom_tokenizer)(TEXT)  # type: ignore[operator]

    seam = counter_module._get_exact_count_function
    with calls_of() as calls:
        assert outcome(count, seam) == outcome(count, seam.__wrapped__)
    assert calls.native == 0
