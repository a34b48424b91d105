"""Prints, as Markdown, how the guard behaves: every number comes from calls to the native module now."""

from __future__ import annotations

from accel._accel import NATIVE, PATH_MASK, Guard, ManualClock

UNITS = 100_000
SHARES = (0, 0.001, 0.1, 1, 5, 25, 50, 75, 99.999, 100)
SEED = 20261121


def admitted(feature: str, percent: float) -> set[int]:
    """The units that a fresh guard, as in another process, sends native."""
    guard = Guard(feature, SEED)
    guard.configure("on", percent, 0, [], [])
    return {unit for unit in range(UNITS) if guard.admit(unit) & PATH_MASK == NATIVE}


def yes(fact: bool) -> str:
    return "yes" if fact else "NO"


def rollout_table() -> None:
    print(f"### Rollout: {UNITS:,} units, two features\n")
    print("| percent | admitted | share | sticky | keeps the row above | overlap | if independent |")
    print("|--:|--:|--:|:-:|:-:|--:|--:|")
    before: set[int] = set()
    for percent in SHARES:
        members = admitted("token_counting", percent)
        others = admitted("routing", percent)
        sticky = members == admitted("token_counting", percent)
        overlap = len(members & others) / UNITS
        print(
            f"| {percent:g} % | {len(members):,} | {len(members) / UNITS:.3%} | {yes(sticky)} "
            f"| {yes(before <= members)} | {overlap:.3%} | {(percent / 100) ** 2:.3%} |"
        )
        before = members


class Life:
    """One guard's breaker on a clock that is moved by hand; each event prints a row."""

    def __init__(self, title: str) -> None:
        self.clock = ManualClock()
        self.guard = Guard("token_counting", SEED, self.clock)
        self.guard.configure("on", 100, 0, [], [])
        self.seconds = 0
        print(f"\n### {title}\n")
        print("| time | event | state | opened by | openings | trials in | trials | a call now goes |")
        print("|--:|:--|:--|:--|--:|--:|:--|:--|")

    def wait(self, seconds: int) -> Life:
        self.clock.advance_ms(seconds * 1000)
        self.seconds += seconds
        return self

    def fail(self, times: int = 1) -> Life:
        for _ in range(times):
            self.guard.failed(self.guard.admit(self.guard.next_unit()), "ValueError")
        return self

    def compare(self, equal: bool, times: int = 1) -> Life:
        for _ in range(times):
            self.guard.compared(self.guard.admit(self.guard.next_unit()), equal)
        return self

    def succeed(self, times: int) -> Life:
        for _ in range(times):
            self.guard.handled(self.guard.admit(self.guard.next_unit()))
        return self

    def row(self, event: str) -> Life:
        breaker = self.guard.status()["breaker"]
        trials = breaker["trials"]
        probe = self.guard.admit(self.guard.next_unit())
        self.guard.abandoned(probe)
        way = ("native", "verify", "shadow", "python")[probe & PATH_MASK]
        wait = "" if breaker["retry_in_ms"] is None else f"{breaker['retry_in_ms'] / 1000:g} s"
        progress = "" if trials is None else f"{trials['succeeded']} of {trials['needed']}"
        print(
            f"| {self.seconds} s | {event} | {breaker['state']} | {breaker['opened_by'] or ''} "
            f"| {breaker['times_opened']} | {wait} | {progress} | {way} |"
        )
        return self


def failures_table() -> None:
    life = Life("Breaker: failures")
    life.row("start").fail(9).row("9 failures").wait(61).fail(9).row("61 s later, 9 more")
    life.fail().row("the 10th in 60 s").wait(29).row("29 s later").wait(1).row("30 s later")
    for seconds in (60, 120, 240, 480, 600, 600):
        life.fail().row("a trial fails").wait(seconds)
    life.row("its time is over").succeed(2).row("2 trials succeed").succeed(1).row("the 3rd")
    life.fail(10).row("10 failures: back-off starts anew")


def distrust_table() -> None:
    life = Life("Breaker: a wrong answer")
    life.row("start").compare(False).row("one mismatch").wait(30).row("30 s later")
    life.compare(True, 99).row("99 equal answers").compare(True).row("the 100th")
    life.compare(False).row("a second mismatch").wait(86_400).row("a day later")
    life.guard.reset_errors()
    life.row("`reset_errors()`")


if __name__ == "__main__":
    rollout_table()
    failures_table()
    distrust_table()
