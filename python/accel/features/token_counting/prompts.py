"""Whole prompts, counted natively: messages, tools and images by LiteLLM's rules for one model."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from accel import native
from accel.errors import Declined
from accel.features.names import Names
from accel.features.seam import Junction
from accel.features.token_counting.resolver import BOUND, COUNTER, REPRODUCED, UTILS, shared_resolver
from accel.features.token_counting.tokenizers import Tokenizer

IMAGES: Final = (
    f"{COUNTER}:get_image_dimensions",
    f"{COUNTER}:get_image_type",
    f"{COUNTER}:_unpack_ints",
)
TOOLS: Final = (
    f"{COUNTER}:_format_function_definitions",
    f"{COUNTER}:_function_definitions_for_tool",
    f"{COUNTER}:_format_single_function_definition",
    f"{COUNTER}:_format_object_parameters",
    f"{COUNTER}:_format_type",
)
MESSAGES: Final = (
    f"{COUNTER}:_get_exact_count_function",
    f"{COUNTER}:_get_count_function",
    f"{COUNTER}:_get_extrapolating_count_function",
    f"{COUNTER}:_MessageCountParams.__init__",
    f"{COUNTER}:uses_legacy_message_accounting",
    f"{COUNTER}:_count_messages",
    f"{COUNTER}:_count_function_call_tokens",
    f"{COUNTER}:_count_content_list",
    f"{COUNTER}:_count_image_tokens",
    f"{COUNTER}:calculate_img_tokens",
    f"{COUNTER}:resize_image_high_res",
    f"{COUNTER}:calculate_tiles_needed",
    f"{COUNTER}:_anthropic_image_source_data",
    f"{COUNTER}:_count_anthropic_content",
    f"{COUNTER}:_validate_anthropic_content",
    f"{COUNTER}:_count_extra",
    f"{UTILS}:convert_list_message_to_dict",
    f"{UTILS}:convert_to_dict",
    f"{UTILS}:cleanup_none_field_in_message",
)
PROMPTS: Final = (*MESSAGES, *TOOLS, *IMAGES, *REPRODUCED)

# Not reproduced but read, so that they must only be the ones that were read.
_READ: Final = {
    f"{COUNTER}:{name}": f"{COUNTER}:{name}"
    for name in (
        "_MessageCountParams",
        "AnthropicMessagesToolUseParam",
        "AnthropicMessagesToolResultParam",
        "verbose_logger",
    )
}
# What `_count_anthropic_content` skips; in its fingerprint.
_NOT_COUNTED: Final = {"type", "id", "tool_use_id", "cache_control", "is_error"}
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Prompts:
    """The prompts of one model. Immutable; thread-safe.

    The arguments of its methods are those of LiteLLM's functions, in one tuple.
    """

    def __init__(self, module: Any, tokenizer: Tokenizer, bounds: tuple[Any, ...], *, legacy: bool) -> None:
        self._module = module
        self._tokenizer: Final = tokenizer
        self.bounds: Final = bounds
        self._longest_exact_chars, self._image_tokens = bounds
        self._legacy: Final = legacy
        self._messages: Any = None

    def count(self, arguments: tuple[Any, ...]) -> int:
        """What `token_counter` answers. Declines when: it raises, a shape that is not reproduced, a text that it
        extrapolates.
        """
        _, _, text, messages, of_response, tools, tool_choice, default_image, _ = arguments
        if text is None:
            return self._counter().count(  # type: ignore[no-any-return]
                messages,
                tools,
                tool_choice,
                extra=of_response is False,
                default_image_tokens=self._default_image_tokens(default_image),
                memo=self._tokenizer.memory.memo(),
            )
        if messages is not None or tools is not None or tool_choice is not None:
            raise Declined("text beside messages or tools")
        if type(text) is list:
            text = "".join(part for part in text if isinstance(part, str))
        if type(text) is not str:
            raise Declined("not a str")
        if len(text) > self._longest_exact_chars:
            raise Declined("extrapolated")
        return self._tokenizer.count(text)

    def reach(self, arguments: tuple[Any, ...]) -> bool:
        """What `messages_reach_token_count` answers; counts no further than it must. Declines as `count`."""
        _, messages, threshold, tools, default_image = arguments
        if not _fits(threshold, 63):
            raise Declined("odd threshold")
        return self._counter().reach(  # type: ignore[no-any-return]
            messages,
            threshold,
            tools,
            default_image_tokens=self._default_image_tokens(default_image),
            memo=self._tokenizer.memory.memo(),
        )

    def message(self, message: Any) -> int:
        """What one message adds to a prompt. Declines as `count`."""
        return self._counter().count(  # type: ignore[no-any-return]
            [message], None, None, extra=False, default_image_tokens=None, memo=self._tokenizer.memory.memo()
        )

    def _default_image_tokens(self, wanted: Any) -> int | None:
        if wanted is False or wanted is None:
            return None
        if wanted is not True:
            raise Declined("odd image switch")
        tokens = self._module.DEFAULT_IMAGE_TOKEN_COUNT
        if not _fits(tokens, 32):
            raise Declined("odd constants")
        return tokens  # type: ignore[no-any-return]

    def _counter(self) -> Any:
        if self._messages is None:
            module = self._module
            self._messages = native.module.MessageCounter(
                self._tokenizer.counter(),
                self._tokenizer.slice_chars or 0,
                longest_exact_chars=self._longest_exact_chars,
                # LiteLLM's `_MessageCountParams`.
                tokens_per_message=4 if self._legacy else 3,
                tokens_per_name=-1 if self._legacy else 1,
                image_tokens=self._image_tokens,
                high_detail_tokens=self._high_detail_tokens,
                tool_use=_fields(module.AnthropicMessagesToolUseParam),
                tool_result=_fields(module.AnthropicMessagesToolResultParam),
            )
        return self._messages

    def _high_detail_tokens(self, width: int, height: int) -> int:
        """LiteLLM's `calculate_img_tokens` from the dimensions on; called from native code."""
        wide, high = self._module.resize_image_high_res(width=width, height=height)
        tiles = self._module.calculate_tiles_needed(resized_width=wide, resized_height=high)
        return self._image_tokens + self._image_tokens * 2 * tiles  # type: ignore[no-any-return]


