"""Whether a prompt reaches a number of tokens: `messages_reach_token_count`, behind prompt caching."""

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

    def ask_python(arguments: tuple[Any, ...]) -> Any:
        return original(*arguments)

    def messages_reach_token_count(
        model: Any,
        messages: Any,
        threshold: Any,
        tools: Any = None,
        use_default_image_token_count: Any = False,
    ) -> Any:
        if junction.bypassed() or litellm.disable_token_counter is True:
            return original(model, messages, threshold, tools, use_default_image_token_count)
        arguments = (model, messages, threshold, tools, use_default_image_token_count)
        prompts = junction.prepare(resolver, model)
        return junction.call(
            junction.next_unit(),
            (model,) if type(model) is str else (),
            prompts if isinstance(prompts, str) else prompts.reach,
            ask_python,
            arguments,
        )

    return messages_reach_token_count


SEAM: Final = Seam(
    module=COUNTER,
    attribute="messages_reach_token_count",
    reproduces=(f"{COUNTER}:messages_reach_token_count", *PROMPTS),
    build=_build,
    holders=("litellm._lazy_imports:_messages_reach_token_count_func",),
)
