"""What a datastore's call is for: named some twenty times a request, by a context manager made of a generator."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, Final

from accel.features.names import Names
from accel.features.seam import Junction, Seam

_CONTEXT: Final = "litellm._internal_context"
_REPRODUCES: Final = (f"{_CONTEXT}:service_target", f"{_CONTEXT}:_restore")
_VARIABLE: Final = f"{_CONTEXT}:_service_target"
_HOLDERS: Final = (
    "litellm.router",
    "litellm.router_utils.routing_read_batch",
    "litellm.router_utils.cooldown_cache",
    "litellm.router_utils.prompt_caching_cache",
    "litellm.router_utils.cooldown_handlers",
    "litellm.integrations.SlackAlerting.slack_alerting",
    "litellm.proxy.management_endpoints.key_management_endpoints",
    "litellm.proxy.auth.auth_object_prefetch",
    "litellm.proxy.auth.user_api_key_auth",
    "litellm.proxy.proxy_server",
    "litellm.proxy.spend_tracking.spend_counter_batch",
    "litellm.proxy.db.db_spend_update_writer",
    "litellm.proxy.utils",
    "litellm.caching.caching",
    "litellm.caching.redis_batch",
)


_LEFT: Final[Any] = object()
"""Instead of the token of a block that was left."""


class _Named:
    """A block in which calls are for `target`. For one use, as a generator is."""

    __slots__ = ("_original", "_target", "_token", "_variable")

    def __init__(self, variable: ContextVar[Any], target: Any, original: Callable[..., Any]) -> None:
        self._variable = variable
        self._target = target
        self._original = original
        self._token: Token[Any] | None = None

    def __enter__(self) -> None:
        if self._token is not None:
            # The error of a used one depends on Python's version; so one is used up.
            used = self._original(self._target)
            with used:
                pass
            used.__enter__()
        self._token = self._variable.set(self._target)

    def __exit__(self, *error: Any) -> bool:
        token = self._token
        if token is None:
            # What was not begun cannot end, says the generator.
            return self._original(self._target).__exit__(*error)  # type: ignore[no-any-return]
        if token is not _LEFT:
            self._token = _LEFT
            try:  # noqa: SIM105  # `suppress` takes longer than all of this
                self._variable.reset(token)
            except ValueError:
                pass  # closed by the garbage collector, in another context that has no value left to restore
        return False

    def __del__(self) -> None:
        """A generator that nobody ends is ended when nobody has it any more."""
        if self._token is not None and self._token is not _LEFT:
            self.__exit__(None, None, None)

    def __call__(self, function: Callable[..., Any]) -> Any:
        """As a decorator, which makes a new one for each call."""
        return self._original(self._target)(function)


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    refused, names = junction.refused, Names((*_REPRODUCES, _VARIABLE), {})
    from litellm._internal_context import _service_target as variable

    def service_target(target: Any) -> Any:
        if detour := refused():
            # Made, it has no effect yet, and two of them cannot be compared.
            return junction.detoured(detour, lambda: NotImplemented, lambda: original(target), reads=False)
        if not names.intact():
            junction.withdraw("a LiteLLM name was replaced")
            return original(target)
        return _Named(variable, target, original)

    return service_target


SEAMS: Final = (
    Seam(
        module=_CONTEXT,
        attribute="service_target",
        reproduces=_REPRODUCES,
        build=_build,
        holders=tuple(f"{module}:service_target" for module in _HOLDERS),
    ),
)
