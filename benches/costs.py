"""What accel costs: its import, its tables, what it remembers, and a count beside a busy loop."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from sides import MEMO

from accel import _accel

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
# Counts before the first reading load the tokenizer and make its counter; texts are dropped once counted.
_MEMO = """
import json, random
import accel, litellm
from pydoc_data import topics
def resident_bytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
accel.set_flag({feature!r}, mode="off", percent=100, verify_percent=0)
english, chance = "".join(topics.topics.values()), random.Random(5)
def count(number):
    start = chance.randrange(len(english) - 300)
    return litellm.token_counter(model="gpt-4o", text=f"{{number:08d}}{{english[start:start + 292]}}")
for number in range(1000):
    count(number)
before = resident_bytes()
accel.set_flag({feature!r}, mode={mode!r})
for number in range(1000, 1000 + {strings}):
    count(number)
grown = (resident_bytes() - before) / 1e6
print(json.dumps({{"MB": grown, "status": accel.status().features[{feature!r}]}}))
"""


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


def memo_memory(strings: int = 200_000, rounds: int = 3) -> dict[str, Any]:
    """Growth of resident memory while that many distinct texts of 300 characters are counted.

    With the memo of counts and without, in fresh processes; the memo's own table is made after the first reading.
    """
    growth: dict[str, float] = {}
    status: dict[str, Any] = {}
    for mode in ("off", "on"):
        code = _MEMO.format(feature=MEMO, mode=mode, strings=strings)
        runs = [_fresh(code) for _ in range(rounds)]
        growth[mode] = statistics.median(run["MB"] for run in runs)
        status = runs[-1]["status"]
    memo = _accel.Memo(_accel.Guard(MEMO), bytes(32))
    return {"strings": strings, "table_MB": memo.bytes / 1e6, "MB": growth, "status": status}


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
