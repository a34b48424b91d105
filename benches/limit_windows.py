"""How well each window keeps a limit: the most that it admits in any 60 s, on a clock of numbers, untimed.

Prints a table; the same one every time. `fixed` is LiteLLM's own limiter, asked with that clock; `exact log`
remembers every admission, and is what "so many in any 60 s" means. The traffic is the study's, and two kinds that
are made to hurt: bursts on both sides of a minute, and bursts at the very end of a sub-bucket.
"""

from __future__ import annotations

import asyncio
import bisect
import os
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
# LiteLLM's side must be LiteLLM's alone.
os.environ["ACCEL_ENABLED"] = "0"

from accel import native

LIMIT: Final = 100
WINDOW_MS: Final = 60_000
# A whole minute, far from zero as the clock of a machine.
START_MS: Final = 29_920_000 * WINDOW_MS

Admit = Callable[[int], bool]


def poisson(rate_per_s: float, length_s: int) -> list[int]:
    chance = random.Random(1)
    now_s, moments = 0.0, []
    while now_s < length_s:
        now_s += chance.expovariate(rate_per_s)
        moments.append(int(now_s * 1000))
    return moments


TRAFFIC: Final[dict[str, list[int]]] = {
    "5 min idle, then 10/s": [300_000 + 100 * number for number in range(6_000)],
    "Poisson, 2x the limit": poisson(2 * LIMIT / 60, 1_800),
    "20 s at 10/s, 40 s off": [60_000 * minute + 100 * number for minute in range(30) for number in range(200)],
    # The first request opens LiteLLM's window; one burst before its end, one after.
    "bursts around a window's end": [
        120_000 * cycle + offset
        for cycle in range(10)
        for offset in (0, *range(59_500, 60_000, 5), *range(60_000, 60_500, 5))
    ],
    "bursts at a sub-bucket's end": [
        120_000 * cycle + offset for cycle in range(10) for offset in (999, 60_000) for _ in range(LIMIT)
    ],
}


def fixed() -> Admit:
    """LiteLLM's limiter, in memory."""
    from litellm.caching import in_memory_cache
    from litellm.caching.dual_cache import DualCache
    from litellm.proxy.hooks.parallel_request_limiter_v3 import PROXY_MaxParallelRequestsHandler_v3
    from litellm.proxy.utils import InternalUsageCache

    now = [0.0]
    # The counters' time to live goes by the same clock.
    in_memory_cache.time = SimpleNamespace(time=lambda: now[0])  # type: ignore[assignment]
    handler: Any = PROXY_MaxParallelRequestsHandler_v3(
        InternalUsageCache(DualCache()), time_provider=lambda: datetime.fromtimestamp(now[0])
    )
    limits = [{"key": "api_key", "value": "k", "rate_limit": {"requests_per_unit": LIMIT}}]
    loop = asyncio.new_event_loop()

    def admit(now_ms: int) -> bool:
        now[0] = now_ms / 1000
        answer = loop.run_until_complete(handler.should_rate_limit(limits))
        return bool(answer["overall_code"] == "OK")

    return admit


def exact_log() -> Admit:
    admitted: deque[int] = deque()

    def admit(now_ms: int) -> bool:
        while admitted and admitted[0] <= now_ms - WINDOW_MS:
            admitted.popleft()
        if len(admitted) >= LIMIT:
            return False
        admitted.append(now_ms)
        return True

    return admit


def window(algorithm: str, burst_percent: int) -> Admit:
    """One of ours."""
    windows = native.module.Windows(algorithm, 10)
    burst = max(1, LIMIT * burst_percent // 100)

    def admit(now_ms: int) -> bool:
        ((fits, *_),) = windows.admit(now_ms, [("k", LIMIT, WINDOW_MS, burst, 1)])
        return bool(fits)

    return admit


CONTESTANTS: Final[dict[str, Callable[[], Admit]]] = {
    "fixed (LiteLLM)": fixed,
    "exact log": exact_log,
    "sliding_window": lambda: window("sliding", 0),
    "token_bucket 10 %": lambda: window("bucket", 10),
    "token_bucket 100 %": lambda: window("bucket", 100),
}


def measure(admit: Admit, moments: list[int]) -> tuple[int, int]:
    """How many were admitted, and the most of them in any 60 s."""
    admitted = [moment for moment in moments if admit(START_MS + moment)]
    worst = max(bisect.bisect_left(admitted, moment + WINDOW_MS) - place for place, moment in enumerate(admitted))
    return len(admitted), worst


def main() -> None:
    print(f"| traffic | offered | {' | '.join(CONTESTANTS)} |")
    print(f"|---|---|{'---|' * len(CONTESTANTS)}")
    for name, moments in TRAFFIC.items():
        results = [measure(make(), moments) for make in CONTESTANTS.values()]
        cells = [f"{admitted} / {worst / LIMIT:.2f}x" for admitted, worst in results]
        print(f"| {name} | {len(moments)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
