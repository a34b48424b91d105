"""One run of LiteLLM's own tests, in this fresh process: `upstream.py` starts it and reads what it writes.

    python scripts/upstream_run.py off|on <file for the outcomes> <pytest's arguments>

The current directory is LiteLLM's checkout. Its tests put it in front of the import path and some reload
LiteLLM, so the installed package is made the only one that `import litellm` can find.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TextIO

import pytest

_REASON_CHARS: Final = 300
_LOADED_LATE: Final = "litellm.litellm_core_utils.token_counter"  # lazily by LiteLLM; the seams wait for it


class InstalledLiteLLM(MetaPathFinder):
    """Finds `litellm` where this environment has it, whatever has been put into `sys.path` since."""

    def __init__(self) -> None:
        self._path = list(sys.path)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, self._path) if fullname == "litellm" else None


class Recorder:
    """A pytest plugin: a line of JSON for each test, and for each file that could not be collected."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._outcome: dict[str, tuple[str, str]] = {}

    def write(self, **facts: Any) -> None:
        self._output.write(json.dumps(facts) + "\n")
        self._output.flush()  # what is known survives a crash of this process

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.write(test=report.nodeid, outcome="not collected", reason=_reason(report))
        elif report.skipped:
            self.write(test=report.nodeid, outcome="skipped", reason=_reason(report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome: str = report.outcome if report.when == "call" or not report.failed else "error"
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
        if report.when == "call" or outcome in ("error", "skipped", "xfailed"):
            self._outcome[report.nodeid] = (outcome, "" if report.passed else _reason(report))
        if report.when == "teardown" and report.nodeid in self._outcome:
            last, reason = self._outcome.pop(report.nodeid)
            self.write(test=report.nodeid, outcome=last, reason=reason)


def _reason(report: pytest.CollectReport | pytest.TestReport) -> str:
    """One line: what was raised, or why it was skipped."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        text = str(crash.message)
    elif isinstance(report.longrepr, tuple):
        text = str(report.longrepr[2])
    else:
        raised = [line[1:] for line in str(report.longrepr).splitlines() if line.startswith("E ")]
        text = raised[-1] if raised else str(report.longrepr)
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:_REASON_CHARS]


def _switch_on() -> None:
    """Every call of every feature native, none sampled: a sample would call LiteLLM's functions once more."""
    import accel

    for name, row in accel.status().features.items():
        # What is off by default answers otherwise than LiteLLM, but for the lane's front.
        if row["mode"] != "off" or name == "request_lane":
            accel.set_flag(name, mode="on", percent=100, verify_percent=0)


def _account() -> dict[str, Any]:
    """What accel says of this process; plain LiteLLM has nothing to say."""
    facts: dict[str, Any] = {"litellm": sys.modules["litellm"].__file__, "accel": "accel" in sys.modules}
    if facts["accel"]:
        import accel

        features = accel.status().features
        facts["features"] = {name: row["calls"] for name, row in features.items()}
        facts["seams"] = [seam for row in features.values() for seam in row["seams"]]
    return facts


def main() -> int:
    mode, path, *arguments = sys.argv[1:]
    sys.meta_path.insert(0, InstalledLiteLLM())
    if mode == "on":
        import accel  # noqa: F401  # before LiteLLM, as users are told
    importlib.import_module(_LOADED_LATE)
    if mode == "on":
        _switch_on()
    with Path(path).open("w", encoding="utf-8") as output:
        recorder = Recorder(output)
        recorder.write(start=_account())
        sys.path.insert(0, os.getcwd())  # as `python -m pytest` does
        code = pytest.main(arguments, plugins=[recorder])
        recorder.write(end=_account())
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
