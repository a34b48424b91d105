"""What accel costs: its import, its tables, a seam that is off, and a count beside a busy loop."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

_IMPORT = """
import gc, json, time
start = time.perf_counter()
import litellm
litellm_ms = (time.perf_counter() - start) * 1e3
import litellm.litellm_core_utils.token_counter
gc.disable()  # LiteLLM's many objects would be walked at a moment that chance picks
start = time.perf_counter()
import accel
print(json.dumps({"litellm": litellm_ms, "accel": (time.perf_counter() - start) * 1e3}))
"""
_LOAD = """
import json, time
import accel, litellm
import litellm.litellm_core_utils.token_counter as counter
from accel import _accel
def resident_bytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
{prepare}
before, start = resident_bytes(), time.perf_counter()
made = {make}
took = (time.perf_counter() - start) * 1e3
print(json.dumps({{"ms": took, "MB": (resident_bytes() - before) / 1e6}}))
"""
_TIKTOKEN = (
    "encoding = counter.get_encoding({name!r})",
    "_accel.TiktokenCounter(encoding._pat_str, encoding._mergeable_ranks)",
)
_CLAUDE = (
    "tokenizer = litellm.utils.select_tokenizer('claude-sonnet-4-5')['tokenizer']; tokenizer.encode('warm')",
    "_accel.HuggingFaceCounter(tokenizer.to_str())",
)


def _fresh(code: str) -> Any:
    # An installed package has its byte code; a run that may not write it would time the compiler.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    return json.loads(done.stdout)


def import_ms(rounds: int = 15) -> dict[str, float]:
    """Median time of `import accel` where LiteLLM has been imported, patching included; LiteLLM's beside it.

    Not the difference of two whole processes: LiteLLM's own import varies by more than accel costs.
    """
    runs = [_fresh(_IMPORT) for _ in range(rounds)]
    return {name: statistics.median(run[name] for run in runs) for name in ("litellm", "accel")}


def load(rounds: int = 9) -> dict[str, dict[str, float]]:
    """Median time and memory of making each counter, in fresh processes whose tokenizer is loaded."""
    recipes = {
        "cl100k_base": (_TIKTOKEN[0].format(name="cl100k_base"), _TIKTOKEN[1]),
        "o200k_base": (_TIKTOKEN[0].format(name="o200k_base"), _TIKTOKEN[1]),
        "claude": _CLAUDE,
    }
    result = {}
    for name, (prepare, make) in recipes.items():
        runs = [_fresh(_LOAD.format(prepare=prepare, make=make)) for _ in range(rounds)]
        result[name] = {key: statistics.median(run[key] for run in runs) for key in ("ms", "MB")}
    return result


def beside_busy_loop_ms(count: Any, text: str, rounds: int = 5) -> float:
    """Median wall time of one count in a thread while the main thread runs Python."""
    times: list[float] = []
    for _ in range(rounds):
        done = threading.Event()

        def work(done: threading.Event = done) -> None:
            start = time.perf_counter()
            count(text)
            times.append((time.perf_counter() - start) * 1e3)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        spins = 0
        while not done.is_set():
            spins += 1
        thread.join()
    return statistics.median(times)
