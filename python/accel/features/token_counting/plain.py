"""Functions of one argument, which native code answers from the argument alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from accel import native
from accel.errors import Declined
from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.features.token_counting.prompts import IMAGES, TOOLS
from accel.fingerprint import live

_INPUT: Final = "litellm.proxy.spend_tracking.input_tokens"
_SIZE: Final = (f"{_INPUT}:_approximate_input_size", f"{_INPUT}:_INPUT_SIZE_FIELDS")


def _seam(
    reproduces: tuple[str, ...],
    answer: Callable[[Any], Any],
    named: Callable[[Callable[[Any], Any]], Callable[..., Any]],
) -> Seam:
    """The seam of the first of these names, which relies on the others. `named` gives the argument its name."""
    module, _, attribute = reproduces[0].partition(":")

    def build(junction: Junction, original: Callable[[Any], Any]) -> Callable[..., Any]:
        names = Names(reproduces[1:], {})

        def checked(argument: Any) -> Any:
            if not names.intact():
                raise Declined("a LiteLLM function was replaced")
            return answer(argument)

        def ask(argument: Any) -> Any:
            if junction.bypassed():
                return original(argument)
            return junction.call(junction.next_unit(), (), checked, original, argument)

        return named(ask)

    return Seam(module=module, attribute=attribute, reproduces=reproduces, build=build)


def _name_tools(ask: Callable[[Any], Any]) -> Callable[..., Any]:
    def _format_function_definitions(tools: Any) -> Any:
        return ask(tools)

    return _format_function_definitions


def _name_data(ask: Callable[[Any], Any]) -> Callable[..., Any]:
    def get_image_dimensions(data: Any) -> Any:
        return ask(data)

    return get_image_dimensions


def _name_body(ask: Callable[[Any], Any]) -> Callable[..., Any]:
    def _approximate_input_size(request_body: Any) -> Any:
        return ask(request_body)

    return _approximate_input_size


TOOL_DEFINITIONS: Final = _seam(TOOLS, lambda tools: native.module.format_tools(tools), _name_tools)
"""The text that tools are counted as; asked where the whole prompt is not counted natively."""
IMAGE_DIMENSIONS: Final = _seam(IMAGES, lambda data: native.module.image_dimensions(data), _name_data)
"""Width and height of an image in a data URL. One on the network is LiteLLM's to fetch."""
INPUT_SIZE: Final = _seam(_SIZE, lambda body: native.module.str_chars(body, live(_SIZE[1])), _name_body)
"""`len(str(…))` of a request, by which the proxy chooses between its event loop and a thread."""
