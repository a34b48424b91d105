"""Random programs on limiters that share their counters through Redis."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from support.limits import Setting
from support.limits_programs import Steps, settings
from support.limits_redis import COARSE_S, RedisWorld, SharedWorld
from support.programs import Program, Step, World

WINDOW_S: Final = 3600
_MOVES = (0, 0, 1, 1, 5, 18, 35, 36, 36, 37, 72, -1)
_AWAY_S: Final = {"near": 0, "ahead": 500_000, "behind": -500_000}
"""How far the clock of the proxy is from that of Redis, which judges part of the windows."""


class RedisSteps(Steps):
    """Steps that keep away from moments which Redis's clock would decide."""

    windows = (WINDOW_S, 86_400, None)
    corrupt = False
    """Whether somebody puts what is no counter under a counter's key, so that a script fails in its middle."""

    def _step(self) -> Step:
        if self._maybe(0.06):
            return self._by_others()
        step = super()._step()
        if step[0] in ("move", "edge"):
            return ("move", COARSE_S * self._one(*_MOVES))
        if step[0] == "burst":
            # Requests at once interleave as the network has it.
            return ("admit", *step[1][0])
        if step[0] == "set" and step[1] == "window_size":
            return ("set", "fail_closed", self._one(True, False))
        return step

    def _by_others(self) -> Step:
        scope = self._scope()
        counter = scope + self._one(":requests", ":tokens", ":window")
        gauge = f"{scope}:max_parallel_requests"
        if self.corrupt and self._maybe(0.4):
            return self._one(
                ("redis", "SET", counter, self._one("1.5", "many")),
                ("redis", "RPUSH", counter, "a list"),
                ("redis", "SET", gauge, "text"),
            )
        return self._one(
            ("redis", "DEL", counter),
            ("redis", "DEL", gauge),
            ("redis", "ZADD", gauge, 1_600_000_000, "left by a worker that died"),
            ("redis", "ZADD", gauge, 1_990_000_000, "held elsewhere"),
            ("redis", "PERSIST", counter),
            ("redis", "SCRIPT", "FLUSH"),
        )


def program(
    seed: object,
    length: int,
    world: Callable[[Setting, float], World],
    *,
    away: str = "near",
    odd: float = 0.0,
    switching: bool = False,
    corrupt: bool = False,
) -> Program:
    """So many steps; the clock of the proxy begins near, ahead of or behind the one of Redis."""
    setting = settings(seed, window_s=WINDOW_S, every=20)
    base_s = float(int(time.time()) + COARSE_S // 2 + _AWAY_S[away])
    steps = RedisSteps(seed, setting, keys=4, odd=odd, switching=switching)
    steps.corrupt = corrupt
    stream: Iterator[Step] = iter(steps)
    return Program(seed, tuple(next(stream) for _ in range(length)), partial(world, setting, base_s))


def alone(batched: bool) -> Callable[[Setting, float], World]:
    return partial(RedisWorld, batched=batched)


def shared(setting: Setting, base_s: float) -> World:
    return SharedWorld(setting, base_s)
