"""The synchronous part of `acompletion`, in the event loop's thread where it waits for nothing.

LiteLLM hands `completion` to a thread of the loop's pool, for some providers look for credentials or images there.
For OpenAI's it maps parameters and makes a coroutine: pure Python, which another thread would do under the same
lock, and each of the two hand-overs costs more than the work.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import BaseEventLoop
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from accel.features.names import Names

_LOGGING: Final = "litellm.litellm_core_utils.litellm_logging"
_CUSTOM: Final = "litellm.integrations.custom_logger"
_HOOKS: Final = ("log_pre_api_call", "log_post_api_call")
_HANDLER_SETTING: Final = "EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER"
_RUN: Final = (
    "litellm.main:mock_completion",
    "litellm.main:_complete_custom_openai",
    "litellm.llms.openai.openai:OpenAIChatCompletion.completion",
)
"""Where `completion` leads for OpenAI's."""
REPRODUCES: Final = (
    f"{_CUSTOM}:CustomLogger.log_pre_api_call",
    f"{_CUSTOM}:CustomLogger.log_post_api_call",
    f"{_LOGGING}:Logging.pre_call",
    f"{_LOGGING}:Logging.post_call",
    "litellm.main:completion.__wrapped__",
    *_RUN,
)
"""What callers' loggers inherit and does nothing, and what is known to wait for nothing."""

_MAY_WAIT: Final = frozenset(
    (
        "azure",
        "cache_control_injection_points",
        "complete_response",
        "knowledge_bases",
        "logger_fn",
        "mock_timeout",
        "prompt_id",
        "text_completion",
        "use_litellm_proxy",
        "vector_store_ids",
    )
)
"""Arguments that, unless false, lead to other providers, to a caller's code, to prompt services, to sleep, or to
reading a stream to its end.
"""
_OF_TEXT: Final = ("ft:babbage-002", "ft:davinci-002")
"""Models with another way, on which texts are counted."""


class Bodies:
    """Runs the synchronous part of calls, here or in the pool. Thread-safe."""

    def __init__(self) -> None:
        self._litellm: Final = sys.modules["litellm"]
        self._main: Final[Any] = sys.modules["litellm.main"]
        self._logging: Final[Any] = sys.modules[_LOGGING]
        self._custom: Final[Any] = sys.modules[_CUSTOM].CustomLogger
        self._idle: Final = tuple((name, getattr(self._custom, name)) for name in _HOOKS)
        self._names: Final = Names(("litellm.main:completion", *_RUN), {})

    def body(
        self,
        loop: Any,
        step: Callable[[], Any],
        asked: Mapping[str, Any],
        named: Mapping[str, Any],
        provider: Any,
    ) -> Awaitable[Any]:
        """What to wait for in place of `loop.run_in_executor(None, step)`.

        `asked` are the arguments of `completion` that have names, `named` the further ones.
        """
        if self._is_quick(loop, asked, named, provider):
            return _here(step)
        return loop.run_in_executor(None, step)  # type: ignore[no-any-return]

    def _is_quick(self, loop: Any, asked: Mapping[str, Any], named: Mapping[str, Any], provider: Any) -> bool:
        settings: Any = self._litellm
        logging: Any = named.get("litellm_logging_obj")
        return bool(
            provider == "openai"
            and type(logging) is self._logging.Logging
            and not any(map(named.get, _MAY_WAIT))
            and not any(name in asked["model"] for name in _OF_TEXT)
            and asked["model_list"] is None
            and asked["deployment_id"] is None
            and not settings.model_alias_map
            and not settings.custom_provider_map
            and settings.secret_manager_client is None
            and settings.vector_store_registry is None
            and settings.proxy_auth is None
            and not logging.dynamic_input_callbacks
            and self._are_idle(settings.input_callback)
            and (named.get("mock_response") or not self._main.get_secret_bool(_HANDLER_SETTING))
            # In a thread of the pool no exception is being handled that could become the context of another.
            and sys.exc_info()[1] is None
            and _is_plain(loop)
            and self._names.intact()
        )

    def _are_idle(self, callbacks: list[Any]) -> bool:
        """Whether none of them does anything before or after the provider is called."""
        for callback in callbacks:
            if not isinstance(callback, self._custom):
                return False
            kind, own = type(callback), getattr(callback, "__dict__", {})
            for name, idle in self._idle:
                if getattr(kind, name, None) is not idle or name in own:
                    return False
        return True


async def _here(step: Callable[[], Any]) -> Any:
    answer = step()
    # Others get their turn, and whoever cancelled us in between is heard, as with a thread.
    await asyncio.sleep(0)
    return answer


def _is_plain(loop: Any) -> bool:
    """Whether it would use its own pool, in its own way."""
    kind = type(loop)
    if "run_in_executor" in getattr(loop, "__dict__", {}):
        return False
    if issubclass(kind, BaseEventLoop):
        return (
            kind.run_in_executor is BaseEventLoop.run_in_executor
            and not getattr(loop, "_executor_shutdown_called", True)
            and _is_default(getattr(loop, "_default_executor", None))
        )
    # It does not show its pool.
    return kind.__module__ == "uvloop"


def _is_default(pool: Any) -> bool:
    """Whether it is the pool that asyncio makes, or will make."""
    return pool is None or (
        type(pool) is ThreadPoolExecutor and getattr(pool, "_thread_name_prefix", "") == "asyncio"
    )
