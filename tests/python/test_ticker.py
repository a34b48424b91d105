"""The ticker, with real threads and real forks."""

import logging
import threading

import pytest

from accel.ticker import Ticker
from support.processes import run_python, wait_until


def test_ticks_until_stopped() -> None:
    ticks = threading.Semaphore(0)
    ticker = Ticker(lambda: ticks.release(), interval_s=0.01)
    assert not ticker.running
    assert ticker.start()
    assert ticks.acquire(timeout=60)
    assert ticks.acquire(timeout=60)
    ticker.stop()
    assert not ticker.running
    ticker.stop()


def test_starting_twice_is_one_thread() -> None:
    ticker = Ticker(lambda: None, interval_s=60, name="only-one")
    try:
        assert ticker.start()
        assert ticker.start()
        assert [thread.name for thread in threading.enumerate()].count("only-one") == 1
    finally:
        ticker.stop()


def test_a_failing_tick_is_logged_once_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    ticks = 0

    def fail() -> None:
        nonlocal ticks
        ticks += 1
        raise BaseException("as a Rust panic is")

    ticker = Ticker(fail, interval_s=0.01)
    with caplog.at_level(logging.ERROR, logger="accel"):
        ticker.start()
        wait_until(lambda: ticks >= 3)
        ticker.stop()
    assert [record.name for record in caplog.records].count("accel") == 1


def test_stopping_from_the_tick_itself() -> None:
    done = threading.Event()

    def stop() -> None:
        ticker.stop()
        done.set()

    ticker = Ticker(stop, interval_s=0.01)
    ticker.start()
    assert done.wait(10)
    wait_until(lambda: not ticker.running)


def test_interpreter_exit_is_not_held_up() -> None:
    code = """
import threading
from accel.ticker import Ticker
Ticker(threading.Event().wait, interval_s=0.001).start()
"""
    assert run_python(code, timeout_s=120).returncode == 0


FORK = """
import os, sys, threading
at_fork = []
# Hooks before a fork run last-registered first: this one sees what accel's hook left.
os.register_at_fork(before=lambda: at_fork.append([t.name for t in threading.enumerate()]))
from accel.ticker import Ticker

ticked = threading.Semaphore(0)
ticker = Ticker(ticked.release, interval_s=0.01)
if sys.argv[1] == "running":
    ticker.start()
    assert ticked.acquire(timeout=60)
child = os.fork()
if sys.argv[1] == "running":
    while ticked.acquire(blocking=False):
        pass
    alive = ticker.running and ticked.acquire(timeout=60)
else:
    alive = not ticker.running and ticker.start() and ticked.acquire(timeout=60)
if child == 0:
    os._exit(0 if alive else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, "the child"
assert alive, "the parent"
assert at_fork == [["MainThread"]], at_fork
"""


@pytest.mark.parametrize("state", ["running", "idle"])
def test_no_thread_lives_through_a_fork_and_both_sides_go_on(state: str) -> None:
    ended = run_python(f"import sys; sys.argv = ['', {state!r}]\n{FORK}", options=["-W", "error"])
    assert (ended.returncode, ended.stderr) == (0, "")


def test_forks_of_many_threads_at_once_do_not_lock_up() -> None:
    code = """
import os, threading
from accel.ticker import Ticker

tickers = [Ticker(lambda: None, interval_s=0.001) for _ in range(3)]
for ticker in tickers:
    ticker.start()

def forks():
    for _ in range(10):
        child = os.fork()
        if child == 0:
            os._exit(0 if all(ticker.running for ticker in tickers) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

threads = [threading.Thread(target=forks) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert all(ticker.running for ticker in tickers)
"""
    # Python warns of forks beside other threads; here those are the test's own.
    ended = run_python(code, options=["-W", "ignore"], timeout_s=120)
    assert (ended.returncode, ended.stderr) == (0, "")
