"""Steps of a call's accounting that come to nothing in most calls."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from accel.features.names import Names
from accel.features.overhead.leaner import lean
from accel.features.overhead.trimmed import Edit
from accel.features.seam import Junction, Seam

_LOGGING: Final = "litellm.litellm_core_utils.litellm_logging"
_TEXTS: Final = "litellm.litellm_core_utils.logging_utils"
_UTILS: Final = "litellm.utils"
_TYPES: Final = "litellm.types.utils"
_SAVINGS: Final = "litellm.proxy.spend_tracking.savings"
_REDACTION: Final = "litellm.litellm_core_utils.secret_redaction"
_LOGGER: Final = logging.getLogger("LiteLLM")
_SAVED: Final = (
    f"{_SAVINGS}:autorouter_savings_for_logging_payload",
    f"{_SAVINGS}:autorouter_savings_for_request",
)
_REDACTED: Final = (f"{_REDACTION}:redact_string", f"{_REDACTION}:python_redact_string")
_CHECKED: Final = ("litellm.litellm_core_utils.coroutine_checker:CoroutineChecker.is_async_callable",)


class Secrets:
    """Looks for secrets where there is text."""

    def __init__(self) -> None:
        self._redact: Final[Any] = sys.modules[_LOGGING].redact_string
        self._names: Final = Names(_REDACTED, {})
        if self._redact("") != "":
            raise ValueError("nothing becomes something")

    def redacted(self, redact: Callable[[str], str], text: Any) -> Any:
        """What `redact(text)` answers."""
        known = type(text) is str and not text and redact is self._redact and self._names.intact()
        return text if known else redact(text)


class Responses:
    """Tells answers from coroutines."""

    def __init__(self) -> None:
        self._check: Final[Any] = sys.modules[_UTILS].check_coroutine
        self._kind: Final[Any] = sys.modules[_TYPES].ModelResponse
        self._names: Final = Names(_CHECKED, {})

    def is_coroutine(self, check: Callable[[Any], bool], response: Any) -> bool:
        """What `check(response)` answers: LiteLLM cannot remember its answer for a response, nor call one."""
        known = type(response) is self._kind and check is self._check and self._names.intact()
        return False if known else check(response)


class Parameters:
    """Names of the parameters that ask for prompt services."""

    def __init__(self) -> None:
        self._known: Final[Any] = sys.modules[_TYPES].DynamicPromptManagementParamLiteral
        self._list: Final = vars(self._known)["list_all_params"]
        self._names: Final = tuple(self._known.list_all_params())
        self._members: Final = list(self._known._member_names_)

    def parameters(self, kind: Any) -> Iterable[str]:
        """What `kind.list_all_params()` answers."""
        if (
            kind is self._known
            and vars(kind)["list_all_params"] is self._list
            and kind._member_names_ == self._members
        ):
            return self._names
        return kind.list_all_params()  # type: ignore[no-any-return]


class Lengths:
    """Counts the characters in messages."""

    def __init__(self) -> None:
        self._known: Final[Any] = sys.modules[_TEXTS]._iter_string_leaves

    def characters(self, leaves: Callable[[Any], Iterable[str]], value: Any) -> int:
        """What `sum(map(len, leaves(value)))` answers."""
        total, stack = 0, [value]
        while stack and leaves is self._known:
            part = stack.pop()
            kind = type(part)
            if kind is str:
                total += len(part)
            elif kind is dict:
                stack.extend(part.values())
            elif kind is list:
                stack.extend(part)
            elif part is not None:
                break
        else:
            if leaves is self._known:
                return total
        return sum(len(leaf) for leaf in leaves(value))


def _savings(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names = Names(_SAVED, {})

    def _autorouter_savings_for_payload(request_metadata: Any, **_named: Any) -> Any:
        if type(request_metadata) is not dict or _LOGGER.isEnabledFor(logging.DEBUG) or not names.intact():
            return NotImplemented
        decision = request_metadata.get("routing_decision")
        # Without a decision there is no baseline, whatever was used.
        return NotImplemented if isinstance(decision, Mapping) and decision else None

    return junction.lightly(_autorouter_savings_for_payload, original, reads=True)


def _once(old: str, new: str) -> tuple[Edit]:
    return (Edit(old, new),)


SEAMS: Final = (
    Seam(
        module=_LOGGING,
        attribute="StandardLoggingPayloadSetup.get_error_information",
        reproduces=(),
        bodies=(
            f"{_LOGGING}:StandardLoggingPayloadSetup.get_error_information",
            *_REDACTED,
            "litellm._logging:redact_string",
        ),
        build=lean(
            (
                Edit("redact_string(traceback_info)", "accel_.redacted(redact_string, traceback_info)"),
                Edit("redact_string(error_message)", "accel_.redacted(redact_string, error_message)"),
            ),
            Secrets,
        ),
    ),
    Seam(
        module=_LOGGING,
        attribute="Logging._should_run_prompt_management_hooks_without_prompt_id",
        reproduces=(),
        bodies=(f"{_LOGGING}:Logging._should_run_prompt_management_hooks_without_prompt_id",),
        build=lean(
            _once(
                "DynamicPromptManagementParamLiteral.list_all_params()",
                "accel_.parameters(DynamicPromptManagementParamLiteral)",
            ),
            Parameters,
        ),
    ),
    Seam(
        module=_LOGGING,
        attribute="_autorouter_savings_for_payload",
        reproduces=(),
        bodies=(f"{_LOGGING}:_autorouter_savings_for_payload", *_SAVED),
        build=_savings,
    ),
    Seam(
        module=_LOGGING,
        attribute="truncate_base64_in_messages_async",
        reproduces=(),
        bodies=(f"{_TEXTS}:truncate_base64_in_messages_async", f"{_TEXTS}:_iter_string_leaves"),
        build=lean(
            _once(
                "sum(len(leaf) for leaf in _iter_string_leaves(messages))",
                "accel_.characters(_iter_string_leaves, messages)",
            ),
            Lengths,
        ),
        holders=(f"{_TEXTS}:truncate_base64_in_messages_async",),
    ),
    Seam(
        module=_UTILS,
        attribute="post_call_processing",
        reproduces=(),
        bodies=(
            f"{_UTILS}:post_call_processing",
            f"{_UTILS}:check_coroutine",
            *_CHECKED,
        ),
        build=lean(
            _once("check_coroutine(original_response)", "accel_.is_coroutine(check_coroutine, original_response)"),
            Responses,
        ),
    ),
)
