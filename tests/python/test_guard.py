"""The guard as Python sees it; its rules are tested in tests/core/guard."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from accel._accel import NATIVE, PATH_MASK, PYTHON, SHADOW, VERIFY, Guard, ManualClock


def make(
    mode: str = "on", percent: float = 100, verify_percent: float = 0, clock: ManualClock | None = None
) -> Guard:
    guard = Guard("feature", seed=1, clock=clock)
    guard.configure(mode, percent, verify_percent, [], [])
    return guard


def path(guard: Guard, labels: tuple[str, ...] | None = None) -> int:
    return guard.admit(guard.next_unit(), labels) & PATH_MASK


def test_constants() -> None:
    assert (NATIVE, VERIFY, SHADOW, PYTHON, PATH_MASK) == (0, 1, 2, 3, 3)


def test_a_new_guard_is_off() -> None:
    guard = Guard("feature")
    assert guard.feature == "feature"
    assert guard.bypassed()
    assert path(guard) == PYTHON
    assert guard.status() == {
        "mode": "off",
        "percent": 0.0,
        "verify_percent": 0.0,
        "include": [],
        "exclude": [],
        "breaker": {
            "state": "closed",
            "opened_by": None,
            "times_opened": 0,
            "retry_in_ms": None,
            "trials": None,
        },
        "calls": {
            "native": 0,
            "python": {"off": 2},
            "failed": 0,
            "failed_by": {},
            "mismatched": 0,
            "verified": 0,
            "abandoned": 0,
        },
        "latency_ns": {
            "native": {"count": 0, "p50": 0, "p99": 0, "mean": 0},
            "python": {"count": 0, "p50": 0, "p99": 0, "mean": 0},
        },
    }


@pytest.mark.parametrize(
    ("mode", "percent", "verify_percent", "message"),
    [
        ("fast", 1, 1, "mode must be 'off', 'shadow' or 'on', not \"fast\""),
        ("on", 101, 0, "percent must be a number from 0 to 100 in steps of 0.001, not 101"),
        ("on", -1, 0, "percent must be a number from 0 to 100 in steps of 0.001, not -1"),
        ("on", 0.0004, 0, "percent must be a number from 0 to 100 in steps of 0.001, not 0.0004"),
        ("on", float("nan"), 0, "percent must be a number from 0 to 100 in steps of 0.001, not NaN"),
        ("on", 1, 100.001, "verify_percent must be a number from 0 to 100 in steps of 0.001, not 100.001"),
    ],
)
def test_bad_settings_are_refused_and_change_nothing(
    mode: str, percent: float, verify_percent: float, message: str
) -> None:
    guard = make(percent=25)
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the whole message is compared
        guard.configure(mode, percent, verify_percent, [], [])
    assert str(raised.value) == message
    assert (guard.status()["mode"], guard.status()["percent"]) == ("on", 25.0)


@pytest.mark.parametrize(
    ("mode", "verify_percent", "expected"),
    [("on", 0, NATIVE), ("on", 100, VERIFY), ("shadow", 0, SHADOW), ("off", 0, PYTHON)],
)
def test_modes(mode: str, verify_percent: float, expected: int) -> None:
    assert path(make(mode, verify_percent=verify_percent)) == expected


def test_percentage_is_the_bucket() -> None:
    guard = make(percent=25)
    for unit in (*range(1000), 2**63, 2**64 - 1):
        assert (guard.admit(unit) & PATH_MASK == NATIVE) == (guard.bucket(unit) < 25_000)


def test_targeting() -> None:
    guard = Guard("feature")
    guard.configure("on", 0, 0, ["canary"], ["never"])
    assert path(guard, ("x", "canary")) == NATIVE
    assert path(guard, ("canary", "never")) == PYTHON
    assert path(guard, ("x",)) == PYTHON
    assert path(guard) == PYTHON
    assert guard.status()["calls"]["python"] == {"excluded": 1, "percent": 2}
    assert (guard.status()["include"], guard.status()["exclude"]) == (["canary"], ["never"])


def test_a_label_that_is_no_text_is_in_no_list() -> None:
    guard = Guard("feature")
    guard.configure("on", 0, 0, ["canary"], [])
    assert path(guard, (None, "\ud800", 3, "canary")) == NATIVE  # type: ignore[arg-type]


def test_every_outcome_is_accounted_for() -> None:
    clock = ManualClock()
    guard = make(clock=clock)

    def call(outcome: Callable[[int], None]) -> None:
        ticket = guard.admit(guard.next_unit())
        clock.advance_ms(2)
        outcome(ticket)

    call(guard.handled)
    call(lambda ticket: guard.declined(ticket, "tools"))
    call(lambda ticket: guard.failed(ticket, "ValueError"))
    call(lambda ticket: guard.failed(ticket, "ValueError", replayed=False))
    call(guard.abandoned)
    guard.configure("on", 100, 100, [], [])
    call(lambda ticket: guard.compared(ticket, True))
    guard.configure("shadow", 100, 0, [], [])
    call(lambda ticket: guard.compared(ticket, True))
    guard.configure("on", 0, 0, [], [])
    call(guard.answered_by_python)
    guard.configure("on", 100, 100, [], [])
    call(lambda ticket: guard.compared(ticket, False))

    status = guard.status()
    assert status["calls"] == {
        "native": 2,
        "python": {"declined: tools": 1, "failed": 1, "mismatch": 1, "percent": 1, "shadow": 1},
        "failed": 2,
        "failed_by": {"ValueError": 2},
        "mismatched": 1,
        "verified": 2,
        "abandoned": 1,
    }
    for side in ("native", "python"):
        latency = status["latency_ns"][side]
        assert (latency["count"], latency["mean"]) == (1, 2_000_000)
        assert latency["p50"] == latency["p99"] == pytest.approx(2_000_000, rel=1 / 16)
    json.dumps(status)


def test_the_breaker_through_the_border() -> None:
    clock = ManualClock(now_ns=5)
    guard = make(clock=clock)
    guard.failed(guard.admit(0), "PanicException", panic=True)
    assert guard.status()["breaker"] == {
        "state": "open",
        "opened_by": "panic",
        "times_opened": 1,
        "retry_in_ms": 30_000,
        "trials": None,
    }
    assert path(guard) == PYTHON
    clock.advance_ms(30_000)
    assert guard.status()["breaker"]["trials"] == {"succeeded": 0, "needed": 100, "in_flight": 0}
    ticket = guard.admit(0)
    assert ticket & PATH_MASK == SHADOW
    guard.compared(ticket, False)
    assert guard.status()["breaker"]["state"] == "latched"
    guard.reset_errors()
    assert path(guard) == NATIVE


@pytest.mark.parametrize(("ticket", "error"), [(-1, ValueError), (2**63, OverflowError), ("1", TypeError)])
def test_what_is_no_ticket_is_refused(ticket: int, error: type[Exception]) -> None:
    guard = make()
    for outcome in (guard.handled, guard.abandoned, guard.answered_by_python):
        with pytest.raises(error):
            outcome(ticket)
    assert guard.status()["calls"]["native"] == 0


def test_tickets_are_never_negative() -> None:
    guard = make(clock=ManualClock(now_ns=2**64 - 1))
    assert all(0 <= guard.admit(unit) < 2**63 for unit in range(100))


def test_many_threads_keep_one_account() -> None:
    calls_per_thread, threads = 5_000, 8
    guard = make(percent=50, verify_percent=10)
    guard.configure("on", 50, 10, ["canary"], [])
    start = threading.Barrier(threads)
    errors: list[BaseException] = []

    def hammer(number: int) -> None:
        try:
            start.wait()
            for call in range(calls_per_thread):
                ticket = guard.admit(guard.next_unit(), ("x", "canary" if call % 3 == 0 else "y"))
                way = ticket & PATH_MASK
                if way == PYTHON:
                    guard.answered_by_python(ticket)
                elif call % 50 == number:
                    guard.failed(ticket, "ValueError")
                elif call % 50 == 49:
                    guard.declined(ticket, "tools")
                elif way == NATIVE:
                    guard.handled(ticket)
                else:
                    guard.compared(ticket, True)
                if call % 100 == 0:
                    guard.reset_errors()
                    guard.configure("on", 50, 10, ["canary"], ["never"])
                    guard.status()
        except BaseException as error:  # noqa: BLE001  # handed to the test's own thread
            errors.append(error)

    workers = [threading.Thread(target=hammer, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    calls = guard.status()["calls"]
    assert calls["native"] + sum(calls["python"].values()) == calls_per_thread * threads
    assert calls["failed"] == calls["python"]["failed"] > 0
