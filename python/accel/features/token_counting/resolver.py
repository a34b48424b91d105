"""Finds, as LiteLLM does at this moment, which tokenizer counts for a model."""

from __future__ import annotations

import sys
from functools import cache
from logging import DEBUG
from typing import Any, Final

from accel.errors import Declined
from accel.features.names import Names
from accel.features.seam import Junction
from accel.features.token_counting.choices import Choice, Choices
from accel.features.token_counting.tokenizers import Tokenizer, Tokenizers
from accel.features.token_memo import Memory

COUNTER: Final = "litellm.litellm_core_utils.token_counter"
UTILS: Final = "litellm.utils"
_BRIDGE: Final = "litellm.rust_bridge"

# All that LiteLLM looks up on its way from a model to a count of a text. Native code stands for the whole
# chain, so each must be a body that is known, and at call time still the object that was checked.
REPRODUCED: Final = (
    f"{COUNTER}:_get_tiktoken_count_function",
    f"{COUNTER}:_encoding_count",
    f"{COUNTER}:openai_tokenizer_encoding",
    f"{COUNTER}:openai_tokenizer_encoding_name",
    f"{COUNTER}:_fix_model_name",
    "litellm._lazy_imports:get_default_encoding",
    f"{UTILS}:select_tokenizer",
    f"{UTILS}:_select_tokenizer_helper",
    f"{UTILS}:_return_openai_tokenizer",
    f"{UTILS}:_return_huggingface_tokenizer",
    f"{UTILS}:_load_huggingface_tokenizer",
    f"{UTILS}:_huggingface_tokenizer_backend",
    f"{UTILS}:huggingface_tokenizer_kind",
    f"{UTILS}:uses_anthropic_tokenizer",
    f"{UTILS}:print_verbose",
    f"{_BRIDGE}.tokenizer:get_encoding",
    f"{_BRIDGE}.tokenizer:_python_encoding",
    f"{_BRIDGE}.tokenizer:anthropic",
    f"{_BRIDGE}.tokenizer:_python_tokenizer",
    f"{_BRIDGE}.runtime:run",
    f"{_BRIDGE}.catalog:decision",
    f"{_BRIDGE}.catalog:rollout",
    f"{_BRIDGE}.catalog:RULES",
    f"{_BRIDGE}.configuration:decision",
    f"{_BRIDGE}.configuration:decide",
)

# Names that other modules bound by `from … import`, and what they must still be.
BOUND: Final = {
    f"{COUNTER}:get_encoding": f"{_BRIDGE}.tokenizer:get_encoding",
    f"{COUNTER}:get_default_encoding": "litellm._lazy_imports:get_default_encoding",
    f"{UTILS}:get_default_encoding": "litellm._lazy_imports:get_default_encoding",
    f"{UTILS}:decision": f"{_BRIDGE}.catalog:decision",
    f"{_BRIDGE}.runtime:decision": f"{_BRIDGE}.catalog:decision",
    f"{_BRIDGE}.catalog:_decision": f"{_BRIDGE}.configuration:decision",
    "tiktoken:get_encoding": "tiktoken.registry:get_encoding",
    "tiktoken:encoding_name_for_model": "tiktoken.model:encoding_name_for_model",
}


class Resolver:
    """Thread-safe. `names` is what its caller's native code stands for, these functions included."""

    def __init__(self, memory: Memory) -> None:
        self._counter_module: Any = sys.modules[COUNTER]
        self._utils: Any = sys.modules[UTILS]
        self._litellm: Any = sys.modules["litellm"]
        self._encoding: Any = sys.modules[f"{_BRIDGE}.tokenizer"]._python_encoding
        # The catalogue's rule for tokenizers is PYTHON_ONLY (it is in the fingerprint), so neither
        # LITELLM_RUST nor litellm.rust() can change this.
        self._backend: Any = self._utils._huggingface_tokenizer_backend()
        self._default_encoding: Any = None
        self._registry: Any = sys.modules["tiktoken.registry"]
        self._choices = Choices()
        self.tokenizers: Final = Tokenizers(memory)

    def __call__(self, names: Names, model: Any, custom_tokenizer: Any) -> tuple[Tokenizer, Choice]:
        """The tokenizer, and what is known of the model. Raises `Declined` with the reason why there is none."""
        litellm = self._litellm
        if not names.intact():
            raise Declined("a LiteLLM function was replaced")
        if litellm.set_verbose is True or litellm.verbose_logger.isEnabledFor(DEBUG):
            raise Declined("verbose logging")
        if model is None and custom_tokenizer is None:
            return self._tiktoken(Choice("cl100k_base"))
        if type(model) is not str:
            raise Declined("model is not a str")
        if custom_tokenizer:
            if type(custom_tokenizer) is not dict or custom_tokenizer.get("type") != "openai_tokenizer":
                raise Declined("custom tokenizer")
            return self._tiktoken(Choice(self._counter_module.openai_tokenizer_encoding_name(model)))
        choice = self._choices.get(model)
        if choice is None:
            choice = self._choose(model)
            self._choices.keep(model, choice)
        if choice.encoding is None:
            return self.tokenizers.hugging_face(self._anthropic()), choice
        return self._tiktoken(choice)

    def _choose(self, model: str) -> Choice:
        if self._litellm.disable_hf_tokenizer_download is not True:
            kind = self._utils.huggingface_tokenizer_kind(model)
            if kind == "anthropic":
                return Choice(None)
            if kind is not None:
                raise Declined("another Hugging Face tokenizer")
        return Choice(self._counter_module.openai_tokenizer_encoding_name(model))

    def _tiktoken(self, choice: Choice) -> tuple[Tokenizer, Choice]:
        assert choice.encoding is not None
        # Bound as a default argument when LiteLLM was imported; the constant may say otherwise.
        slice_chars = self._counter_module._get_tiktoken_count_function.__defaults__[0]
        return self.tokenizers.tiktoken(self._live_encoding(choice.encoding), slice_chars), choice

    def _live_encoding(self, name: str) -> Any:
        """What LiteLLM's `_python_encoding` gives; the function itself only to load an encoding."""
        if self._default_encoding is None:
            encoding = self._encoding(name)
            self._default_encoding = sys.modules["litellm.litellm_core_utils.default_encoding"]
            return encoding
        default = self._default_encoding.encoding
        if name == default.name:
            return default
        held = self._registry.ENCODINGS.get(name)
        return self._encoding(name) if held is None else held

    def _anthropic(self) -> Any:
        try:
            return self._utils._load_huggingface_tokenizer("anthropic", self._backend)
        except Exception as error:  # LiteLLM catches the same, warns and uses tiktoken
            raise Declined("the Anthropic tokenizer did not load") from error


@cache
def shared_resolver(memo_junction: Junction) -> Resolver:
    """The one of the process: every seam uses the same native counters, which are some 10 MB each."""
    return Resolver(Memory(memo_junction))
