"""`accel demo`: a real LiteLLM proxy under `accel run`, real requests, and the proof of what ran where."""

import argparse
import os
import re
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from accel.demo.config import proxy_command, proxy_environment, write_config
from accel.demo.processes import HOST, ManagedProcess, ProcessError, answers, free_port
from accel.demo.requests import Outcome, Session, send_all
from accel.tables import native_calls, print_status

_UPSTREAM_READY_S = 30.0
_STATUS_TIMEOUT_S = 5.0
_LISTENING = re.compile(r"^listening on 127\.0\.0\.1:(\d+)$", re.MULTILINE)


def main(argv: Sequence[str]) -> int:
    """Run the demonstration. 0 when everything answered as expected and calls went native, else 1;
    130 after Ctrl-C. Everything it started has ended when it returns."""
    parser = argparse.ArgumentParser(prog="accel demo", description="a real proxy, real requests, the proof")
    parser.add_argument("--ready-timeout", type=float, default=180.0, metavar="SECONDS",
                        help="how long the proxy may take to start (default: 180)")  # fmt: skip
    options = parser.parse_args(argv)
    # A pipe has no width; 80 columns would break the names of seams.
    console = Console(width=None if sys.stdout.isatty() else 120)
    started_s = time.monotonic()
    try:
        with _terminated_like_interrupted():
            succeeded = _demonstrate(console, options.ready_timeout)
    except (ProcessError, OSError) as error:
        console.print(f"accel demo: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("accel demo: interrupted; everything is stopped")
        return 130
    console.print(f"all processes stopped after {time.monotonic() - started_s:.1f} s")
    return 0 if succeeded else 1


def _demonstrate(console: Console, ready_timeout_s: float) -> bool:
    master_key = f"sk-{secrets.token_urlsafe(24)}"
    with tempfile.TemporaryDirectory(prefix="accel-demo-") as name:
        directory = Path(name)
        with _upstream(directory) as upstream_port:
            console.print(f"mock upstream on {HOST}:{upstream_port}")
            config, port = write_config(directory, upstream_port), free_port()
            command = proxy_command(config, port)
            console.print("starting: accel run -- litellm --config proxy.yaml", highlight=False)
            # Shown though it is off by default, unless the user says otherwise.
            environ = {"ACCEL_REQUEST_LANE": "on", **proxy_environment(os.environ, master_key)}
            with ManagedProcess("the proxy", command, log=directory / "proxy.log", environ=environ) as proxy:
                base_url = f"http://{HOST}:{port}"
                proxy.wait_until(lambda: answers(f"{base_url}/health/readiness"), ready_timeout_s)
                console.print(f"LiteLLM proxy on {HOST}:{port}, process {proxy.pid}")
                return _exercise(console, base_url, master_key)


def _exercise(console: Console, base_url: str, master_key: str) -> bool:
    session = Session.open(base_url, master_key)
    try:
        outcomes = list(send_all(session))
        _print_outcomes(console, outcomes)
        status = _settled_status(session)
    finally:
        session.close()
    answered = all(outcome.as_expected for outcome in outcomes)
    if isinstance(status, str):
        console.print(status)
        return False
    print_status(console, status)
    native = native_calls(status)
    console.print(f"{native} calls went native" if native else "no call went native", highlight=False)
    return answered and native > 0


def _print_outcomes(console: Console, outcomes: Iterable[Outcome]) -> None:
    """One line for each request."""
    table = Table("request", "", "answer", title="real requests through LiteLLM", title_justify="left")
    for outcome in outcomes:
        mark = "[green]ok[/]" if outcome.as_expected else "[red]not as expected[/]"
        table.add_row(outcome.title, mark, outcome.answer)
    console.print(table)


def _settled_status(session: Session) -> dict[str, Any] | str:
    """The proxy's status once two readings agree (LiteLLM logs after it has answered), or a sentence."""
    deadline = time.monotonic() + _STATUS_TIMEOUT_S
    previous: dict[str, Any] | None = None
    while True:
        try:
            reply = session.http.get("/accel/status")
        except httpx.HTTPError as error:
            return f"GET /accel/status failed: {type(error).__name__}: {error}"
        if reply.status_code != 200:
            return f"GET /accel/status answered {reply.status_code}: this proxy does not say what ran where"
        status: dict[str, Any] = reply.json()
        if time.monotonic() > deadline or (previous is not None and _calls(status) == _calls(previous)):
            return status
        previous = status
        time.sleep(0.3)


def _calls(status: dict[str, Any]) -> list[Any]:
    # A front counts every request, this reading too, and would never settle.
    return [feature["calls"] for feature in status["features"].values() if "front" not in feature]


@contextmanager
def _upstream(directory: Path) -> Iterator[int]:
    """The mock upstream; gives its port."""
    command = [sys.executable, "-m", "accel.demo.mock_upstream", "--port", "0"]
    with ManagedProcess("the mock upstream", command, log=directory / "upstream.log") as process:
        process.wait_until(lambda: _LISTENING.search(process.output()) is not None, _UPSTREAM_READY_S)
        found = _LISTENING.search(process.output())
        assert found is not None
        yield int(found[1])


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM stops the processes we started, as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
