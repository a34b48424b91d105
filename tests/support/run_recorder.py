"""Callbacks that a proxy of the full run is configured with: each writes what LiteLLM hands to it.

A line of JSON for each event, to the file that `RUN_RECORDS` names. They run in the proxy's own process.
"""

import datetime
import os
import threading
import zlib
from pathlib import Path
from typing import Any

import orjson
from litellm.integrations.custom_logger import CustomLogger
from pydantic import BaseModel

_lock = threading.Lock()

# Who of the loop and the threads comes first decides whether these are there already.
_LATE = frozenset({"_litellm_router_usage_counted_tokens"})
# Shown apart, or written meanwhile by the thread that calls the other callbacks.
_ELSEWHERE = frozenset(
    {
        "standard_logging_object",
        "has_logged_sync_success",
        "has_logged_async_success",
        "served_output_texts",
        "log_event_type",
    }
)
_DEEPEST = 14
_LARGEST = 100


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON: types told apart, objects by their class."""
    if value is None or isinstance(value, (bool, str)) or type(value) in (int, float):
        return value if not isinstance(value, float) or value == value else "nan"
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, dict):
        # A request's metadata; the payload has these itself.
        late = _LATE | {"hidden_params"} if "user_api_key_hash" in value else _LATE
        # Copied at once: a thread may add to it.
        shown = {str(key): plain(part, depth + 1) for key, part in list(value.items()) if key not in late}
        # A model's prices and abilities; what has ids and moments has no crc.
        if len(shown) > _LARGEST and "max_input_tokens" in shown:
            return f"<{len(shown)} entries, {zlib.crc32(orjson.dumps(shown))}>"
        return shown if type(value) is dict else {f"<{type(value).__name__}>": shown}
    if isinstance(value, list):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, (tuple, set, frozenset)):
        parts = [plain(part, depth + 1) for part in value]
        return {f"<{type(value).__name__}>": parts if isinstance(value, tuple) else sorted(parts, key=str)}
    if isinstance(value, BaseException):
        return {f"<{type(value).__name__}>": str(value)}
    if isinstance(value, (datetime.datetime, datetime.timedelta)):
        return f"<{type(value).__name__}>"
    if isinstance(value, BaseModel):
        extra = {"hidden": plain(getattr(value, "_hidden_params", None), depth + 1)}
        return {f"<{type(value).__name__}>": plain(dict(value), depth + 1), **extra}
    return f"<{type(value).__name__}>"


def record(event: str, call_id: Any, **facts: Any) -> None:
    line = orjson.dumps(
        {"event": event, "call": str(call_id), **{name: plain(fact) for name, fact in facts.items()}}
    )
    with _lock, Path(os.environ["RUN_RECORDS"]).open("ab") as file:
        file.write(line + b"\n")


def _logged(event: str, kwargs: Any, response: Any, start: Any, end: Any) -> None:
    # `user` stands for the call where the proxy made the id itself.
    user = str(kwargs.get("user") or "")
    call_id = user if user.startswith("run-") else kwargs.get("litellm_call_id")
    facts = {name: value for name, value in list(kwargs.items()) if name not in _ELSEWHERE}
    record(
        event,
        call_id,
        payload=kwargs.get("standard_logging_object"),
        kwargs=facts,
        order=list(kwargs.get("standard_logging_object") or ()),
        response=response,
        times=[type(start).__name__, type(end).__name__],
    )


def _called(data: Any) -> Any:
    user = str((data or {}).get("user") or "")
    return user if user.startswith("run-") else (data or {}).get("litellm_call_id")


class Bare(CustomLogger):
    """Listens to what is logged, and overrides nothing that a request passes."""

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        _logged("success", kwargs, response_obj, start_time, end_time)

    def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        _logged("failure", kwargs, response_obj, start_time, end_time)

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        _logged("async success", kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        _logged("async failure", kwargs, response_obj, start_time, end_time)


class Hooks(Bare):
    """Overrides every hook that a chat request passes, and changes what some of them may change."""

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
        record("pre api call", _called(kwargs), model=model, messages=messages)

    def log_post_api_call(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        record("post api call", _called(kwargs), response=response_obj)

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Any, call_type: Any) -> Any:
        record("pre call", _called(data), key=user_api_key_dict, data=data, type=call_type)
        if "refuse" in str(data.get("user")):
            raise ValueError("refused by the hook")
        return data

    async def async_moderation_hook(self, data: Any, user_api_key_dict: Any, call_type: Any) -> None:
        record("moderation", _called(data), data=data, type=call_type)

    async def async_post_call_success_hook(self, data: Any, user_api_key_dict: Any, response: Any) -> Any:
        record("post call success", _called(data), response=response)
        if "rewrite" in str(data.get("user")) and getattr(response, "choices", None):
            response.choices[0].message.content = "rewritten by the hook"
        return response

    async def async_post_call_failure_hook(
        self,
        request_data: Any,
        original_exception: Any,
        user_api_key_dict: Any,
        traceback_str: Any = None,
    ) -> None:
        record("post call failure", _called(request_data), error=original_exception, data=request_data)

    async def async_post_call_response_headers_hook(
        self,
        data: Any,
        user_api_key_dict: Any,
        response: Any,
        request_headers: Any = None,
        litellm_call_info: Any = None,
        **more: Any,
    ) -> Any:
        record("response headers", _called(data), response=response, info=litellm_call_info)
        return {"x-of-the-hook": str(data.get("user"))}

    async def async_post_call_streaming_hook(self, user_api_key_dict: Any, response: Any) -> Any:
        return response

    async def async_pre_call_deployment_hook(self, kwargs: Any, call_type: Any) -> Any:
        record("pre call deployment", _called(kwargs), keys=sorted(kwargs))
        return None


async def on_success(kwargs: Any, response: Any, start: Any, end: Any) -> None:
    """A callback that is a function; LiteLLM calls no other kind for its own coroutines."""
    _logged("function success", kwargs, response, start, end)


def on_failure(kwargs: Any, response: Any, start: Any, end: Any) -> None:
    """A callback that is a plain function."""
    _logged("function failure", kwargs, response, start, end)


bare = Bare()
hooks = Hooks()
