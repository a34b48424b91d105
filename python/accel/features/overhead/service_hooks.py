"""What is told of each service call where nobody listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_LOGGER: Final = "litellm._service_logger"
_TYPES: Final = "litellm.types.services"
_HOOK: Final = f"{_LOGGER}:ServiceLogging.async_service_success_hook"
_CONTEXT: Final = "litellm._internal_context:current_service_target"
_BOUND: Final = {
    f"{_LOGGER}:ServiceLoggerPayload": f"{_TYPES}:ServiceLoggerPayload",
    f"{_LOGGER}:ServiceTypes": f"{_TYPES}:ServiceTypes",
    f"{_LOGGER}:current_service_target": _CONTEXT,
}


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names = Names((_HOOK,), _BOUND)
    logging, kinds, payload = (
        live(f"{module}:{name}")
        for module, name in (
            (_LOGGER, "ServiceLogging"),
            (_TYPES, "ServiceTypes"),
            (_TYPES, "ServiceLoggerPayload"),
        )
    )
    import litellm

    def async_service_success_hook(
        self: Any,
        service: Any = None,
        call_type: Any = None,
        duration: Any = None,
        parent_otel_span: Any = None,
        start_time: Any = None,
        end_time: Any = None,
        event_metadata: Any = None,
        caller: Any = None,
        **unknown: Any,
    ) -> Any:
        listeners = litellm.service_callback
        if (
            type(listeners) is list
            and not listeners
            and not unknown
            and type(self) is logging
            and self.mock_testing is False
            # What else LiteLLM would do is to make a payload and throw it away, unless it is not a valid one.
            and type(service) is kinds
            and type(call_type) is str
            and call_type.isascii()
            and type(duration) is float
            and (event_metadata is None or type(event_metadata) is dict)
            and (caller is None or (type(caller) is str and caller.isascii()))
            and payload.__pydantic_complete__
            and names.intact()
        ):
            return None
        return NotImplemented

    return junction.lightly_awaited(async_service_success_hook, original, reads=False)


SEAMS: Final = (
    Seam(
        module=_LOGGER,
        attribute="ServiceLogging.async_service_success_hook",
        reproduces=(_HOOK, f"{_LOGGER}:ServiceLogging.__init__", _CONTEXT),
        build=_build,
    ),
)
