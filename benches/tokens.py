"""The benchmark of token counting; `make bench-tokens`.

Every row asserts first that all contestants count the same, then times them interleaved in one run.
Raw figures go to `benches/results/tokens.json`; the README's tables are made from that file.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
from pathlib import Path
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import accel  # isort: skip

import corpus
import costs
import litellm
import litellm.litellm_core_utils.token_counter as counter
import orjson
from contestants import MODELS, contestants, exact_counters
from timing import assert_equal, cold_us, warm_us

RESULTS = Path(__file__).parent / "results" / "tokens.json"


def cold_rows(passages: int) -> list[dict[str, Any]]:
    """4,000 characters each, every passage counted once: whole `token_counter` calls, and the counter alone."""
    size = 4000
    sources = {
        "English (ASCII)": corpus.prose().encode("ascii", "ignore").decode(),
        "code (ASCII)": corpus.code().encode("ascii", "ignore").decode(),
        "Chinese, Japanese (non-ASCII)": corpus.chinese_and_japanese(passages * size),
    }
    rows = []
    for model in MODELS:
        for text, source in sources.items():
            starts = range(0, len(source) - size, size)
            # Drawn anew for each model, so that no passage is counted twice by one counter.
            chosen = [source[start : start + size] for start in random.sample(starts, min(passages, len(starts)))]
            whole, alone = contestants(model), exact_counters(model)
            assert_equal({**whole, **alone}, chosen[:5])
            row = {"text": text, "model": model.name}
            rows.append({"row": "cold 4,000 chars, token_counter", **row, "us": cold_us(whole, chosen[5:])})
            rows.append({"row": "cold 4,000 chars, counter alone", **row, "us": cold_us(alone, chosen[5:])})
    return rows


def warm_rows() -> list[dict[str, Any]]:
    """The same text again and again, from a word to a book."""
    texts = {
        "word (ASCII)": "user",
        "English 500 (ASCII)": corpus.prose()[1000:1500],
        "English 45,000 (ASCII)": corpus.prose()[:45_000],
        "code 45,000 (ASCII)": corpus.code()[:45_000],
        "JSON 24,000 (ASCII)": corpus.records(24_000),
        "Chinese, Japanese 4,000 (non-ASCII)": corpus.chinese_and_japanese(4000),
        "emoji 4,000 (non-ASCII)": corpus.emoji(4000),
        "English 1,000,000 (ASCII)": (corpus.prose() * 3)[:1_000_000],
        "'a' x 1,000,000 (ASCII)": "a" * 1_000_000,
    }
    rows = []
    for model in MODELS:
        for name, text in texts.items():
            who = contestants(model)
            assert_equal(who, [text])
            rounds = 15 if len(text) < 100_000 else 5
            rows.append(
                {"row": "warm", "text": name, "model": model.name, "us": warm_us(who, text, rounds=rounds)}
            )
    return rows


def off_row() -> dict[str, Any]:
    """A seam that is off against no seam at all."""
    replacement: Any = counter._get_exact_count_function

    def with_seam(text: str) -> int:
        counter._get_exact_count_function = replacement
        return litellm.token_counter(model="gpt-4o", text=text)

    def without(text: str) -> int:
        counter._get_exact_count_function = replacement.__wrapped__
        return litellm.token_counter(model="gpt-4o", text=text)

    with accel.disabled():
        assert_equal({"off": with_seam, "none": without}, ["user"])
        # The least of many: a fraction of a microsecond drowns in a median's noise.
        times = warm_us({"off": with_seam, "none": without}, "user", rounds=201, summary=min)
    counter._get_exact_count_function = replacement
    return {"row": "off", "us": times, "cost_us": times["off"] - times["none"]}


def busy_rows() -> list[dict[str, Any]]:
    """400,000 characters in a thread beside a busy main thread."""
    text = (corpus.prose() * 2)[:400_000]
    rows = []
    for model in MODELS:
        who = contestants(model)
        chosen = {name: who[name] for name in ("litellm", "accel")}
        assert_equal(chosen, [text])
        times = {name: costs.beside_busy_loop_ms(count, text) for name, count in chosen.items()}
        rows.append({"row": "beside a busy loop", "model": model.name, "ms": times})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=300)
    options = parser.parse_args()
    # A sampled comparison would be timed as accel's own work.
    accel.set_flag("token_counting", mode="on", percent=100, verify_percent=0)
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "litellm": accel.status().litellm["version"],
        "build": accel.native.module.build_profile,
        "rows": [],
    }
    for section in (cold_rows(options.passages), warm_rows(), busy_rows(), [off_row()]):
        for row in section:
            print(orjson.dumps(row).decode(), flush=True)
            result["rows"].append(row)
    result["import_ms"] = costs.import_ms()
    result["load"] = costs.load()
    print(orjson.dumps({"import_ms": result["import_ms"], "load": result["load"]}).decode())
    calls = accel.status().features["token_counting"]["calls"]
    assert calls["native"] > 0, calls
    assert not calls["failed"], calls
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
