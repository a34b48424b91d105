"""Token counting: the exact counter behind `litellm.token_counter` and every other caller.

The seam is `_get_exact_count_function`, the narrowest name that LiteLLM looks up at call time: it
answers a function from text to count. Message rules, tools, images, errors and the extrapolation
of very long texts stay LiteLLM's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from logging import DEBUG
from operator import itemgetter
from typing import Any, Final

from accel.errors import Declined
from accel.features.choices import Choices
from accel.features.seam import Feature, Junction, Seam
from accel.features.tokenizers import Counters

_COUNTER: Final = "litellm.litellm_core_utils.token_counter"
_UTILS: Final = "litellm.utils"
_BRIDGE: Final = "litellm.rust_bridge"

# All that the original looks up on its way to a count. Native code stands for the whole chain, so
# each must be a body that is known, and at call time still the object that was checked.
_REPRODUCED: Final = (
    f"{_COUNTER}:_get_exact_count_function",
    f"{_COUNTER}:_get_tiktoken_count_function",
    f"{_COUNTER}:_encoding_count",
    f"{_COUNTER}:openai_tokenizer_encoding",
    f"{_COUNTER}:openai_tokenizer_encoding_name",
    f"{_COUNTER}:_fix_model_name",
    "litellm._lazy_imports:get_default_encoding",
    f"{_UTILS}:select_tokenizer",
    f"{_UTILS}:_select_tokenizer_helper",
    f"{_UTILS}:_return_openai_tokenizer",
    f"{_UTILS}:_return_huggingface_tokenizer",
    f"{_UTILS}:_load_huggingface_tokenizer",
    f"{_UTILS}:_huggingface_tokenizer_backend",
    f"{_UTILS}:huggingface_tokenizer_kind",
    f"{_UTILS}:uses_anthropic_tokenizer",
    f"{_UTILS}:print_verbose",
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
_BOUND: Final = {
    f"{_COUNTER}:get_encoding": f"{_BRIDGE}.tokenizer:get_encoding",
    f"{_COUNTER}:get_default_encoding": "litellm._lazy_imports:get_default_encoding",
    f"{_UTILS}:get_default_encoding": "litellm._lazy_imports:get_default_encoding",
    f"{_UTILS}:decision": f"{_BRIDGE}.catalog:decision",
    f"{_BRIDGE}.runtime:decision": f"{_BRIDGE}.catalog:decision",
    f"{_BRIDGE}.catalog:_decision": f"{_BRIDGE}.configuration:decision",
    "tiktoken:get_encoding": "tiktoken.registry:get_encoding",
    "tiktoken:encoding_name_for_model": "tiktoken.model:encoding_name_for_model",
}


def _live(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(sys.modules[module], attribute)


class _Names:
    """Names of the live modules and the objects that they must be; notices when somebody replaces one."""

    def __init__(self, expected: dict[str, Any]) -> None:
        by_module: dict[str, dict[str, Any]] = {}
        for name, value in expected.items():
            module, _, attribute = name.partition(":")
            by_module.setdefault(module, {})[attribute] = value
        # Read in groups, by one C call for each module.
        self._groups = [
            (itemgetter("__name__", *values), vars(sys.modules[module]), (module, *values.values()))
            for module, values in by_module.items()
        ]

    def intact(self) -> bool:
        # Tuples compare their elements by identity first, in C.
        return all(values(namespace) == expected for values, namespace, expected in self._groups)


class _Resolver:
    """Finds, as LiteLLM does at this moment, which tokenizer counts for a model."""

    def __init__(self) -> None:
        # Without the seam's own name: whoever replaces that one is called instead of us.
        expected = {name: _live(name) for name in _REPRODUCED[1:]}
        self._names = _Names({**expected, **{name: _live(source) for name, source in _BOUND.items()}})
        self._counter_module: Any = sys.modules[_COUNTER]
        self._utils: Any = sys.modules[_UTILS]
        self._litellm: Any = sys.modules["litellm"]
        self._encoding: Any = sys.modules[f"{_BRIDGE}.tokenizer"]._python_encoding
        # The catalogue's rule for tokenizers is PYTHON_ONLY (it is in the fingerprint), so neither
        # LITELLM_RUST nor litellm.rust() can change this.
        self._backend: Any = self._utils._huggingface_tokenizer_backend()
        self._default_encoding: Any = None
        self._registry: Any = sys.modules["tiktoken.registry"]
        self._choices = Choices()
        self._counters = Counters()

    def __call__(self, model: Any, custom_tokenizer: Any) -> Callable[[str], int]:
        """The native count function. Raises `Declined` with the reason why there is none."""
        litellm = self._litellm
        if not self._names.intact():
            raise Declined("a LiteLLM function was replaced")
        if litellm.set_verbose is True or litellm.verbose_logger.isEnabledFor(DEBUG):
            raise Declined("verbose logging")
        if model is None and custom_tokenizer is None:
            return self._tiktoken("cl100k_base")
        if type(model) is not str:
            raise Declined("model is not a str")
        if not custom_tokenizer and (chosen := self._choices.get(model)) is not None:
            return self._tiktoken(chosen)
        if custom_tokenizer:
            if type(custom_tokenizer) is not dict or custom_tokenizer.get("type") != "openai_tokenizer":
                raise Declined("custom tokenizer")
        elif litellm.disable_hf_tokenizer_download is not True:
            kind = self._utils.huggingface_tokenizer_kind(model)
            if kind == "anthropic":
                return self._counters.hugging_face(self._anthropic())
            if kind is not None:
                raise Declined("another Hugging Face tokenizer")
        chosen = self._counter_module.openai_tokenizer_encoding_name(model)
        if not custom_tokenizer:
            self._choices.keep(model, chosen)
        return self._tiktoken(chosen)

    def _tiktoken(self, name: str) -> Callable[[str], int]:
        # Bound as a default argument when LiteLLM was imported; the constant may say otherwise.
        slice_chars = self._counter_module._get_tiktoken_count_function.__defaults__[0]
        return self._counters.tiktoken(self._live_encoding(name), slice_chars)

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


def _build(junction: Junction, original: Callable[..., Callable[[Any], Any]]) -> Callable[..., Any]:
    resolver = _Resolver()

    def _get_exact_count_function(model: Any, custom_tokenizer: Any = None) -> Callable[[Any], Any]:
        if junction.bypassed():
            return original(model, custom_tokenizer)
        count = junction.prepare(resolver, model, custom_tokenizer)
        # Without a native counter the original is made here, where LiteLLM would raise if it must;
        # with one it is made when first needed, for making it costs more than most counts.
        python = original(model, custom_tokenizer) if isinstance(count, str) else None
        unit = junction.next_unit()
        labels = (model,) if type(model) is str else ()

        def count_with_python(text: Any) -> Any:
            nonlocal python
            if python is None:
                python = original(model, custom_tokenizer)
            return python(text)

        def count_tokens(text: Any) -> Any:
            return junction.call(unit, labels, count, count_with_python, text)

        return count_tokens

    return _get_exact_count_function


FEATURE: Final = Feature(
    name="token_counting",
    replayable=True,  # a count changes nothing
    seams=(
        Seam(
            module=_COUNTER,
            attribute="_get_exact_count_function",
            reproduces=_REPRODUCED,
            build=_build,
        ),
    ),
)
