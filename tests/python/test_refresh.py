"""The watch over flags and status goes on in a forked process, which reports for itself."""

import os
from pathlib import Path

from support.processes import run_python

# The child waits for its own snapshot, then for a flag file that it changes itself.
FORKING = """
import os, time
import accel

def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)

def reported():
    return os.path.exists(f"{os.environ['ACCEL_STATE_DIR']}/{os.getpid()}.json")

def mode():
    return accel.status().features["token_counting"]["mode"]

wait_for(reported)
child = os.fork()
wait_for(reported)
if not child:
    with open(os.environ["ACCEL_FLAGS"], "w") as flags:
        flags.write('{"features": {"token_counting": {"mode": "shadow"}}}')
wait_for(lambda: mode() == "shadow")
if child:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_after_a_fork_both_processes_report_and_take_changed_flags(tmp_path: Path) -> None:
    flags = tmp_path / "settings.json"
    flags.write_text('{"features": {}}')
    environ = {**os.environ, "ACCEL_STATE_DIR": str(tmp_path), "ACCEL_FLAGS": str(flags)}
    ended = run_python(FORKING, environ=environ)
    assert (ended.stdout, ended.returncode) == ("0\n", 0), ended.stderr


def test_an_import_loads_nothing_that_only_a_report_needs() -> None:
    code = """
import sys, accel
lazy = {"accel.report", "accel.refresh", "accel.state", "accel.ticker"}
print(sorted(lazy & sys.modules.keys()), set(accel.__all__) <= set(dir(accel)), "litellm" in sys.modules)
print(all(hasattr(accel, name) for name in accel.__all__), hasattr(accel, "nonsense"))
"""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ACCEL_")}
    assert run_python(code, environ=environ).stdout == "[] True False\nTrue False\n"
