"""Room for the limiter's counters: limits hold for many keys in memory, and a flag that changes loses none."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import accel  # isort: skip  # before LiteLLM, as users are told

import pytest
from fastapi import HTTPException
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.proxy.utils import InternalUsageCache

from accel import dispatch
from accel._accel import CacheStore, CacheView
from accel.features import limit_capacity
from support.calls import calls_of
from support.junctions import calls, make
from support.live import kept_flags

LIMIT = 2
NOW_S = 1_800_000_000.0


@pytest.fixture(scope="module", autouse=True)
def _litellms_own_limiter() -> Iterator[None]:
    """Its replacement asks for room by itself, on the clock of the wall; one test has it back."""
    accel.unpatch("rate_limiting")
    yield
    accel.patch("rate_limiting")


@pytest.fixture(autouse=True)
def _no_other_limiters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_capacity, "_places", WeakKeyDictionary())


class Clock:
    """Seconds that move when told to."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s

    def as_datetime(self) -> datetime:
        return datetime.fromtimestamp(self.now_s)


class Limiter:
    """LiteLLM's limiter in memory, and the room that its replacement asks for before each request."""

    def __init__(self, junction: dispatch.Junction, *, native: bool = True) -> None:
        self.clock = Clock()
        self.junction = junction
        self.cache = InMemoryCache(clock=self.clock)
        if native and not isinstance(self.cache.cache_dict, CacheView):
            store = CacheStore()
            self.cache.cache_dict, self.cache.ttl_dict = CacheView(store, False), CacheView(store, True)
        elif not native:
            self.cache.cache_dict, self.cache.ttl_dict = {}, {}
        usage = InternalUsageCache(DualCache(in_memory_cache=self.cache))
        self.handler = v3.PROXY_MaxParallelRequestsHandler_v3(usage, time_provider=self.clock.as_datetime)
        self.room = limit_capacity.Room(junction, self.clock)

    def admitted(self, keys: Iterable[int], requests: int = 1) -> int:
        """So many requests of each key in turn: how many get in."""
        return asyncio.run(self._admitted(list(keys), requests))

    async def _admitted(self, keys: list[int], requests: int) -> int:
        found = 0
        for _ in range(requests):
            for number in keys:
                # Which counter LiteLLM evicts depends on when it was made.
                self.clock.now_s += 0.001
                found += await self._is_admitted(number)
        return found

    async def _is_admitted(self, number: int) -> bool:
        v3._request_stash.set(None)
        owner = UserAPIKeyAuth(api_key=f"{number:064x}", rpm_limit=LIMIT, tpm_limit=10**9)
        data = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "litellm_call_id": "id"}
        self.room.settle(self.handler)
        try:
            await self.handler.async_pre_call_hook(owner, DualCache(), data, "acompletion")
        except HTTPException as refusal:
            if refusal.status_code != 429:
                raise
            return False
        return True

    def switch(self, mode: str) -> None:
        self.junction.guard.configure(mode, 100, 0, [], [])

    @property
    def reserved(self) -> tuple[int, int, int] | None:
        found: tuple[int, int, int] | None = self.cache.cache_dict.store.reserved()
        return found

    @property
    def status(self) -> dict[str, Any]:
        """The row of the status for this limiter; its cache is told from others by what it may hold."""
        self.cache.max_size_in_memory = 201
        (row,) = (row for row in limit_capacity.describe(None)["limiters"] if row["other_capacity"] == 201)
        return row


class TestLimits:
    def test_on_they_hold_for_a_thousand_keys(self) -> None:
        limiter = Limiter(make("on"))
        assert limiter.admitted(range(1000), 4) == 1000 * LIMIT
        assert limiter.reserved == (3000, limit_capacity.CAPACITY_ITEMS, 0)
        assert calls(limiter.junction) == {"native": 4000}

    @pytest.mark.parametrize("mode", ["off", "shadow"])
    def test_otherwise_litellm_admits_everybody(self, mode: str) -> None:
        limiter = Limiter(make(mode))
        assert limiter.admitted(range(100), 4) == 400
        assert limiter.reserved is None
        assert calls(limiter.junction) == {"python": {mode: 400}}

    def test_what_else_the_cache_holds_and_the_counters_leave_each_other_alone(self) -> None:
        limiter = Limiter(make("on"))
        limiter.cache.set_cache("something else", 1)
        assert limiter.admitted(range(100), 3) == 100 * LIMIT
        assert limiter.cache.get_cache("something else") == 1
        assert len(limiter.cache.cache_dict) == 1

    def test_windows_end(self) -> None:
        limiter = Limiter(make("on"))
        for _ in range(2):
            assert limiter.admitted(range(300), 3) == 300 * LIMIT
            limiter.clock.now_s += 61
        assert limiter.admitted([0]) == 1
        # What is over leaves when a counter comes.
        assert limiter.reserved == (3, limit_capacity.CAPACITY_ITEMS, 0)

    def test_the_limiters_replacement_asks(self) -> None:
        accel.patch("rate_limiting")
        with kept_flags():
            accel.set_flag("limit_capacity", mode="on")
            limiter = Limiter(dispatch.junctions["limit_capacity"])
            limiter.room.settle = lambda _limiter: None  # type: ignore[method-assign]
            with calls_of("rate_limiting", "_PROXY_MaxParallelRequestsHandler_v3.async_pre_call_hook") as hook:
                assert limiter.admitted(range(1000), 3) == 1000 * LIMIT
            assert (hook.native, hook.failed) == (3000, 0)
        accel.unpatch("rate_limiting")


