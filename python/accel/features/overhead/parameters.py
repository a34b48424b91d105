"""Parameters that were passed, without a search for each of those that were not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from accel.features.overhead.leaner import lean
from accel.features.overhead.trimmed import Edit
from accel.features.seam import Seam

_MAIN: Final = "litellm.main"
_UTILS: Final = "litellm.utils"
_NAME: Final = "add_provider_specific_params_to_optional_params"
_EXTRA: Final = """
for k in {passed}:
    if k not in openai_params and k not in withheld_params and passed_params[k] is not None:
        extra_body[k] = passed_params[k]
"""
_OTHER: Final = """
for k in {passed}:
    if k not in openai_params and passed_params[k] is not None:
        if _should_drop_param(k=k, additional_drop_params=additional_drop_params):
            continue
        optional_params[k] = passed_params[k]
"""
_FILLED: Final = "accel_.filled(passed_params, openai_params)"


class Passed:
    """Which parameters LiteLLM may have to look for in its list of those that OpenAI takes."""

    @staticmethod
    def filled(passed: Mapping[str, Any], listed: Iterable[str]) -> Iterable[str]:
        """The names of parameters that are not None, where looking for a name has no effect; else all."""
        if type(passed) is dict and type(listed) is list:
            return [name for name, value in passed.items() if value is not None]
        return passed


SEAMS: Final = (
    Seam(
        module=_UTILS,
        attribute=_NAME,
        reproduces=(),
        bodies=(f"{_UTILS}:{_NAME}",),
        build=lean(
            [Edit(loop.format(passed="passed_params"), loop.format(passed=_FILLED)) for loop in (_EXTRA, _OTHER)],
            Passed,
        ),
        holders=(f"{_MAIN}:{_NAME}", f"litellm:{_NAME}"),
    ),
)
