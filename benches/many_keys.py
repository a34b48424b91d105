"""What 100,000 keys with limits take in memory: bytes for each, and processor time of an admission.

A program for a process of its own, so that nothing else is in its memory: `many_keys.py SIDE KEYS [--traced]`
prints one line of JSON. SIDE is `litellm` or `accel`. The cap of LiteLLM's cache, 200 items, is lifted for both:
with it there would be 200 items, and no limits. `--traced` counts what Python allocates instead of what the
process holds, and slows it down, so that no times are told.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import orjson

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

ITEMS_PER_KEY = 4
_LIMITS = {"rpm_limit": 1000, "tpm_limit": 10**9, "max_parallel_requests": 100}


def told_by(side: str, keys: int, *, traced: bool = False) -> Any:
    """Run this program and answer what it tells."""
    options = ["--traced"] if traced else []
    command = [sys.executable, str(Path(__file__)), side, str(keys), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return orjson.loads(done.stdout.splitlines()[-1])


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _measured(keys: int, traced: bool) -> dict[str, Any]:
    from limiter import Clock, Request, admit, key, limiter, memory_of

    # All within one window, however slow the machine is: what has expired would be gone.
    clock = Clock(1_800_000_000.0)
    handler = limiter(items=keys * ITEMS_PER_KEY + 1000, clock=clock)

    async def admit_us(number: int) -> float:
        request = Request(key(number, **_LIMITS), number)
        clock.now_s += 10 / keys
        start = time.process_time()
        refusal = await admit(handler, request)
        took = time.process_time() - start
        assert refusal is None, refusal
        return took * 1e6

    # What LiteLLM imports and makes at its first requests is not the keys'.
    for number in range(100):
        await admit_us(-1 - number)
    gc.collect()
    held = _resident_bytes()
    if traced:
        tracemalloc.start()
    new_us = [await admit_us(number) for number in range(keys)]
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] if traced else _resident_bytes() - held
    if traced:
        return {"keys": keys, "traced_bytes_per_key": grown / keys}
    assert len(memory_of(handler).cache_dict) >= keys * ITEMS_PER_KEY
    again = random.Random(1).sample(range(keys), min(keys, 5000))
    known_us = [await admit_us(number) for number in again]
    return {
        "keys": keys,
        "items": len(memory_of(handler).cache_dict),
        "resident_bytes_per_key": grown / keys,
        "new_key_cpu_us": statistics.median(new_us),
        "known_key_cpu_us": statistics.median(known_us),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["litellm", "accel"])
    parser.add_argument("keys", type=int)
    parser.add_argument("--traced", action="store_true")
    options = parser.parse_args()
    if options.side == "accel":
        from limits import FEATURES
        from sides import all_native

        import accel

        all_native(*(name for name in FEATURES if name in accel.status().features))
    print(orjson.dumps(asyncio.run(_measured(options.keys, options.traced))).decode())


if __name__ == "__main__":
    main()
