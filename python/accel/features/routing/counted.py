"""Whether the tokens of a request may stay uncounted where no limit could use them."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

_UTILS: Final = "litellm.utils"
_COUNTER: Final = "litellm.litellm_core_utils.token_counter"
REPRODUCES: Final = (f"{_UTILS}:token_counter", f"{_COUNTER}:token_counter")
"""Counting has no effect but its debug lines, as long as nobody replaced it."""


def bound(module: str) -> dict[str, str]:
    """The strategy's own name of the counter."""
    return {f"{module}:token_counter": f"{_UTILS}:token_counter"}


def tokens(names: dict[str, Any], messages: Any, text: Any) -> tuple[Any, bool]:
    """What counts them as the strategy whose module has these names; and whether it may be left out."""

    def count() -> Any:
        try:
            return names["token_counter"](messages=messages, text=text)
        except Exception:  # noqa: BLE001  # LiteLLM's own: what cannot be counted counts nothing
            return 0

    return count, _skippable(messages)


def debugging() -> bool:
    """Whether LiteLLM's lines for debugging go anywhere, of the Router or of what it calls."""
    log: Any = sys.modules["litellm._logging"]
    return (
        log.verbose_router_logger.isEnabledFor(logging.DEBUG)
        or log.verbose_logger.isEnabledFor(logging.DEBUG)
        or sys.modules["litellm"].set_verbose is True
    )


def _skippable(messages: Any) -> bool:
    """Whether counting would do nothing but count: LiteLLM fetches pictures to count their tokens."""
    if messages is None:
        return True
    return type(messages) is list and all(map(_only_texts, messages))


def _only_texts(message: Any) -> bool:
    if type(message) is not dict:
        return False
    content = message.get("content")
    if content is None or type(content) is str:
        return True
    return type(content) is list and all(type(part) is dict and part.get("type") == "text" for part in content)
