"""The benchmark of rate limits and caches; `make bench-limits`.

Both sides are asserted equal first, then take turns in one process; what counts is processor time, for Redis and
other work on the machine share its cores. Needs a Redis on its standard port: a database of it (`limiter.REDIS`)
is used, and the limiter's keys in it are deleted. Raw figures go to `benches/results/limits.json`; the README's
tables are made from that file.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from itertools import chain
from pathlib import Path
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import accel  # isort: skip

import limit_lives
import limit_parts
import many_keys
import orjson
from sides import ACCEL, PLAIN, all_native
from tokens import told

RESULTS = Path(__file__).parent / "results" / "limits.json"
FEATURES = ("caching", "rate_limiting")


def many_keys_rows(keys: int) -> list[dict[str, Any]]:
    """Memory and admissions with so many keys, one row for each side, each in a process of its own."""
    rows = []
    for who in (PLAIN, ACCEL):
        row = {"side": who, **many_keys.told_by(who, keys)}
        # A tenth of them: tracing is slow.
        traced = many_keys.told_by(who, keys // 10, traced=True)
        rows.append({**row, "traced_keys": traced["keys"], "traced_bytes_per_key": traced["traced_bytes_per_key"]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="turns of each side in a row")
    parser.add_argument("--keys", type=int, default=100_000)
    options = parser.parse_args()
    present = [name for name in FEATURES if name in accel.status().features]
    all_native(*present)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    limit_lives.assert_equal_lives(loop)
    lives = chain(
        limit_lives.rows(loop, options.rounds),
        limit_lives.concurrent_rows(loop, options.rounds),
        [limit_lives.crowded_row(loop, options.rounds)],
    )
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "litellm": accel.status().litellm["version"],
        "build": accel.native.module.build_profile,
        "features": present,
        "lives": told(lives),
        "parts": told(limit_parts.rows(loop, options.rounds)),
        "many_keys": told(many_keys_rows(options.keys)),
    }
    for name in present:
        calls = accel.status().features[name]["calls"]
        assert calls["native"] > 0, calls
        assert not calls["failed"], calls
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
