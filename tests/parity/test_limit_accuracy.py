"""The table of `benches/limit_windows.py`: the most that each window admits in any 60 s."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "benches" / "limit_windows.py"
STUDY = ("5 min idle, then 10/s", "Poisson, 2x the limit", "20 s at 10/s, 40 s off")


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str], tuple[int, float]]:
    """Admitted, and the worst 60 s in limits, by traffic and window."""
    ended = subprocess.run([sys.executable, str(BENCH)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    head, _, *rows = [line.strip("| ").split(" | ") for line in ended.stdout.splitlines()]
    found = {}
    for traffic, _, *cells in rows:
        for window, cell in zip(head[2:], cells, strict=True):
            admitted, worst = cell.split(" / ")
            found[traffic, window] = (int(admitted), float(worst.removesuffix("x")))
    return found


def test_the_sliding_window(table: dict[tuple[str, str], tuple[int, float]]) -> None:
    for traffic in (*STUDY, "bursts around a window's end"):
        admitted, worst = table[traffic, "sliding_window"]
        assert worst <= 1.03
        assert admitted >= table[traffic, "exact log"][0], "nobody waits longer than under an exact log"
    # Known and told: who aims at the end of a sub-bucket is let in a second early.
    assert table["bursts at a sub-bucket's end", "sliding_window"][1] == 2.0


def test_the_token_bucket(table: dict[tuple[str, str], tuple[int, float]]) -> None:
    for (_, window), (_, worst) in table.items():
        if window == "token_bucket 10 %":
            assert worst <= 1.1, "the burst and what a minute works off"
    assert table["20 s at 10/s, 40 s off", "token_bucket 10 %"][0] < 1_500, "pacing has its price"
    assert table["5 min idle, then 10/s", "token_bucket 100 %"][1] > 1.9


def test_litellms_own(table: dict[tuple[str, str], tuple[int, float]]) -> None:
    assert table["bursts around a window's end", "fixed (LiteLLM)"][1] > 1.9
    assert table["Poisson, 2x the limit", "fixed (LiteLLM)"][1] > 1.3
