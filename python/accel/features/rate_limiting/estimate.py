"""Tokens that a plain chat request is taken to need, in one native step."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel import native
from accel.features.rate_limiting.handler import CLASS, MODULE

_AUTH: Final = "litellm.proxy.auth.auth_utils"
_TEXT: Final = "litellm.litellm_core_utils.prompt_templates.common_utils"
_STEPS: Final = (
    *(
        f"{CLASS}.{method}"
        for method in (
            "_apply_implicit_output_cap",
            "_estimate_input_and_output_tokens",
            "_estimate_tokens_for_request",
            "_get_explicit_output_cap",
            "_has_explicit_output_cap",
            "_is_embedding_request",
            "_translate_google_genai_native_request",
            "get_output_candidate_count",
            "no_max_tokens_output_floor",
        )
    ),
    f"{MODULE}:_parse_output_cap_value",
    f"{_TEXT}:convert_content_list_to_str",
    f"{_TEXT}:extract_search_results_text",
    f"{_TEXT}:get_str_from_messages",
    f"{_AUTH}:_estimated_output_tokens_from_metadata",
    f"{_AUTH}:get_estimated_output_tokens",
)
BOUND: Final = {
    f"{MODULE}:get_str_from_messages": f"{_TEXT}:get_str_from_messages",
    f"{MODULE}:get_estimated_output_tokens": f"{_AUTH}:get_estimated_output_tokens",
}
"""Where the limiter finds two of them."""
_CONSTANTS: Final = (
    "DEFAULT_CHARS_PER_TOKEN",
    "DEFAULT_MAX_TOKENS_ESTIMATE",
    "_TPM_FLOOR_FRACTION",
    "EMBEDDING_API_CALL_TYPES",
    "GOOGLE_GENAI_NATIVE_CALL_TYPES",
    "RESPONSES_API_CALL_TYPES",
    "TEXT_COMPLETION_API_CALL_TYPES",
)
REPRODUCES: Final = (*_STEPS, *(f"{MODULE}:{constant}" for constant in _CONSTANTS))
"""What native code does in place of."""
_CHAT: Final = ("completion", "acompletion")


def chat_tokens(user: Any, data: Any, call_type: Any, smallest: int) -> int | None:
    """Input and output together. None where LiteLLM must reckon: it is no plain chat, the key declares what its
    answers take, or the answer's length is to be limited.

    `smallest` is the least limit of tokens that holds for the request.
    """
    if call_type not in _CHAT or type(data) is not dict or user.metadata or user.team_metadata:
        return None
    module: Any = sys.modules[MODULE]
    baseline = module.DEFAULT_MAX_TOKENS_ESTIMATE // module._TPM_FLOOR_FRACTION
    floor = min(baseline, max(1, smallest // module._TPM_FLOOR_FRACTION))
    tokens: int | None = native.module.chat_tokens(data, module.DEFAULT_CHARS_PER_TOKEN, baseline, floor)
    return tokens
