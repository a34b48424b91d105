"""Interleaved timing: every contestant takes its turn in every round, so that noise meets all alike."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

Timed = dict[str, Callable[[Any], Any]]

_junk = bytearray(24_000_000)


def assert_equal(contestants: Timed, arguments: Sequence[Any]) -> None:
    """Every contestant must give the same answers before anything is timed."""
    for argument in arguments:
        answers = {name: run(argument) for name, run in contestants.items()}
        assert len(set(answers.values())) == 1, answers


def warm_us(
    contestants: Timed,
    argument: Any,
    *,
    rounds: int = 15,
    budget_s: float = 0.01,
    summary: Callable[[list[float]], float] = statistics.median,
) -> dict[str, float]:
    """Median (or another summary) of the time of a call on one argument again and again, in µs."""
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    repeats = {}
    for name, run in contestants.items():
        once = _time(run, argument, 1)
        repeats[name] = max(1, min(1000, int(budget_s / max(once, 1e-9))))
    for _ in range(rounds):
        for name, run in _shuffled(contestants):
            samples[name].append(_time(run, argument, repeats[name]) / repeats[name])
    return {name: summary(times) * 1e6 for name, times in samples.items()}


def cold_us(contestants: Timed, passages: Sequence[Any]) -> dict[str, float]:
    """Median time of one call on passages not counted before, the caches filled with junk, in µs."""
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    queue = list(passages)
    while len(queue) >= len(contestants):
        for name, run in _shuffled(contestants):
            passage = queue.pop()
            _dirty_caches()
            samples[name].append(_time(run, passage, 1))
    return {name: statistics.median(times) * 1e6 for name, times in samples.items()}


def _shuffled(contestants: Timed) -> list[tuple[str, Callable[[Any], Any]]]:
    return random.sample(list(contestants.items()), len(contestants))


def _time(run: Callable[[Any], Any], argument: Any, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run(argument)
    return time.perf_counter() - start


def _dirty_caches() -> None:
    for index in range(0, len(_junk), 4096):
        _junk[index] = (_junk[index] + 1) & 255
    sum(_junk[::512])
