"""A profile of all threads that a run uses, as a table: share of the time by LiteLLM's functions.

Time in libraries and built-in functions counts for the function of LiteLLM (or accel) that called them. Waiting
(the event loop's poll, locks, queues of idle threads) is left out. The profiler makes small functions look larger
than they are: the table says where to look, not what a change would win.
"""

from __future__ import annotations

import cProfile
import pstats
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

import litellm

import accel
from accel.features import FEATURES
from accel.features.replaced import original_of
from accel.fingerprint import live

Place = tuple[str, int, str]
"""File, first line and name, as `pstats` tells functions apart."""

_HOMES = {str(Path(litellm.__file__).parent): "litellm", str(Path(accel.__file__).parent): "accel"}
_WAITING = ("method 'poll' of", "method 'acquire' of", "method 'get' of '_queue.", "built-in method time.sleep")
_PASSES = 40
"""How far up a chain of library calls the time is carried."""


class Profile:
    """Profiles the thread it is started in, and those of the pools given to `watch`."""

    def __init__(self) -> None:
        self._profiles = [cProfile.Profile(time.thread_time)]
        self._lock = threading.Lock()

    def watch(self, pool: ThreadPoolExecutor) -> None:
        """Profile the threads of a pool that has not started any."""
        assert not pool._threads
        pool._initializer = self._begin  # type: ignore[assignment]

    def _begin(self) -> None:
        profile = cProfile.Profile(time.thread_time)
        with self._lock:
            self._profiles.append(profile)
        profile.enable()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Only what runs in the block counts, in whichever thread."""
        for profile in self._profiles:
            profile.clear()
        self._profiles[0].enable()
        try:
            yield
        finally:
            self._profiles[0].disable()

    def table(self) -> Table:
        """What was seen."""
        whole: pstats.Stats | None = None
        for profile in self._profiles:
            profile.create_stats()
            if profile.stats:  # type: ignore[attr-defined]
                whole = pstats.Stats(profile) if whole is None else whole.add(profile)
        assert whole is not None
        return Table(whole.stats)  # type: ignore[attr-defined]


@dataclass
class Table:
    """Shares of one profile."""

    stats: Mapping[Place, Any]
    own: dict[Place, float] = field(default_factory=dict)
    """Seconds in the function itself and in the libraries it called."""
    total_s: float = 0.0

    def __post_init__(self) -> None:
        self.own = self._carried_up()
        self.total_s = sum(self.own.values())

    def _carried_up(self) -> dict[Place, float]:
        kept: dict[Place, float] = defaultdict(float)
        moving: dict[Place, float] = defaultdict(float)
        for place, (_, _, own_s, _, _) in self.stats.items():
            if not any(word in place[2] for word in _WAITING):
                (kept if home(place) else moving)[place] += own_s
        for _ in range(_PASSES):
            further: dict[Place, float] = defaultdict(float)
            for place, seconds in moving.items():
                callers = self.stats[place][4]
                weights = {caller: counts[3] for caller, counts in callers.items() if caller != place}
                whole_s = sum(weights.values())
                if not whole_s:
                    kept[place] += seconds
                    continue
                for caller, weight in weights.items():
                    (kept if home(caller) else further)[caller] += seconds * weight / whole_s
            moving = further
        for place, seconds in moving.items():
            kept[place] += seconds
        return dict(kept)

    def rows(self, least_percent: float) -> Iterator[tuple[float, float, int, str]]:
        """Own and inclusive share in percent, calls and name, the most expensive first; then all others as one."""
        hidden = 0.0
        for place, seconds in sorted(self.own.items(), key=lambda item: -item[1]):
            share = 100 * seconds / self.total_s
            if share < least_percent:
                hidden += share
                continue
            _, calls, _, inclusive_s, _ = self.stats[place]
            yield share, 100 * inclusive_s / self.total_s, calls, named(place)
        yield hidden, hidden, 0, "(smaller ones)"

    def text(self, requests: int, least_percent: float, remarks: Mapping[str, str]) -> str:
        """The table for people; `remarks` say why a function has no seam."""
        seams = seams_by_name()
        lines = [" own %  with callees %  calls/request  function  [seam, or why not]"]
        for own, inclusive, calls, name in self.rows(least_percent):
            remark = seams.get(name) or remarks.get(name, "")
            lines.append(
                f"{own:6.1f} {inclusive:9.1f} {calls / requests:10.1f}  {name}" + f"  [{remark}]" * bool(remark)
            )
        return "\n".join(lines)


def home(place: Place) -> str:
    """`litellm`, `accel`, or nothing for libraries."""
    return next((name for folder, name in _HOMES.items() if place[0].startswith(folder + "/")), "")


def named(place: Place) -> str:
    """`module:function` as people say it."""
    for folder, name in _HOMES.items():
        if place[0].startswith(folder + "/"):
            module = place[0][len(folder) + 1 :].removesuffix(".py").replace("/", ".")
            return f"{name}.{module}:{place[2]}"
    return f"{place[0].rpartition('/')[2]}:{place[2]}"


def seams_by_name() -> dict[str, str]:
    """The function's name as `named` has it, and the seams that stand for it."""
    found: dict[str, str] = {}
    for feature in FEATURES.values():
        for seam in feature.seams:
            for member in (*seam.reproduces, seam.target):
                try:
                    function = original_of(live(member))
                except (AttributeError, KeyError):
                    continue
                if isinstance(function, FunctionType):
                    code = function.__code__
                    place = (code.co_filename, code.co_firstlineno, code.co_name)
                    found.setdefault(named(place), f"{feature.name}: {seam.attribute}")
    return found