def _fits(value: Any, bits: int) -> bool:
    return type(value) is int and -1 << bits <= value < 1 << bits


def _fields(typed_dict: Any) -> tuple[list[str], list[str]]:
    """The fields that a block must have, and those whose content is counted, in their order."""
    counted = [name for name in typed_dict.__annotations__ if name not in _NOT_COUNTED]
    return sorted(typed_dict.__required_keys__), counted


class PromptResolver:
    """Finds the `Prompts` of a model, as LiteLLM would count them at this moment. Thread-safe."""

    def __init__(
        self, junction: Junction, reproduced: Iterable[str] = (), bound: Mapping[str, str] = _NONE
    ) -> None:
        """`reproduced` and `bound`: what else its caller's native code stands for."""
        self._resolve = shared_resolver(junction.beside("token_memo"))
        self._names = Names((*PROMPTS, *reproduced), {**BOUND, **_READ, **bound})
        self._module: Any = sys.modules[COUNTER]

    def __call__(self, model: Any, custom_tokenizer: Any = None) -> Prompts:
        """Raises `Declined` with the reason why there is none."""
        tokenizer, choice = self._resolve(self._names, model, custom_tokenizer)
        module = self._module
        legacy = choice.legacy
        if legacy is None:
            legacy = choice.legacy = module.uses_legacy_message_accounting(model)
        # Bound as default arguments when LiteLLM was imported; the constants may say otherwise.
        bounds = (
            module._get_extrapolating_count_function.__defaults__[0],
            module.calculate_img_tokens.__defaults__[1],
        )
        longest_exact_chars, image_tokens = bounds
        if not _fits(longest_exact_chars, 63) or longest_exact_chars < 0 or not _fits(image_tokens, 32):
            raise Declined("odd constants")
        prompts: Prompts | None = tokenizer.prompts.get(legacy)
        if prompts is None or prompts.bounds != bounds:
            prompts = tokenizer.prompts[legacy] = Prompts(module, tokenizer, bounds, legacy=legacy)
        return prompts
