"""Whether a model is served by the Responses API, without all that is known of the model.

`completion` asks twice and reads one field of two hundred.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.names import Names
from accel.features.overhead.trimmed import Edit, trimmed

_MAIN: Final = "litellm.main"
_UTILS: Final = "litellm.utils"
REPRODUCES: Final = (f"{_MAIN}:responses_api_bridge_check", f"{_UTILS}:get_model_info_helper")
"""What runs with edits."""
_INFO: Final = [
    # Its values are looked up in a plain dictionary, which has no effect.
    Edit("returned_model_info: Final = ...", 'returned_model_info = {"mode": _model_info.get("mode")}'),
    Edit(
        """
for cost_key, cost_value in _model_info.items():
    if cost_key not in returned_model_info and _ABOVE_THRESHOLD_COST_KEY.search(cost_key) is not None:
        returned_model_info[cost_key] = cost_value
""",
        # LiteLLM does not know a model that has a field of another kind.
        """
for cost_key in _model_info:
    if not isinstance(cost_key, str):
        _ABOVE_THRESHOLD_COST_KEY.search(cost_key)
""",
    ),
]
_CHECK: Final = Edit(
    "get_model_info_helper(model=model, custom_llm_provider=custom_llm_provider)",
    "accel_.info(model, custom_llm_provider)",
)


class Bridge:
    """Asks in place of LiteLLM's function for a caller that reads the mode and nothing else. Thread-safe."""

    def __init__(self) -> None:
        main: Any = sys.modules[_MAIN]
        self._known: Final = main.responses_api_bridge_check
        self._info: Final = trimmed(main.get_model_info_helper, _INFO)
        self._check: Final = trimmed(self._known, [_CHECK], self)
        self._names: Final = Names(
            REPRODUCES, {f"{_MAIN}:get_model_info_helper": f"{_UTILS}:get_model_info_helper"}
        )

    def bridge(self, check: Callable[..., Any], **named: Any) -> Any:
        """What `check(**named)` answers, of the model's information the mode."""
        if check is self._known and self._names.intact():
            return self._check(**named)
        return check(**named)

    def info(self, model: Any, provider: Any) -> Any:
        """The model's information, as far as it is needed."""
        return self._info(model=model, custom_llm_provider=provider)


def edit(arguments: str) -> Edit:
    """The edit of a call of LiteLLM's function with these arguments."""
    return Edit(
        f"responses_api_bridge_check({arguments})", f"accel_.bridge(responses_api_bridge_check, {arguments})"
    )