class TestAtRunTime:
    def test_switched_on_nobody_gets_a_second_quota(self) -> None:
        limiter = Limiter(make("off"))
        assert limiter.admitted(range(30)) == 30
        limiter.switch("on")
        assert limiter.admitted(range(1000), 3) == 1000 * LIMIT - 30

    def test_switched_on_the_counters_that_were_there_do_not_leave_for_other_items(self) -> None:
        limiter = Limiter(make("off"))
        limiter.admitted(range(30), LIMIT)
        limiter.switch("on")
        limiter.room.settle(limiter.handler)
        for number in range(300):
            limiter.cache.set_cache(f"something else {number}", number)
        assert limiter.admitted(range(30)) == 0

    def test_switched_off_the_window_goes_on(self) -> None:
        limiter = Limiter(make("on"))
        limiter.admitted(range(300), LIMIT)
        limiter.switch("off")
        assert limiter.admitted(range(300), 2) == 0
        assert limiter.status["leaving"]

    def test_switched_off_for_a_window_it_is_litellms_cache_again(self) -> None:
        limiter = Limiter(make("on"))
        limiter.admitted(range(30), LIMIT)
        limiter.switch("off")
        limiter.admitted([0])
        limiter.clock.now_s += limiter.handler.window_size
        limiter.admitted([0])
        assert limiter.reserved is None
        assert limiter.admitted(range(100), 4) == 400
        assert len(limiter.cache.cache_dict) <= 200

    def test_counters_that_go_back_can_be_evicted(self) -> None:
        limiter = Limiter(make("on"))
        limiter.handler.window_size = 3600
        limiter.admitted(range(300))
        limiter.switch("off")
        limiter.handler.window_size = 0
        for _ in range(2):
            limiter.room.settle(limiter.handler)
        assert len(limiter.cache.cache_dict) == 900
        limiter.cache.set_cache("something else", 1)
        assert len(limiter.cache.cache_dict) == 200

    def test_off_and_on_again_within_a_window_loses_nothing(self) -> None:
        limiter = Limiter(make("on"))
        limiter.admitted(range(300), LIMIT)
        limiter.switch("off")
        limiter.admitted([0])
        limiter.switch("on")
        limiter.clock.now_s += 30
        assert limiter.admitted(range(300)) == 0
        assert not limiter.status["leaving"]


class TestStatus:
    def test_without_the_native_store_it_declines(self) -> None:
        limiter = Limiter(make("on"), native=False)
        assert limiter.admitted(range(100), 4) == 400
        assert calls(limiter.junction) == {"python": {"declined: the cache has no native store": 400}}
        assert limiter.status["capacity"] == 0

    def test_it_is_in_the_status_of_the_process(self) -> None:
        feature = accel.status().features["limit_capacity"]
        assert (feature["mode"], feature["seams"]) == ("off", [])
        assert feature["limiters"] == limit_capacity.describe(None)["limiters"]

    def test_it_is_read_from_the_store(self) -> None:
        limiter = Limiter(make("on"))
        limiter.admitted(range(5))
        row = {"redis": False, "items": 15, "capacity": 400_000, "evicted": 0, "leaving": False}
        assert limiter.status == {**row, "other_items": 0, "other_capacity": 201}

    def test_a_limiter_that_is_gone_is_forgotten(self) -> None:
        before = len(limit_capacity.describe(None)["limiters"])
        limiter = Limiter(make("on"))
        limiter.admitted([0])
        assert len(limit_capacity.describe(None)["limiters"]) == before + 1
        del limiter
        gc.collect()
        assert len(limit_capacity.describe(None)["limiters"]) <= before

    def test_off_and_without_redis_it_is_recommended(self) -> None:
        limiter = Limiter(make("off"))
        limiter.admitted(range(5))
        (line,) = limit_capacity.advise({"limiters": [limiter.status]})
        assert line.startswith("the limiter has no Redis, and its counters share a cache of which 15 of 201 items")

    def test_with_redis_or_with_room_nothing_is(self) -> None:
        limiter = Limiter(make("off"))
        limiter.admitted(range(5))
        assert limit_capacity.advise({"limiters": [{**limiter.status, "redis": True}]}) == []
        limiter.switch("on")
        limiter.admitted(range(5))
        assert limit_capacity.advise({"limiters": [limiter.status]}) == []

    def test_counters_that_had_to_leave_are_told(self) -> None:
        row = {"redis": False, "items": 9, "capacity": 9, "evicted": 7, "leaving": False}
        assert limit_capacity.advise({"limiters": [row]}) == ["7 counters left early: there were more than 9"]
