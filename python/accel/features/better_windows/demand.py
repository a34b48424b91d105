"""What a request asks of which limits, read from LiteLLM's descriptors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

_PROJECT_TOKENS: Final = ("model_per_project_itpm", "model_per_project_otpm")
"""Reserved by LiteLLM in a step of its own, with other estimates; not ours."""
_MOST: Final = 2**53
"""Redis computes in doubles; a limit of more is none."""


class Limit(NamedTuple):
    """One window that the request must fit."""

    kind: Literal["requests", "tokens"]
    scope: str
    value: str
    limit: int
    window_ms: int
    cost: int
    deferred: bool
    """Tokens that nobody estimated: only whether the limit has been reached is asked."""

    def key(self, algorithm: str) -> str:
        """The key's hash tag is LiteLLM's, so that all of a scope lives on one node of a cluster."""
        return f"{{{self.scope}:{self.value}}}:{algorithm}:{self.kind}"

    @property
    def counter(self) -> str:
        """LiteLLM's own name of it."""
        return f"{{{self.scope}:{self.value}}}:{self.kind}"


class Demand(NamedTuple):
    """All of one request. Limits stand in the order in which LiteLLM tells of them."""

    limits: list[Limit]
    gauges: list[dict[str, Any]]
    """LiteLLM's `ParallelRequestGauge`s."""


def demand_of(
    descriptors: Iterable[Mapping[str, Any]], estimated_tokens: int | None, default_window_s: int
) -> Demand:
    """`estimated_tokens` None: tokens are not reserved. The limits of one demand have different keys."""
    requests: dict[str, Limit] = {}
    tokens: dict[str, Limit] = {}
    gauges: list[dict[str, Any]] = []
    for descriptor in descriptors:
        scope, value = descriptor["key"], descriptor["value"]
        rate: Mapping[str, Any] = descriptor.get("rate_limit") or {}
        if scope in _PROJECT_TOKENS:
            continue
        window_ms = int(rate.get("window_size") or default_window_s) * 1000
        if (requests_limit := rate.get("requests_per_unit")) is not None:
            limit = Limit("requests", scope, value, _bounded(requests_limit), window_ms, 1, False)
            requests[limit.counter] = limit
        if (tokens_limit := rate.get("tokens_per_unit")) is not None:
            cost, deferred = estimated_tokens or 0, estimated_tokens is None
            limit = Limit("tokens", scope, value, _bounded(tokens_limit), window_ms, cost, deferred)
            # Without an estimate LiteLLM tells of tokens beside the requests of the scope.
            (requests if deferred else tokens)[limit.counter] = limit
        if (parallel := rate.get("max_parallel_requests")) is not None:
            name = f"{{{scope}:{value}}}:max_parallel_requests"
            gauges.append({"counter_key": name, "limit": int(parallel), "descriptor_key": scope})
    return Demand([*requests.values(), *tokens.values()], gauges)


def _bounded(limit: Any) -> int:
    return min(max(int(limit), 0), _MOST)
