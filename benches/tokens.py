"""The benchmark of token counting; `make bench-tokens`.

Every row asserts first that all contestants count the same, then times them interleaved in one run.
Raw figures go to `benches/results/tokens.json`; the README's tables are made from that file.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import accel  # isort: skip

import corpus
import costs
import litellm
import orjson
import prompt_rows
from contestants import MODELS, contestants, exact_counters
from sides import ACCEL, PLAIN, all_native, counting_side, side
from timing import as_it_is, assert_equal, fresh_us, warm_us

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
            row = {"text": text, "model": model.name}
            for what, make, stage, shift in (
                ("token_counter", contestants, side, 0),
                # A count function is made once and needs no seam; its passages are others.
                ("counter alone", exact_counters, as_it_is, size // 2),
            ):
                starts = range(shift, len(source) - size, size)
                chosen = [source[at : at + size] for at in random.sample(starts, min(passages, len(starts)))]
                who = make(model)
                assert_equal(who, chosen[:5], stage=stage)
                us = fresh_us(who, chosen[5:], first=chosen[0], cold=True, stage=stage)
                rows.append({"row": f"cold 4,000 chars, {what}", **row, "us": us})
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
            assert_equal(who, [text], stage=counting_side)
            rounds = 15 if len(text) < 100_000 else 5
            us = warm_us(who, text, rounds=rounds, stage=counting_side)
            rows.append({"row": "warm", "text": name, "model": model.name, "us": us})
    return rows


def off_row() -> dict[str, Any]:
    """A seam that is off against no seam at all."""

    def count(text: str) -> Any:
        return litellm.token_counter(model="gpt-4o", text=text)

    def stage(name: str) -> AbstractContextManager[Any]:
        return side(PLAIN if name == "none" else ACCEL)

    who = {"off": count, "none": count}
    with accel.disabled():
        assert_equal(who, ["user"], stage=stage)
        # The least of many: a fraction of a microsecond drowns in a median's noise.
        times = warm_us(who, "user", rounds=201, summary=min, stage=stage)
    return {"row": "off", "us": times, "cost_us": times["off"] - times["none"]}


def busy_rows() -> list[dict[str, Any]]:
    """400,000 characters in a thread beside a busy main thread."""
    text = (corpus.prose() * 2)[:400_000]
    rows = []
    for model in MODELS:
        who = contestants(model)
        chosen = {name: who[name] for name in (PLAIN, ACCEL)}
        assert_equal(chosen, [text], stage=counting_side)
        times = {}
        for name, count in chosen.items():
            with counting_side(name):
                count(text)
                times[name] = costs.beside_busy_loop_ms(count, text)
        rows.append({"row": "beside a busy loop", "model": model.name, "ms": times})
    return rows


def told(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each printed as soon as it is measured."""
    kept = []
    for row in rows:
        print(orjson.dumps(row).decode(), flush=True)
        kept.append(row)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=300)
    parser.add_argument("--prompts", type=int, default=30, help="new prompts for each contestant of a row")
    parser.add_argument(
        "--only-prompts", action="store_true", help="print the rows about whole prompts; write nothing"
    )
    options = parser.parse_args()
    all_native()
    prompts = told(prompt_rows.rows(options.prompts))
    if options.only_prompts:
        return
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "litellm": accel.status().litellm["version"],
        "build": accel.native.module.build_profile,
        "prompts": prompts,
        "rows": told(chain(cold_rows(options.passages), warm_rows(), busy_rows(), [off_row()])),
    }
    result["import_ms"] = costs.import_ms()
    result["load"] = costs.load()
    result["memo"] = costs.memo_memory()
    print(orjson.dumps({name: result[name] for name in ("import_ms", "load", "memo")}).decode())
    calls = accel.status().features["token_counting"]["calls"]
    assert calls["native"] > 0, calls
    assert not calls["failed"], calls
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
