"""Leases of LiteLLM's own windows: most requests need no trip to Redis for their `requests` limits.

Pays where limits are much larger than the number of instances, and keys have no other limits: tokens and gauges
still take LiteLLM's own trips.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from accel import native
from accel.errors import Declined
from accel.features.better_windows.demand import Demand, demand_of
from accel.features.better_windows.engine import CAPACITY, Engine
from accel.features.better_windows.scripts import Scripts, complain, redis_of
from accel.features.better_windows.statuses import OK, OVER, status_of
from accel.features.better_windows.verdict import GAUGE_RETRY_S, Verdict
from accel.features.seam import Junction

_TRIES: Final = 3
"""A lease may be used up by others while this request waits for its grant; then it asks again, not for ever."""


class LeaseReservation(NamedTuple):
    """What an admission took of leases, and of LiteLLM's own token windows."""

    taken: list[tuple[str, int]]
    scopes: tuple[tuple[str, str], ...]
    tokens: int
    windows: frozenset[tuple[str, str, str]]


class LeaseEngine(Engine):
    """Admits requests from what this instance has leased; the rest is LiteLLM's.

    Declines where there is no Redis or it fails, and where tokens are not reserved.
    """

    settles = False

    def __init__(self, junction: Junction) -> None:
        super().__init__(junction)
        self._scripts: Final = Scripts()
        self._leases: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()

    def _held(self, handler: Any) -> Any:
        found = self._leases.get(handler)
        if found is None:
            assert native.module is not None
            found = self._leases[handler] = native.module.Leases(CAPACITY)
        return found

    async def _admit(
        self,
        handler: Any,
        descriptors: Sequence[Mapping[str, Any]],
        estimated_tokens: int | None,
        slot_id: str | None,
        now: float,
    ) -> Verdict:
        redis = redis_of(handler)
        demand = demand_of(descriptors, estimated_tokens, handler.window_size)
        if redis is None or any(limit.deferred for limit in demand.limits):
            raise Declined("no leases without Redis and reserved tokens")
        refused, taken, told = await self._take(handler, redis, demand, int(now))
        if refused is not None:
            return refused
        kept = False
        try:
            verdict = await self._others(handler, descriptors, demand, estimated_tokens, slot_id)
            kept = verdict.admitted
        finally:
            if not kept:
                self._held(handler).put_back(taken)
        if not kept:
            return verdict
        scopes = tuple((limit.scope, limit.value) for limit in demand.limits if limit.kind == "tokens")
        windows = verdict.response.get("reservation_windows", frozenset())
        reservation = LeaseReservation(taken, scopes, estimated_tokens or 0, windows)
        response = {**verdict.response, "statuses": [*told, *verdict.response["statuses"]]}
        return Verdict(response, 0.0, reservation)

    async def _take(
        self, handler: Any, redis: Any, demand: Demand, now_s: int
    ) -> tuple[Verdict | None, list[tuple[str, int]], list[dict[str, Any]]]:
        """The refusal, or what was taken; and what LiteLLM would say of the windows."""
        held = self._held(handler)
        limits = [limit for limit in demand.limits if limit.kind == "requests"]
        tags = [f"{{{limit.scope}:{limit.value}}}" for limit in limits]
        for _ in range(_TRIES):
            starts, ask, spent, remaining = held.take(now_s, tags)
            told = [
                status_of(limit, (until is None, min(left, limit.limit), 0, 0, 0))
                for limit, until, left in zip(limits, spent, remaining, strict=True)
            ]
            ends = [until for until in spent if until is not None]
            if ends:
                return Verdict({"overall_code": OVER, "statuses": told}, max(ends) - now_s), [], told
            if not ask:
                return None, list(zip(tags, starts, strict=True)), told
            for place, wants in ask:
                limit, tag = limits[place], tags[place]
                window_s = limit.window_ms // 1000
                granted, start_s, counter = await self._ask(
                    handler, redis, tag, (now_s, window_s, limit.limit, wants)
                )
                left = max(0, limit.limit - counter)
                if not held.add(now_s, tag, start_s, window_s, granted, left):
                    raise Declined("too many leases")
        raise Declined("lease contended")

    async def _ask(self, handler: Any, redis: Any, tag: str, arguments: tuple[int, ...]) -> list[int]:
        assert native.module is not None
        keys = [f"{tag}:window", f"{tag}:requests", f"{tag}:tokens"]
        try:
            return await self._scripts.run(redis, native.module.LEASE_SCRIPT, keys, arguments)
        except Exception as error:  # noqa: BLE001  # whatever it is, LiteLLM meets it next and follows its own rule
            complain("lease", error)
        raise Declined("Redis failed")

    async def _others(
        self,
        handler: Any,
        descriptors: Sequence[Mapping[str, Any]],
        demand: Demand,
        estimated_tokens: int | None,
        slot_id: str | None,
    ) -> Verdict:
        """Gauges and tokens, by LiteLLM's own functions."""
        slots: dict[str, Any] = {"overall_code": OK, "statuses": []}
        if demand.gauges:
            slots = await handler._check_parallel_request_gauges(gauges=demand.gauges, slot_id=slot_id)
            if slots["overall_code"] == OVER:
                return Verdict(slots, GAUGE_RETRY_S)
        if estimated_tokens is None:
            return Verdict(slots)
        kept = False
        try:
            tokens = await handler.reserve_tpm_tokens(list(descriptors), estimated_tokens)
            kept = tokens["overall_code"] == OK
        finally:
            if demand.gauges and not kept:
                names = [gauge["counter_key"] for gauge in demand.gauges]
                await handler._release_parallel_request_slots({"slot_id": slot_id, "counter_keys": names})
        if not kept:
            return Verdict(tokens, float(handler.window_size))
        return Verdict({**tokens, "statuses": [*slots["statuses"], *tokens["statuses"]]})

    async def settle(self, handler: Any, reservation: Any, operations: Iterable[Mapping[str, Any]]) -> None:
        """LiteLLM's own: tokens are in its windows."""
        increments = list(operations)
        if increments:
            await handler.async_increment_tokens_with_ttl_preservation(pipeline_operations=increments)

    async def undo(self, handler: Any, reservation: Any) -> None:
        if reservation is None:
            return
        self._held(handler).put_back(reservation.taken)
        if reservation.tokens and reservation.scopes:
            await handler._refund_reserved_tokens(
                scopes=reservation.scopes,
                amount=reservation.tokens,
                reservation_windows=reservation.windows,
            )

    async def close(self, handler: Any) -> None:
        """Give back what is left of every lease whose window is still the same."""
        redis = redis_of(handler)
        now_s = int(handler._get_current_time().timestamp())
        if redis is None:
            return
        assert native.module is not None
        for tag, start_s, left in self._held(handler).end(now_s):
            try:
                await self._scripts.run(
                    redis, native.module.LEASE_RETURN_SCRIPT, [f"{tag}:window", f"{tag}:requests"], [start_s, left]
                )
            except Exception as error:  # noqa: BLE001  # what cannot be given back ends with its window
                complain("lease", error)
                return
