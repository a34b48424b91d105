"""Answers in LiteLLM's shapes: `RateLimitResponse` with `RateLimitStatus`es."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from accel.features.better_windows.demand import Demand, Limit

OK: Final = "OK"
OVER: Final = "OVER_LIMIT"

Answer = tuple[bool, int, int, int, int]
"""fits, remaining, retry after (ms), reset after (ms), mark"""


def status_of(limit: Limit, answer: Answer) -> dict[str, Any]:
    """What LiteLLM says of a window."""
    return {
        "code": OK if answer[0] else OVER,
        "current_limit": limit.limit,
        "limit_remaining": answer[1],
        "rate_limit_type": limit.kind,
        "descriptor_key": limit.scope,
        "descriptor_value": limit.value,
    }


def gauge_status_of(gauge: dict[str, Any], fits: bool, remaining: int) -> dict[str, Any]:
    """What LiteLLM says of a gauge."""
    return {
        "code": OK if fits else OVER,
        "current_limit": gauge["limit"],
        "limit_remaining": remaining,
        "rate_limit_type": "max_parallel_requests",
        "descriptor_key": gauge["descriptor_key"],
    }


def refusal(demand: Demand, answers: Sequence[Answer]) -> dict[str, Any] | None:
    """The answer where a window refuses; None where all fit.

    As LiteLLM's phases would say it: of requests (and of tokens that are not reserved) all windows are told, of
    reserved tokens the first that refuses.
    """
    told = list(zip(demand.limits, answers, strict=True))
    first = [pair for pair in told if pair[0].kind == "requests" or pair[0].deferred]
    if not all(answer[0] for _, answer in first):
        return {"overall_code": OVER, "statuses": [status_of(*pair) for pair in first]}
    for limit, answer in told:
        if not answer[0]:
            return {"overall_code": OVER, "statuses": [status_of(limit, answer)]}
    return None


def admission(
    demand: Demand, answers: Sequence[Answer], gauge_statuses: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The answer where all fit: windows of requests, gauges, reserved tokens."""
    told = list(zip(demand.limits, answers, strict=True))
    first = [status_of(*pair) for pair in told if pair[0].kind == "requests" or pair[0].deferred]
    last = [status_of(*pair) for pair in told if not (pair[0].kind == "requests" or pair[0].deferred)]
    return {"overall_code": OK, "statuses": [*first, *gauge_statuses, *last]}
