"""Where processor time goes, by function, and beside each function what of accel takes it, or why nothing does.

A profile is made of samples: the stack of the main thread at every tick of a timer, idle ticks left out. Sampling
slows all code alike, unlike a tracing profiler, which makes small functions look large. Python looks for a tick
where a function begins or a loop goes round, so that the time of a long call into C is counted for the function
after it.

Two tables: *stages*, each sample counted once, at the innermost function that has a seam or a line in
`remains.json`; and *functions*, the most expensive ones whatever they are, by own time and with all that they
call.
"""

from __future__ import annotations

import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

import orjson
from sides import ACCEL, PLAIN

import accel
from accel.features import FEATURES

REMAINS = Path(__file__).parent / "remains.json"
"""By `module:qualname`: why no seam takes it. Each is a stage, too."""

_TICK_S = 0.001
_OTHERS = "everything else"
_THREADS = "other threads"

# Where a loop waits for work.
_IDLE = {("selectors", "EpollSelector.select"), ("asyncio.runners", "Runner.run")}

Stack = tuple[str, ...]
"""`module:qualname` of each function, the outermost first."""


@dataclass
class Profile:
    """What the rounds of one side added up to."""

    turns_us: list[float] = field(default_factory=list)
    """Processor time of a request, all threads, turn by turn."""
    cpu_s: float = 0.0
    thread_s: float = 0.0
    stacks: Counter[Stack] = field(default_factory=Counter)

    @property
    def cpu_us(self) -> float:
        """The median turn's."""
        return statistics.median(self.turns_us)

    @property
    def _thread_us(self) -> float:
        return self.cpu_us * self.thread_s / self.cpu_s

    @property
    def _sample_us(self) -> float:
        return self._thread_us / max(1, self.stacks.total())

    def stages_us(self, stage_of: Callable[[Stack], str]) -> dict[str, float]:
        """A request's time by stage; they add up to `cpu_us`."""
        found: Counter[str] = Counter()
        for stack, samples in self.stacks.items():
            found[stage_of(stack)] += samples
        result = {name: samples * self._sample_us for name, samples in found.items()}
        result[_THREADS] = self.cpu_us - self._thread_us
        return result

    def functions_us(self) -> tuple[dict[str, float], dict[str, float]]:
        """By function a request's own time in it, and with all that it calls."""
        own: Counter[str] = Counter()
        whole: Counter[str] = Counter()
        for stack, samples in self.stacks.items():
            own[stack[-1]] += samples
            for name in set(stack):
                whole[name] += samples
        each_us = self._sample_us
        return {name: n * each_us for name, n in own.items()}, {name: n * each_us for name, n in whole.items()}


class Rounds:
    """The profiles of both sides, which take turns."""

    def __init__(self) -> None:
        self.profiles = {PLAIN: Profile(), ACCEL: Profile()}

    @contextmanager
    def sampling(self, name: str, requests: int) -> Iterator[None]:
        """Sample the main thread inside the block, which makes so many requests on this side."""
        # By address: to hash a code object takes long. They are kept, so that no other one gets its address.
        stacks: Counter[tuple[int, ...]] = Counter()
        seen: dict[int, tuple[CodeType, str]] = {}

        def tick(_signal: int, frame: FrameType | None) -> None:
            codes = []
            while frame is not None:
                code = frame.f_code
                codes.append(id(code))
                if id(code) not in seen:
                    seen[id(code)] = code, frame.f_globals.get("__name__", "?")
                frame = frame.f_back
            stacks[tuple(codes)] += 1
            # Only now, so that no tick meets another.
            signal.setitimer(signal.ITIMER_REAL, _TICK_S)

        before = signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, _TICK_S)
        started = time.process_time(), time.thread_time()
        try:
            yield
        finally:
            cpu_s, thread_s = time.process_time() - started[0], time.thread_time() - started[1]
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        profile = self.profiles[name]
        profile.turns_us.append(cpu_s * 1e6 / requests)
        profile.cpu_s += cpu_s
        profile.thread_s += thread_s
        names = {key: (module, _qualname(code)) for key, (code, module) in seen.items()}
        for codes, samples in stacks.items():
            if names[codes[0]] not in _IDLE:
                profile.stacks[tuple(":".join(names[code]) for code in reversed(codes))] += samples


