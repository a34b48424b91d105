"""The command `accel`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import orjson

from accel import flags, native
from accel.errors import FlagError
from accel.features import FEATURES

_EPILOG = """commands:
  run [--flag FEATURE=VALUE] [--] COMMAND …   start LiteLLM (or gunicorn, uvicorn, a script) with accel
  demo                                        a real proxy on a mock upstream, and what ran where
  doctor [--json]                             what accel does to the LiteLLM of this environment
  status [URL] [--json]                       what runs where, in every worker
  flags FEATURE VALUE                         change a running `accel run`: off, shadow, on or 25%
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="accel",
        description="Makes an existing LiteLLM install fast.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"accel {native.VERSION}")
    parser.add_argument("command", choices=["run", "demo", "doctor", "status", "flags"])
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(sys.argv[1:] if argv is None else argv)
    rest: list[str] = chosen.arguments
    # Each command imports what it needs: `accel run` must not load LiteLLM to start LiteLLM.
    if chosen.command == "run":
        from accel import run

        return run.main(rest, check_flag=_check_flag)
    if chosen.command == "demo":
        from accel.demo import driver

        return driver.main(rest)
    if chosen.command == "doctor":
        from accel import doctor

        return doctor.main(rest)
    if chosen.command == "status":
        from accel import fleet

        return fleet.main(rest)
    return _set_flag(rest)


def _check_flag(feature: str, value: str) -> None:
    """Raises `ValueError` for what no `ACCEL_<FEATURE>` may be."""
    if feature not in FEATURES:
        raise ValueError(f"unknown feature; known: {', '.join(sorted(FEATURES))}")
    try:
        flags.parse_value(value)
    except FlagError as error:
        raise ValueError(str(error)) from None


def _set_flag(argv: Sequence[str]) -> int:
    """`accel flags`: write the overlay that every process of a run looks at each second."""
    from accel.state import live_runs, read_overlay, write_overlay

    parser = argparse.ArgumentParser(prog="accel flags", description="change the flags of a running `accel run`")
    parser.add_argument("feature", choices=sorted(FEATURES))
    parser.add_argument("value", help="off, shadow, on or a percentage such as 25%%")
    parser.add_argument("--pid", type=int, help="the run's process; needed where several runs are live")
    chosen = parser.parse_args(argv)
    try:
        changes = flags.parse_value(chosen.value)
    except FlagError as error:
        return _complain(f"{chosen.feature} {error}")
    runs = [run for run in live_runs(os.environ) if chosen.pid in (None, run.process.pid)]
    if len(runs) != 1:
        listed = ", ".join(str(run.process.pid) for run in runs)
        return _complain(f"several runs: name one with --pid: {listed}" if runs else "no such run is live")
    (run,) = runs
    overlay = read_overlay(run.directory)
    if overlay.problem is not None:
        return _complain(overlay.problem)
    settings = {**overlay.flags.get("features", {})}
    settings[chosen.feature] = {**settings.get(chosen.feature, {}), **changes}
    write_overlay(run.directory, {"features": settings})
    print(orjson.dumps(settings).decode())
    return 0


def _complain(text: str) -> int:
    print(f"accel: {text}", file=sys.stderr)
    return 2
