"""Whether a limiter's script is the one that LiteLLM registered: tests and users put others in its place."""

from __future__ import annotations

from typing import Any, Final

_RUN: Final = "RedisCache.async_register_script.<locals>.run_script"


def is_own(script: Any) -> bool:
    """True of what `RedisCache.async_register_script` gives."""
    return getattr(script, "__qualname__", None) == _RUN
