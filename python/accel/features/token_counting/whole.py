"""The count of a whole prompt or text: the core `token_counter` behind `litellm.token_counter`.

`litellm.utils.token_counter` stays LiteLLM's, so that the many modules that hold it, and users who replace
it, see what they always saw.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.seam import Junction, Seam
from accel.features.token_counting.prompts import PROMPTS, PromptResolver
from accel.features.token_counting.resolver import COUNTER


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    resolver = PromptResolver(junction)
    litellm: Any = sys.modules["litellm"]

    def count_with_python(arguments: tuple[Any, ...]) -> Any:
        return original(*arguments)

    def token_counter(
        model: Any = "",
        custom_tokenizer: Any = None,
        text: Any = None,
        messages: Any = None,
        count_response_tokens: Any = False,
        tools: Any = None,
        tool_choice: Any = None,
        use_default_image_token_count: Any = False,
        default_token_count: Any = None,
    ) -> Any:
        # Off must cost next to nothing: no tuple is made and taken apart.
        if junction.bypassed() or litellm.disable_token_counter is True:
            return original(
                model,
                custom_tokenizer,
                text,
                messages,
                count_response_tokens,
                tools,
                tool_choice,
                use_default_image_token_count,
                default_token_count,
            )
        arguments = (
            model,
            custom_tokenizer,
            text,
            messages,
            count_response_tokens,
            tools,
            tool_choice,
            use_default_image_token_count,
            default_token_count,
        )
        prompts = junction.prepare(resolver, model, custom_tokenizer)
        return junction.call(
            junction.next_unit(),
            (model,) if type(model) is str else (),
            prompts if isinstance(prompts, str) else prompts.count,
            count_with_python,
            arguments,
        )

    return token_counter


SEAM: Final = Seam(
    module=COUNTER,
    attribute="token_counter",
    reproduces=(f"{COUNTER}:token_counter", *PROMPTS),
    build=_build,
    holders=(
        "litellm._lazy_imports:_token_counter_new_func",
        "litellm.compression.compress:token_counter",
        "litellm.llms.openai.common_utils:token_counter",
    ),
)
