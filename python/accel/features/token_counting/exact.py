"""The exact counter of single texts: `_get_exact_count_function`, the narrowest name on the way to every count.

It answers a function from text to count. What is around it (message rules, tools, images, errors, the
extrapolation of very long texts) stays LiteLLM's; where the whole prompt is not counted natively, its
texts are, here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.features.token_counting.resolver import BOUND, COUNTER, REPRODUCED, shared_resolver
from accel.features.token_counting.tokenizers import Tokenizer


def _build(junction: Junction, original: Callable[..., Callable[[Any], Any]]) -> Callable[..., Any]:
    resolver = shared_resolver(junction.beside("token_memo"))
    # Without the seam's own name: whoever replaces that one is called instead of us.
    names = Names(REPRODUCED, BOUND)

    def tokenizer_of(model: Any, custom_tokenizer: Any) -> Tokenizer:
        return resolver(names, model, custom_tokenizer)[0]

    def _get_exact_count_function(model: Any, custom_tokenizer: Any = None) -> Callable[[Any], Any]:
        if junction.bypassed():
            return original(model, custom_tokenizer)
        tokenizer = junction.prepare(tokenizer_of, model, custom_tokenizer)
        unit = junction.next_unit()
        labels = (model,) if type(model) is str else ()
        python: Callable[[Any], Any] | None = None
        count: Callable[[str], int] | str
        if isinstance(tokenizer, str):
            # Without a native counter the original is made here, where LiteLLM would raise if it must;
            # with one it is made when first needed, for making it costs more than most counts.
            count, python = tokenizer, original(model, custom_tokenizer)
        else:
            count = tokenizer.count

        def count_with_python(text: Any) -> Any:
            nonlocal python
            if python is None:
                python = original(model, custom_tokenizer)
            return python(text)

        def count_tokens(text: Any) -> Any:
            return junction.call(unit, labels, count, count_with_python, text)

        return count_tokens

    return _get_exact_count_function


SEAM: Final = Seam(
    module=COUNTER,
    attribute="_get_exact_count_function",
    reproduces=(f"{COUNTER}:_get_exact_count_function", *REPRODUCED),
    build=_build,
)
