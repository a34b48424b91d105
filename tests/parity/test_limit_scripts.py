"""Windows as Lua on a real Redis against the ones in memory: one history, the same answers, step by step."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from accel import native
from support.limit_redis import database
from support.scale import scaled

# They share a database of Redis.
pytestmark = pytest.mark.xdist_group("redis windows")

NOW_MS = 1_795_242_099_123
STEPS = scaled(12_000)


@pytest.fixture(scope="module")
def redis() -> Iterator[Any]:
    with database() as client:
        yield client


class Both:
    """One algorithm in memory and on Redis, under a clock that the test moves."""

    def __init__(self, redis: Any, algorithm: str) -> None:
        self.algorithm = algorithm
        self.memory = native.module.Windows(algorithm, 1_000)
        self._admit = redis.register_script(native.module.WINDOWS_ADMIT_SCRIPT)
        self._settle = redis.register_script(native.module.WINDOWS_SETTLE_SCRIPT)

    def admit(self, now_ms: int, checks: list[tuple[str, int, int, int, int]]) -> tuple[list[Any], list[Any]]:
        arguments: list[Any] = [now_ms]
        for check in checks:
            arguments += [self.algorithm, *check[1:]]
        reply = self._admit(keys=[check[0] for check in checks], args=arguments)
        theirs = [reply[2 + 5 * place : 7 + 5 * place] for place in range(len(checks))]
        ours = [[int(value) for value in answer] for answer in self.memory.admit(now_ms, checks)]
        admitted = all(answer[0] for answer in ours)
        assert reply[:2] == [int(admitted), now_ms]
        return ours, theirs

    def settle(self, now_ms: int, corrections: list[Any]) -> tuple[list[int], list[int]]:
        arguments: list[Any] = [now_ms]
        for _, limit, window_ms, mark, delta in corrections:
            arguments += [self.algorithm, limit, window_ms, "" if mark is None else mark, delta]
        theirs = self._settle(keys=[correction[0] for correction in corrections], args=arguments)
        return [int(changed) for changed in self.memory.settle(now_ms, corrections)], theirs


@pytest.mark.parametrize("algorithm", ["sliding", "bucket"])
def test_the_same_answers_step_by_step(redis: Any, algorithm: str) -> None:
    chance = random.Random(11)
    both = Both(redis, algorithm)
    now_ms = NOW_MS
    reserved: list[tuple[str, int, int, int, int]] = []
    seen = {"admitted": 0, "refused": 0, "settled": 0, "left": 0}
    for step in range(STEPS):
        now_ms += chance.choice((0, 0, 1, 17, 400, 1_000, 7_003))
        if chance.random() < 0.01:
            now_ms -= chance.choice((5, 900, 5_000, 400_000))
        if chance.random() < 0.7 or not reserved:
            keys = chance.sample(range(5), chance.randint(1, 3))
            checks = []
            for key in keys:
                limit = chance.choice((0, 3, 20, 1_000, 60_000_000))
                window_ms = 3_600_000 if chance.random() < 0.02 else 60_000
                cost = chance.choice((0, 1, 1, 3, 40, max(1, limit // 3)))
                checks.append((f"{{{algorithm}:{key}}}", limit, window_ms, max(1, limit // 10), cost))
            ours, theirs = both.admit(now_ms, checks)
            assert ours == theirs, (step, now_ms, checks)
            if all(answer[0] for answer in ours):
                seen["admitted"] += 1
                reserved += [
                    (key, limit, window_ms, answer[4], cost)
                    for (key, limit, window_ms, _, cost), answer in zip(checks, ours, strict=True)
                ]
            else:
                seen["refused"] += 1
        else:
            key, limit, window_ms, mark, cost = reserved.pop(chance.randrange(len(reserved)))
            delta = chance.choice((-cost, -1, 5, cost)) or 1
            correction = (key, limit, window_ms, None if chance.random() < 0.1 else mark, delta)
            ours_changed, theirs_changed = both.settle(now_ms, [correction])
            assert ours_changed == theirs_changed, (step, now_ms, correction)
            seen["settled" if ours_changed[0] else "left"] += 1
    # The history met everything that it was made to meet.
    assert min(seen.values()) > STEPS / 100, seen
    for key in redis.scan_iter():
        assert 0 < redis.pttl(key) <= 3_700_000, key
        assert redis.hlen(key) <= 61
