"""When a refused client may come again: the end of its window, where LiteLLM says a whole window from now."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any, Final

_HEADERS: Final = ("retry-after", "reset_at")


def tell(error: Any, now_s: float, retry_after_s: float) -> None:
    """Puts the time into LiteLLM's 429, its text and its headers."""
    headers = getattr(error, "headers", None)
    if not isinstance(headers, dict) or not all(name in headers for name in _HEADERS):
        return
    reset_at = datetime.fromtimestamp(now_s + retry_after_s, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(error.detail, str):
        error.detail = error.detail.replace(headers["reset_at"], reset_at)
    if isinstance(error.message, str):
        error.message = error.message.replace(headers["reset_at"], reset_at)
    # Whole seconds, as the header wants them; never 0, which invites a client to come at once.
    headers.update({"retry-after": str(max(1, math.ceil(retry_after_s))), "reset_at": reset_at})


async def window_rest_s(handler: Any, descriptor: dict[str, Any], now_s: float) -> float | None:
    """Seconds until the window of a descriptor ends; None where there is none, as of a gauge."""
    key = f"{{{descriptor['key']}:{descriptor['value']}}}:window"
    began = await handler.internal_usage_cache.async_get_cache(key=key, litellm_parent_otel_span=None)
    window_s = (descriptor.get("rate_limit") or {}).get("window_size") or handler.window_size
    try:
        rest = int(began) + int(window_s) - now_s
    except (TypeError, ValueError):
        return None
    return rest if 0 < rest <= window_s else None
