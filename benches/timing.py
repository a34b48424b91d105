"""Interleaved timing: every contestant takes its turn in every round, so that noise meets all alike."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

Timed = Mapping[str, Callable[[Any], Any]]
Clock = Callable[[Callable[[Any], Any], Any, int], float]
"""Seconds that a function takes for so many calls on one argument."""
Stage = Callable[[str], AbstractContextManager[Any]]
"""What must hold while the contestant of this name runs; set up and taken down outside of the timing."""

# What a stage sets up meets its first calls before the clock runs: tables that are made once, imports.
_UNTIMED_CALLS = 3

# Several times the second-level cache of any processor.
_junk, _sink = bytearray(24_000_000), bytearray(24_000_000)


def as_it_is(_: str) -> AbstractContextManager[Any]:
    """The stage of contestants that need nothing."""
    return nullcontext()


def assert_equal(contestants: Timed, arguments: Sequence[Any], *, stage: Stage = as_it_is) -> None:
    """Every contestant must give the same answers, types included, before anything is timed."""
    answers: dict[str, list[Any]] = {}
    for name, run in contestants.items():
        with stage(name):
            answers[name] = [run(argument) for argument in arguments]
    first, *others = answers.values()
    for other in others:
        assert other == first, answers
        assert [type(value) for value in other] == [type(value) for value in first], answers


def warm_us(
    contestants: Timed,
    argument: Any,
    *,
    rounds: int = 15,
    budget_s: float = 0.01,
    summary: Callable[[list[float]], float] = statistics.median,
    stage: Stage = as_it_is,
    clock: Clock | None = None,
) -> dict[str, float]:
    """Median (or another summary) of the time of a call on one argument again and again, in µs; by `clock`, or by
    the clock on the wall.
    """
    clock = clock or _time
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    repeats = {}
    for name, run in contestants.items():
        with stage(name):
            clock(run, argument, _UNTIMED_CALLS)
            once = clock(run, argument, 1)
        repeats[name] = max(1, min(1000, int(budget_s / max(once, 1e-9))))
    for _ in range(rounds):
        for name, run in _shuffled(contestants):
            with stage(name):
                clock(run, argument, min(repeats[name], _UNTIMED_CALLS))
                samples[name].append(clock(run, argument, repeats[name]) / repeats[name])
    return {name: summary(times) * 1e6 for name, times in samples.items()}


def fresh_us(
    contestants: Timed,
    arguments: Sequence[Any],
    *,
    first: Any,
    cold: bool = False,
    stage: Stage = as_it_is,
    clock: Clock | None = None,
) -> dict[str, float]:
    """Median time of one call on an argument that nobody has met before, in µs; each is given out once.

    Before it a contestant meets `first`, untimed. With `cold` the processor's caches are filled with junk
    in between. `clock` times a call of which only a part is meant.
    """
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    queue = list(arguments)
    while len(queue) >= len(contestants):
        for name, run in _shuffled(contestants):
            with stage(name):
                _time(run, first, _UNTIMED_CALLS)
                argument = queue.pop()
                if cold:
                    _dirty_caches()
                samples[name].append((clock or _time)(run, argument, 1))
    return {name: statistics.median(times) * 1e6 for name, times in samples.items()}


def processor_s(run: Callable[[Any], Any], argument: Any, repeats: int) -> float:
    """A clock: processor time of the whole process, which other work on the machine does not add to."""
    start = time.process_time()
    for _ in range(repeats):
        run(argument)
    return time.process_time() - start


def _shuffled(contestants: Timed) -> list[tuple[str, Callable[[Any], Any]]]:
    return random.sample(list(contestants.items()), len(contestants))


def _time(run: Callable[[Any], Any], argument: Any, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run(argument)
    return time.perf_counter() - start


def _dirty_caches() -> None:
    # Whole: a stride reaches but a few of a cache's sets.
    memoryview(_sink)[:] = _junk
