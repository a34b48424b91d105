"""Which deployments cool down, against LiteLLM's own reading: order, expiry, what is left stored, overrides."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.router_utils.cooldown_cache import CooldownCache

from support.calls import calls_of
from support.live import kept_flags
from support.routers import Text, bare, on, router
from support.scale import scaled

SYNC, ASYNC = "get_active_cooldowns", "async_get_active_cooldowns"


@pytest.fixture(autouse=True)
def native() -> Iterator[None]:
    with kept_flags(), on():
        yield


def filled(entries: list[tuple[Any, Any, float]]) -> CooldownCache:
    cooldowns: CooldownCache = router(1).cooldown_cache
    for key, value, ttl_s in entries:
        cooldowns.in_memory_cache.set_cache(key, copy.deepcopy(value), ttl=ttl_s)
    return cooldowns


def entries(chance: Random) -> list[tuple[Any, Any, float]]:
    made: list[tuple[Any, Any, float]] = []
    for number in range(chance.choice((0, 0, 1, 3, 12))):
        value: Any = {
            "exception_received": "x",
            "status_code": "500",
            "timestamp": time.time() - chance.choice((0, 5, 100)),
            "cooldown_time": chance.choice((60.0, 10.0, 3600.0)),
        }
        if chance.random() < 0.2:
            value = chance.choice((None, {}, "text", 5, {"timestamp": 1}, [1]))
        key = chance.choice((f"deployment:d{number}:cooldown", f"deployment:d{number}:fails", f"d{number}"))
        made.append((key, value, chance.choice((-5, 60, 600))))
    return made


def both(made: list[tuple[Any, Any, float]], ids: Any, name: str) -> Any:
    results = []
    for function in (getattr(CooldownCache, name), bare(CooldownCache, name)):
        cooldowns = filled(made)
        try:
            found = function(cooldowns, ids, None)
            found = asyncio.run(found) if name == ASYNC else found
        except Exception as error:  # noqa: BLE001  # an error is a result to compare
            found = type(error), str(error)
        kept = {key: cooldowns.in_memory_cache.cache_dict[key] for key in cooldowns.in_memory_cache.cache_dict}
        results.append((found, kept))
    assert results[0] == results[1]
    return results[0][0]


@pytest.mark.parametrize("name", [SYNC, ASYNC])
class TestReads:
    def test_stores_by_chance(self, name: str) -> None:
        chance, active = Random(name), 0
        for _ in range(scaled(250)):
            ids = [f"d{chance.randrange(30)}" for _ in range(chance.choice((0, 1, 5, 100)))]
            active += len(both(entries(chance), ids, name))
        assert active > 50

    @pytest.mark.parametrize("ids", [[1], [None], [Text("d1")], ("d1",), None, "d1", [["d1"]]], ids=repr)
    def test_odd_ids(self, name: str, ids: Any) -> None:
        for seed in range(6):
            both(entries(Random(seed)), ids, name)

    def test_it_runs_natively(self, name: str) -> None:
        made = [("deployment:d1:cooldown", {"timestamp": time.time(), "cooldown_time": 50.0}, 50)]
        with calls_of("routing", f"CooldownCache.{name}") as calls:
            assert both([], ["d1"], name) == []
            assert [found[0] for found in both(made, ["d0", "d1"], name)] == ["d1"]
        assert (calls.native, calls.total) == (2, 2)

    def test_a_replaced_step_is_called(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        step = "batch_get_cache" if name == SYNC else "async_batch_get_cache"
        value = {"timestamp": time.time(), "cooldown_time": 50.0}

        def read(self: Any, keys: Any, **_: Any) -> Any:
            return [value for _ in keys]

        async def waited(self: Any, keys: Any, **_: Any) -> Any:
            return read(self, keys)

        monkeypatch.setattr(InMemoryCache, step, read if name == SYNC else waited)
        assert len(both([], ["d0", "d1"], name)) == 2


def test_cooled_down_deployments_are_not_picked() -> None:
    mine = router(3)
    for number in (0, 2):
        mine.cooldown_cache.add_deployment_to_cooldown(f"d{number}", Exception("x"), 500, 60)
    picked = asyncio.run(mine.async_get_available_deployment("g", {}))
    assert picked is mine.model_list[1]
    assert mine.get_available_deployment("g") is mine.model_list[1]
