"""The demonstration's own parts: processes that really end, and tables that say what the status says."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from accel.demo import driver
from accel.demo.config import proxy_environment, write_config
from accel.tables import native_calls, print_status
from support.processes import ManagedProcess, ProcessError, free_port, wait_until

STATUS: dict[str, Any] = {
    "features": {
        "token_counting": {
            "mode": "on",
            "percent": 25.0,
            "breaker": {"state": "closed"},
            "calls": {
                "native": 7,
                "python": {"declined: images": 2, "share": 5},
                "failed": 1,
                "mismatched": 0,
            },
            "seams": [
                {
                    "target": "litellm.inner:count",
                    "state": "applied",
                    "reason": None,
                    "calls": {"native": 7, "python": {"declined: images": 2, "share": 5}},
                },
                {
                    "target": "litellm.inner:other",
                    "state": "skipped",
                    "reason": "unknown source",
                    "calls": {"native": 0, "python": {}},
                },
            ],
        },
        "request_lane": {
            "mode": "on",
            "percent": 100.0,
            "breaker": {"state": "closed"},
            "calls": {"native": 0, "python": {"declined: no plan": 9}, "failed": 0, "mismatched": 0},
            "seams": [],
            "front": {
                "state": "serving",
                "reason": None,
                "held": 1234,
                "accepted": 2345,
                "handed_over": 3456,
                "returned": 4567,
            },
        },
    }
}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_stopping_ends_the_whole_group_even_what_ignores_being_asked(tmp_path: Path) -> None:
    stubborn = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()
"""
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {stubborn!r}])
print(child.pid, flush=True)
child.wait()
"""
    with ManagedProcess("leader", [sys.executable, "-c", code], log=tmp_path / "log") as process:
        process.wait_until(lambda: "ready" in process.output(), 30)
        child = int(process.output().split()[0])
        assert is_alive(child)
    assert process.exit_code is not None
    wait_until(lambda: not is_alive(child) or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z")


@pytest.mark.parametrize(
    ("code", "timeout_s", "says"),
    [
        ("print('went wrong'); raise SystemExit(3)", 30, "ended with code 3"),
        ("print('went wrong', flush=True); import signal; signal.pause()", 1, "not ready after 1 s"),
    ],
)
def test_what_never_gets_ready_is_told_with_its_log(
    tmp_path: Path, code: str, timeout_s: float, says: str
) -> None:
    command = [sys.executable, "-c", code]
    with (
        ManagedProcess("the server", command, log=tmp_path / "log") as process,
        pytest.raises(ProcessError, match=f"the server {'was ' if 'not' in says else ''}{says}") as caught,
    ):
        process.wait_until(lambda: False, timeout_s)
    assert "went wrong" in str(caught.value)


def test_a_proxy_that_does_not_start_is_a_failure_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(
        driver,
        "proxy_command",
        lambda _config, _port: [sys.executable, "-c", "raise SystemExit('no config')"],
    )
    assert driver.main([]) == 1
    assert "the proxy ended with code 1\nno config" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def tables(status: dict[str, Any]) -> str:
    written = io.StringIO()
    print_status(Console(file=written, width=120), status)
    return written.getvalue()


def test_the_tables_say_what_the_status_says() -> None:
    text = tables(STATUS)
    for part in (
        "token_counting",
        "25.0 %",
        "closed",
        " 7 ",
        "declined: images 2, share 5",
        "unknown source",
        "fronts of servers",
        "serving",
        *("1234", "2345", "3456", "4567"),
    ):
        assert part in text
    assert native_calls(STATUS) == 7


def test_the_tables_say_why_there_is_no_front() -> None:
    feature = {**STATUS["features"]["request_lane"], "front": {"state": "none", "reason": "TLS in uvicorn"}}
    (row,) = [line for line in tables({"features": {"request_lane": feature}}).splitlines() if "TLS" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "request_lane", "none", "", "", "", "", "TLS in uvicorn"
    ]  # fmt: skip


def test_a_status_without_a_front_has_no_table_of_them() -> None:
    features = {"token_counting": STATUS["features"]["token_counting"]}
    assert "fronts" not in tables({"features": features})


def test_a_status_has_settled_though_a_front_counted_the_reading() -> None:
    def session(*numbers: int) -> Any:
        replies = iter(numbers)

        def get(_path: str) -> SimpleNamespace:
            front = STATUS["features"]["request_lane"]
            calls = {**front["calls"], "python": {"declined: route": next(replies)}}
            features = {**STATUS["features"], "request_lane": {**front, "calls": calls}}
            return SimpleNamespace(status_code=200, json=lambda: {"features": features})

        return SimpleNamespace(http=SimpleNamespace(get=get))

    status = driver._settled_status(session(1, 2))
    assert isinstance(status, dict)
    assert status["features"]["request_lane"]["calls"]["python"] == {"declined: route": 2}


@pytest.mark.parametrize("wanted", [None, "off"])
def test_the_front_is_on_unless_the_user_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wanted: str | None
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("ACCEL_REQUEST_LANE", raising=False)
    if wanted is not None:
        monkeypatch.setenv("ACCEL_REQUEST_LANE", wanted)
    code = "import os; raise SystemExit('the lane is ' + os.environ['ACCEL_REQUEST_LANE'])"
    monkeypatch.setattr(driver, "proxy_command", lambda _config, _port: [sys.executable, "-c", code])
    assert driver.main([]) == 1
    assert f"the lane is {wanted or 'on'}" in capsys.readouterr().out


def test_the_proxy_sees_no_settings_of_other_proxies(tmp_path: Path) -> None:
    foreign = {"DATABASE_URL": "x", "REDIS_HOST": "x", "OPENAI_API_KEY": "x", "LITELLM_LICENSE": "x"}
    environ = proxy_environment({**foreign, "PATH": "/bin", "ACCEL_ENABLED": "0"}, "sk-test")
    assert not foreign.keys() & environ.keys()
    assert environ["ACCEL_ENABLED"] == "0"
    assert environ["LITELLM_MASTER_KEY"] == "sk-test"
    assert "sk-test" not in write_config(tmp_path, free_port()).read_text()
