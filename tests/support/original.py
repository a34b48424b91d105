"""The two sides of a comparison: LiteLLM with accel's seam, and LiteLLM as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from litellm.litellm_core_utils import token_counter as counter_module

import accel

Count = Callable[[Any], Any]

MODEL_OF = {"cl100k_base": "gpt-3.5-turbo", "o200k_base": "gpt-4o", "claude": "claude-sonnet-4-5"}
"""For each tokenizer with native code, a model that LiteLLM counts with it."""


def counts(model: Any, custom_tokenizer: Any = None) -> tuple[Count, Count]:
    """The exact count function of a model: through the seam, and LiteLLM's own."""
    seam: Any = counter_module._get_exact_count_function
    return seam(model, custom_tokenizer), seam.__wrapped__(model, custom_tokenizer)


@contextmanager
def without_seams() -> Iterator[None]:
    """LiteLLM's own functions inside the block, accel's again afterwards."""
    seam = counter_module._get_exact_count_function
    accel.unpatch()
    try:
        assert counter_module._get_exact_count_function is seam.__wrapped__
        yield
    finally:
        accel.patch()


def outcome(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> tuple[str, Any]:
    """What a call came to: the type and value that it gave, or the class and message that it raised."""
    try:
        value = function(*arguments, **keywords)
    except Exception as error:  # noqa: BLE001  # an error is a result to compare
        return f"raised {type(error).__module__}.{type(error).__qualname__}", str(error)
    return type(value).__name__, value
