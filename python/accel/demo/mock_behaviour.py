"""What the mock upstream does for a model name: the failures and delays that a caller can order.

A marker may stand anywhere in the name, and markers combine: `mock-429`, `mock-slow-250ms`,
`mock-slow-20ms-503`, `mock-nousage` (a provider whose streams never tell usage). A name without a marker
answers at once.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_STATUS = re.compile(r"mock-(?:.*-)?([45]\d\d)(?!\d|ms)")
_DELAY = re.compile(r"slow-(\d{1,5})ms")
_TYPES = {
    400: ("invalid_request_error", "invalid_value", "The request was refused on demand."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`status`: the HTTP status to fail with, or None. `delay_s`: how long to wait before the answer.
    `streams_usage`: whether a stream tells its usage when asked to."""

    status: int | None
    delay_s: float
    streams_usage: bool


@lru_cache(maxsize=1024)
def behaviour_of(model: str) -> Behaviour:
    """The behaviour that this model name orders."""
    status = _STATUS.search(model)
    delay = _DELAY.search(model)
    return Behaviour(
        status=int(status[1]) if status else None,
        delay_s=int(delay[1]) / 1000 if delay else 0.0,
        streams_usage="nousage" not in model,
    )


def error_body(status: int, message: str | None = None) -> dict[str, dict[str, str | None]]:
    """An error in OpenAI's shape. `message` replaces the stock text of that status."""
    fallback = _TYPES[500] if status >= 500 else _TYPES[400]
    kind, code, text = _TYPES.get(status, fallback)
    return {"error": {"message": message or text, "type": kind, "param": None, "code": code}}
