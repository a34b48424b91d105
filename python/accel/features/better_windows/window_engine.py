"""Sliding windows and token buckets: in memory, or as scripts on LiteLLM's Redis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

from accel import native
from accel.features.better_windows import shared
from accel.features.better_windows.demand import Demand, Limit, demand_of
from accel.features.better_windows.engine import CAPACITY, Engine
from accel.features.better_windows.scripts import Scripts, complain, redis_of
from accel.features.better_windows.statuses import OVER, Answer, admission, refusal
from accel.features.better_windows.verdict import GAUGE_RETRY_S, Charge, Reservation, Verdict
from accel.features.seam import Junction


class WindowEngine(Engine):
    """Admits by one algorithm. Counters are under names of their own; slots are LiteLLM's."""

    def __init__(self, junction: Junction, algorithm: Literal["sliding", "bucket"]) -> None:
        super().__init__(junction)
        self._algorithm: Final = algorithm
        self._scripts: Final = Scripts()
        self._windows: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()

    def _memory(self, handler: Any) -> Any:
        """The handler's own windows: two limiters of one process share nothing, as in LiteLLM."""
        found = self._windows.get(handler)
        if found is None:
            assert native.module is not None
            found = self._windows[handler] = native.module.Windows(self._algorithm, CAPACITY)
        return found

    def _burst(self, limit: int) -> int:
        """Units that may come at once; the sliding window does not know bursts."""
        percent = self._junction.settings.get("burst_percent", 100.0)
        return max(1, int(limit * percent / 100))

    async def _admit(
        self,
        handler: Any,
        descriptors: Sequence[Mapping[str, Any]],
        estimated_tokens: int | None,
        slot_id: str | None,
        now: float,
    ) -> Verdict:
        demand = demand_of(descriptors, estimated_tokens, handler.window_size)
        redis = redis_of(handler)
        if redis is not None:
            try:
                return await self._admit_in_redis(handler, redis, demand, slot_id)
            except Exception as error:  # noqa: BLE001  # as LiteLLM: any failure of Redis means memory, or a 503
                handler._reject_if_rate_limit_unverifiable(self._algorithm, error)
                complain(self._algorithm, error)
        return await self._admit_in_memory(handler, demand, slot_id, int(now * 1000))

    async def _admit_in_memory(self, handler: Any, demand: Demand, slot_id: str | None, now_ms: int) -> Verdict:
        windows = self._memory(handler)
        checks = [
            (limit.key(self._algorithm), limit.limit, limit.window_ms, self._burst(limit.limit), limit.cost)
            for limit in demand.limits
        ]
        if not demand.gauges:
            return self._verdict(demand, windows.admit(now_ms, checks), [], in_redis=False)
        # LiteLLM's lock around the gauge, taken first: nothing changes between the look and the charge.
        async with handler._check_and_increment_lock:
            answers = windows.weigh(now_ms, checks)
            if all(answer[0] for answer in answers):
                slots = await handler._acquire_parallel_slots_in_memory(demand.gauges, slot_id)
                if slots["overall_code"] == OVER:
                    return Verdict(slots, GAUGE_RETRY_S)
                return self._verdict(demand, windows.admit(now_ms, checks), slots["statuses"], in_redis=False)
        return self._verdict(demand, answers, [], in_redis=False)

    async def _admit_in_redis(self, handler: Any, redis: Any, demand: Demand, slot_id: str | None) -> Verdict:
        items = [
            shared.window_item(self._algorithm, limit, self._burst(limit.limit)) for limit in demand.limits
        ] + [shared.gauge_item(gauge, slot_id) for gauge in demand.gauges]
        answers = await shared.admit(self._scripts, handler, redis, items)
        windows, gauges = answers[: len(demand.limits)], answers[len(demand.limits) :]
        # Refused by a group of keys on one node, the later groups were not asked.
        asked = [pair for pair in zip(demand.limits, windows, strict=True) if pair[1] is not None]
        told = Demand([limit for limit, _ in asked], demand.gauges)
        known: list[Answer] = [answer for _, answer in asked if answer is not None]
        if all(answer[0] for answer in known):
            for gauge, answer in zip(demand.gauges, gauges, strict=True):
                if answer is not None and not answer[0]:
                    return Verdict(shared.gauge_refusal(gauge, answer), GAUGE_RETRY_S)
            statuses = await shared.mirrored(handler, demand.gauges, gauges)
            return self._verdict(told, known, statuses, in_redis=True)
        return self._verdict(told, known, [], in_redis=True)

    def _verdict(
        self, demand: Demand, answers: Sequence[Answer], slots: Sequence[dict[str, Any]], *, in_redis: bool
    ) -> Verdict:
        refused = refusal(demand, answers)
        if refused is not None:
            return Verdict(refused, max(answer[2] for answer in answers) / 1000)
        charged = [self._charge(*pair) for pair in zip(demand.limits, answers, strict=True)]
        pairs = list(zip(demand.limits, charged, strict=True))
        reservation = Reservation(
            in_redis,
            tuple(charge for limit, charge in pairs if limit.kind == "requests"),
            {limit.counter: charge for limit, charge in pairs if limit.kind == "tokens"},
        )
        return Verdict(admission(demand, answers, slots), 0.0, reservation)

    def _charge(self, limit: Limit, answer: Answer) -> Charge:
        mark = None if limit.deferred else answer[4]
        return Charge(limit.key(self._algorithm), limit.limit, limit.window_ms, mark, limit.cost)

    async def settle(self, handler: Any, reservation: Any, operations: Iterable[Mapping[str, Any]]) -> None:
        if reservation is None:
            return
        changes = []
        for operation in operations:
            charge = reservation.tokens.get(operation["key"])
            if charge is not None:
                changes.append((charge, int(operation["increment_value"])))
        await self._correct(handler, reservation, changes)

    async def undo(self, handler: Any, reservation: Any) -> None:
        if reservation is None:
            return
        charges = [*reservation.requests, *reservation.tokens.values()]
        await self._correct(handler, reservation, [(charge, -charge.cost) for charge in charges if charge.cost])

    async def close(self, handler: Any) -> None:
        """Nothing is held for later."""

    async def _correct(self, handler: Any, reservation: Any, changes: Sequence[tuple[Charge, int]]) -> None:
        changes = [change for change in changes if change[1]]
        if not changes:
            return
        if not reservation.in_redis:
            now_ms = int(handler._get_current_time().timestamp() * 1000)
            corrections = [(*charge[:4], delta) for charge, delta in changes]
            self._memory(handler).settle(now_ms, corrections)
            return
        redis = redis_of(handler)
        if redis is None:
            return
        try:
            await shared.settle(self._scripts, handler, redis, self._algorithm, changes)
        except Exception as error:  # noqa: BLE001  # as LiteLLM: a settlement that Redis refuses is lost, and told
            complain(f"{self._algorithm} settlement", error)