def table(profiles: Mapping[str, Profile], *, least_percent: float = 0.4) -> str:
    """The stages in Markdown, the most expensive first; small ones are added up."""
    reasons: dict[str, str] = orjson.loads(REMAINS.read_bytes())
    seams = _seams()
    stage_of = _stages({*reasons, *seams}, seams)
    plain, ours = (profiles[name].stages_us(stage_of) for name in (PLAIN, ACCEL))
    total, ours_total = profiles[PLAIN].cpu_us, profiles[ACCEL].cpu_us
    lines = ["| function, without those below that have a line | LiteLLM µs | share | accel µs | taken by |"]
    lines += ["|---|--:|--:|--:|---|"]
    small = [0.0, 0.0]
    for name in sorted({*plain, *ours}, key=lambda name: -plain.get(name, 0.0)):
        theirs_us, ours_us = plain.get(name, 0.0), ours.get(name, 0.0)
        if max(theirs_us, ours_us) < least_percent / 100 * total and name != _OTHERS:
            small[0] += theirs_us
            small[1] += ours_us
            continue
        by = f"seam of `{seams[name]}`" if name in seams else reasons.get(name, "")
        lines.append(f"| `{name}` | {theirs_us:.0f} | {theirs_us / total:.1%} | {ours_us:.0f} | {by} |")
    lines.append(f"| smaller ones | {small[0]:.0f} | {small[0] / total:.1%} | {small[1]:.0f} | |")
    lines.append(f"| **a request** | {total:.0f} | 100% | {ours_total:.0f} ({ours_total / total:.2f}×) | |")
    return "\n".join(lines)


def functions(profiles: Mapping[str, Profile], number: int) -> str:
    """The most expensive functions as they are now, with accel: own time, and with all that they call."""
    own, whole = profiles[ACCEL].functions_us()
    lines = []
    for title, by in (("with all that it calls", whole), ("own", own)):
        lines += [f"\n{title}: µs, µs own"]
        for name in sorted(by, key=lambda name: -by[name])[:number]:
            lines.append(f"{whole[name]:8.0f} {own.get(name, 0.0):7.0f}  {name}")
    return "\n".join(lines)


def _qualname(code: CodeType) -> str:
    # Python 3.10 has none.
    return getattr(code, "co_qualname", code.co_name).replace(".<locals>", "")


def _seams() -> dict[str, str]:
    """The feature of each seam that is in."""
    return {
        seam["target"]: name
        for name, feature in accel.status().features.items()
        for seam in feature.get("seams", ())
        if seam["state"] == "applied"
    }


def _stages(names: Iterable[str], seams: Mapping[str, str]) -> Callable[[Stack], str]:
    known = frozenset(names)
    # accel's functions have the names of those that they stand for; where a file has one seam, all is that one's.
    by_name = {target.rpartition(":")[2].rpartition(".")[2]: target for target in seams}
    files: dict[str, set[str]] = {}
    for seam in (seam for feature in FEATURES.values() for seam in feature.seams):
        files.setdefault(seam.build.__module__, set()).add(seam.target)
    alone = {module: next(iter(targets)) for module, targets in files.items() if len(targets) == 1}

    def stage_of(stack: Stack) -> str:
        for name in reversed(stack):
            if name in known:
                return name
            module, _, qualname = name.partition(":")
            if module.startswith("accel.features."):
                target = by_name.get(qualname.rpartition(".")[2]) or alone.get(module)
                if target is not None:
                    return target
        return _OTHERS

    return stage_of
