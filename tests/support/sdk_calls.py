"""Calls of LiteLLM's SDK with all that callers and their loggers see of them, comparable between two runs."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from pydantic import BaseModel

_MOVING = re.compile(
    r"(time|duration|latency|_ms$|overhead|created|^id$|call_id|trace_id|session_id|response_id)", re.I
)
_IDS = re.compile(r"chatcmpl-[0-9a-f-]{36}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FRAME = re.compile(r'  File "([^"]*)", line \d+, in .*\n(?:    .*\n)*')
_DEEPEST = 9
ENOUGH_S = 20.0
"""A deadline for what comes at once."""


async def nothing_left() -> None:
    """What calls of other tests, on other loops, have left to be logged is logged now."""
    await asyncio.wait_for(GLOBAL_LOGGING_WORKER.flush(), ENOUGH_S)


class Seen(CustomLogger):
    """Keeps what it is told, at the moment that it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []
        self.done = asyncio.Event()

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._keep("success", kwargs, response_obj, start_time, end_time)
        self.done.set()

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._keep("failure", kwargs, response_obj, start_time, end_time)
        self.done.set()

    async def async_log_stream_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._keep("stream", kwargs, response_obj, start_time, end_time)

    def _keep(self, event: str, *told: Any) -> None:
        self.events.append((event, shape(told)))


class SeenBefore(Seen):
    """Is told before and after the provider, too."""

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
        self._keep("before", model, messages, kwargs)

    def log_post_api_call(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._keep("after", kwargs, response_obj)


def shape(value: Any, name: str = "", depth: int = 0) -> Any:
    """The value with types, order and all but what differs from run to run."""
    if value is not None and not isinstance(value, Mapping | list) and _MOVING.search(name):
        return type(value).__name__
    if depth > _DEEPEST:
        return "deeper"
    if isinstance(value, Mapping):
        pairs = [(str(key), shape(one, str(key), depth + 1)) for key, one in value.items()]
        return type(value).__name__, pairs
    if isinstance(value, list | tuple):
        return type(value).__name__, [shape(one, "", depth + 1) for one in value]
    if isinstance(value, BaseModel):
        hidden = getattr(value, "_hidden_params", None)
        return type(value).__name__, shape(value.model_dump(), "", depth + 1), shape(hidden, "", depth + 1)
    if isinstance(value, Enum):
        return type(value).__name__, value.name
    if isinstance(value, str):
        # The way to a failure has accel's frames in it, and no pool's.
        return type(value).__name__, _IDS.sub("an id", _FRAME.sub(_kept_frame, value))
    if value is None or isinstance(value, int | float | bytes | set | frozenset):
        return type(value).__name__, repr(value)
    if isinstance(value, datetime.datetime | datetime.timedelta):
        return type(value).__name__
    if isinstance(value, BaseException):
        return type(value).__name__, _IDS.sub("an id", str(value)), shape(dict(vars(value)), "", depth + 1)
    return type(value).__name__


def _kept_frame(frame: re.Match[str]) -> str:
    # What was replaced is marked as a whole.
    return frame[0].replace("^", "").rstrip() if "/litellm/" in frame[1] else ""


async def outcome(call: Any, seen: Seen | None, *, logged: bool = True) -> Any:
    """What the call returns or raises, chunk by chunk if it streams, and what was told of it."""
    try:
        response = await call()
        if isinstance(response, litellm.CustomStreamWrapper):
            found: Any = [shape(chunk) async for chunk in response]
        else:
            found = shape(response)
    except Exception as error:  # noqa: BLE001  # an answer, compared with the other side's
        found = shape(error)
    if seen is None:
        return found, None
    if logged:
        await asyncio.wait_for(seen.done.wait(), ENOUGH_S)
        # Some calls are told twice.
        for _ in range(20):
            await asyncio.sleep(0)
    return found, seen.events


def difference(one: Any, other: Any, at: str = "") -> Any:
    """Where two shapes first differ, and how; None if they do not."""
    if one == other:
        return None
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        name = f"{at}/{one[0]}" if one and isinstance(one[0], str) else at
        return next(filter(None, (difference(*pair, name) for pair in zip(one, other, strict=True))))
    return at, one, other
