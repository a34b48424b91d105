"""What counting costs a proxy whose key has a budget; `make bench-proxy-tokens`.

LiteLLM counts the prompt of each such request on its event loop before it forwards it. Both proxies get
the same prompts, one request at a time, no prompt twice. Raw figures go to
`benches/results/proxy_tokens.json`; the README's table is made from that file.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import accel  # isort: skip

import httpx
import orjson
from litellm.rust_bridge.token_counter import rust_tokenizer
from prompts import Prompts
from proxy_pair import WITH_BUDGET, WITHOUT_BUDGET, Side, running

RESULTS = Path(__file__).parent / "results" / "proxy_tokens.json"
MODELS = {"gpt-3.5-turbo": "cl100k_base", "gpt-4o": "o200k_base", "claude-sonnet-4-5": "anthropic"}
PROMPTS = (("English", 2_000), ("English", 25_000), ("code", 25_000))
BLOCK = 10
KEYS = {"budget": WITH_BUDGET, "free": WITHOUT_BUDGET}

# LiteLLM logs and settles spend after it has answered; that belongs to the request.
_SETTLE_S = 0.15
_VOLATILE = ("id", "created", "system_fingerprint")
_HEADERS = ("x-litellm-response-cost", "x-litellm-key-spend", "x-litellm-key-max-budget", "x-litellm-model-group")

_DRAWN = Prompts(seed=23)


def body(model: str, kind: str, chars: int) -> bytes:
    """A request whose prompt nobody has seen."""
    content = _DRAWN.text(chars) if kind == "English" else _DRAWN.code(chars)
    message = {"role": "user", "content": content}
    return orjson.dumps({"model": model, "messages": [message], "max_tokens": 50})


def assert_equal_answers(sides: dict[str, Side], model: str, kind: str, chars: int) -> None:
    """The same body, usage, cost and spend from both, and accel counted just the key's with a budget."""
    for name, key in KEYS.items():
        for _ in range(5):
            request = body(model, kind, chars)
            seen = {}
            for side_name, side in sides.items():
                before = side.native_counts()
                seen[side_name] = _essence(side.ask(key, request))
                time.sleep(_SETTLE_S)
                counted = side.native_counts() - before
                expected = side_name == "accel" and name == "budget"
                assert (counted > 0) == expected, (side_name, name, counted)
            assert seen["accel"] == seen["litellm"], seen
            assert seen["litellm"][0]["usage"]["prompt_tokens"] > 0, seen
            assert float(seen["litellm"][1]["x-litellm-response-cost"] or 0) > 0, seen


def _essence(reply: httpx.Response) -> tuple[dict[str, Any], dict[str, str | None]]:
    content = {name: value for name, value in reply.json().items() if name not in _VOLATILE}
    return content, {name: reply.headers.get(name) for name in _HEADERS}


def measured(sides: dict[str, Side], model: str, kind: str, chars: int, requests: int) -> dict[str, Any]:
    """Wall and processor time of a request, by side and key."""
    turns = list(product(sides, KEYS))
    wall: dict[tuple[str, str], list[float]] = {turn: [] for turn in turns}
    cpu = dict.fromkeys(turns, 0.0)
    for _ in range(-(-requests // BLOCK)):
        # Both proxies get the same prompts, whichever comes first.
        bodies = {key: [body(model, kind, chars) for _ in range(BLOCK)] for key in KEYS}
        for turn in random.sample(turns, len(turns)):
            side = sides[turn[0]]
            start = side.cpu_s()
            wall[turn] += [_ask_ms(side, KEYS[turn[1]], request) for request in bodies[turn[1]]]
            time.sleep(_SETTLE_S)
            cpu[turn] += side.cpu_s() - start
    row: dict[str, Any] = {"model": model, "kind": kind, "chars": chars, "requests": len(wall[turns[0]])}
    for key in KEYS:
        row[key] = {
            side: {
                "median_ms": statistics.median(wall[side, key]),
                "mean_ms": statistics.fmean(wall[side, key]),
                "cpu_ms": cpu[side, key] * 1e3 / len(wall[side, key]),
            }
            for side in sides
        }
    return row


def _ask_ms(side: Side, key: str, request: bytes) -> float:
    start = time.perf_counter()
    side.ask(key, request)
    return (time.perf_counter() - start) * 1e3


def less(row: dict[str, Any], what: str) -> float:
    """By how much accel's figure is under LiteLLM's where the key has a budget, in percent."""
    return float(100 * (1 - row["budget"]["accel"][what] / row["budget"]["litellm"][what]))


def budgets_share(row: dict[str, Any], what: str) -> float:
    """What part of LiteLLM's figure is there because the key has a budget, in percent: all that can be gained."""
    return float(100 * (1 - row["free"]["litellm"][what] / row["budget"]["litellm"][what]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200, help="for each proxy, key, model and prompt")
    parser.add_argument("--dry", action="store_true", help="print the rows; write nothing")
    options = parser.parse_args()
    # The reservation counts for the name that the request says.
    assert {model: rust_tokenizer(model) for model in MODELS} == MODELS
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "litellm": accel.status().litellm["version"],
        "build": accel.native.module.build_profile,
        "rows": [],
    }
    with TemporaryDirectory(prefix="accel-bench-") as directory, running(Path(directory), [*MODELS]) as sides:
        for (kind, chars), model in product(PROMPTS, MODELS):
            assert_equal_answers(sides, model, kind, chars)
            measured(sides, model, kind, chars, 2 * BLOCK)  # a proxy's first hundred requests are slower
            row = measured(sides, model, kind, chars, options.requests)
            result["rows"].append(row)
            print(orjson.dumps(row).decode(), flush=True)
            for what in ("median_ms", "cpu_ms"):
                print(f"  {what}: {less(row, what):.1f} % less; {budgets_share(row, what):.1f} % is the budget's")
    if not options.dry:
        RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
