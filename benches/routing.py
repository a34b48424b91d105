"""The benchmark of LiteLLM's Router; `make bench-routing`.

Both sides are asserted equal first, then take turns in one process; what counts is processor time, the median of
the rounds. Raw figures go to `benches/results/routing.json`; with `--only` nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from pathlib import Path
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import accel  # isort: skip

import orjson
import routing_calls
import routing_picks
from sides import all_native
from tokens import told

RESULTS = Path(__file__).parent / "results" / "routing.json"
FEATURES = ("routing", "overhead", "caching", "token_counting", "token_memo")
KINDS = {
    "pre-call checks": routing_picks.pre_call_rows,
    "usage accounting": routing_calls.usage_rows,
    "complexity router": routing_calls.complexity_rows,
    "acompletion": routing_calls.completion_rows,
    "picks": routing_picks.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="turns of each side in a row")
    parser.add_argument("--only", choices=sorted(KINDS), help="one kind of rows")
    options = parser.parse_args()
    assert accel.native.module.build_profile == "release"
    all_native(*FEATURES)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    kinds = {options.only: KINDS[options.only]} if options.only else KINDS
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "litellm": accel.status().litellm["version"],
        "build": accel.native.module.build_profile,
        "features": FEATURES,
        "rows": {name: told(rows(loop, options.rounds)) for name, rows in kinds.items()},
    }
    calls = accel.status().features["routing"]["calls"]
    assert calls["native"] > 0, calls
    assert not calls["failed"], calls
    if not options.only:
        RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    loop.close()


if __name__ == "__main__":
    main()
