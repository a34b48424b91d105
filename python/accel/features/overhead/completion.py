"""`completion`, `acompletion` and the mapping of their parameters, without what they do for nothing."""

from __future__ import annotations

from typing import Final

from accel.features.overhead import body, bridge, providers
from accel.features.overhead.body import Bodies
from accel.features.overhead.bridge import Bridge
from accel.features.overhead.leaner import lean, lean_client
from accel.features.overhead.providers import Providers
from accel.features.overhead.trimmed import Edit
from accel.features.seam import Seam

_MAIN: Final = "litellm.main"
_UTILS: Final = "litellm.utils"
_DISPATCH: Final = "litellm.chat_completions.dispatch"
_PROVIDERS: Final = Edit(providers.LISTED, "accel_.providers(LlmProviders)")
_BRIDGE: Final = (
    "model=model, custom_llm_provider=custom_llm_provider, web_search_options=web_search_options",
    "tools=tools, reasoning_effort=reasoning_effort, reasoning_summary=_reasoning_summary_for_bridge",
    "api_base=api_base",
)


class _Completion:
    """What `completion` calls."""

    def __init__(self) -> None:
        self.providers: Final = Providers().providers
        self.bridge: Final = Bridge().bridge


SEAMS: Final = (
    Seam(
        module=_MAIN,
        attribute="acompletion",
        reproduces=(),
        bodies=(f"{_MAIN}:acompletion.__wrapped__", f"{_UTILS}:client", *body.REPRODUCES),
        build=lean_client(
            [
                Edit(
                    "loop.run_in_executor(None, func_with_context)",
                    "accel_.body(loop, func_with_context, completion_kwargs, kwargs, custom_llm_provider)",
                )
            ],
            helper=Bodies,
        ),
        holders=(f"{_DISPATCH}:_PYTHON_ACOMPLETION",),
    ),
    Seam(
        module=_MAIN,
        attribute="completion",
        reproduces=(),
        bodies=(f"{_MAIN}:completion.__wrapped__", f"{_UTILS}:client", *bridge.REPRODUCES),
        build=lean_client(
            [
                _PROVIDERS,
                bridge.edit(", ".join((_BRIDGE[0], _BRIDGE[2]))),
                bridge.edit(", ".join(_BRIDGE)),
            ],
            helper=_Completion,
        ),
        holders=(f"{_DISPATCH}:_PYTHON_COMPLETION",),
    ),
    Seam(
        module=_UTILS,
        attribute="get_optional_params",
        reproduces=(),
        bodies=(f"{_UTILS}:get_optional_params",),
        build=lean([_PROVIDERS], Providers),
        holders=(
            f"{_MAIN}:get_optional_params",
            "litellm.batch_completion.main:get_optional_params",
            "litellm:get_optional_params",
        ),
    ),
)
