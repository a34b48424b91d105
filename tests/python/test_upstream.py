"""`make upstream`: a small made-up checkout of LiteLLM, run with accel off and on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "upstream.py"
PLACE = "tests/unit/litellm_core_utils"

COUNTS = """
import importlib, os, sys
sys.path.insert(0, os.path.abspath("."))  # as LiteLLM's tests do: its own package must not win
import litellm
import pytest

def test_a_count():
    assert litellm.token_counter("gpt-4o", text="hello world") == 2

def test_wrong_either_way():
    assert litellm.token_counter("gpt-4o", text="hello world") == 3

@pytest.mark.parametrize("text", ["", "a b", "c::d [e]"])
def test_several(text):
    assert litellm.token_counter("gpt-4o", text=text) >= 0

def test_reloaded():
    importlib.reload(litellm)
    assert litellm.token_counter("gpt-4o", text="hello world") == 2

def test_wants_a_fixture(respx_mock):
    pass
"""

DIFFERS = """
import sys
from pathlib import Path

def test_sees_accel():
    assert "accel" not in sys.modules

def test_once_only():
    seen = Path(__file__).with_name("seen")
    if "accel" in sys.modules and not seen.exists():
        seen.touch()
        raise AssertionError("the first time")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "litellm").mkdir()
    (tmp_path / "litellm" / "__init__.py").write_text("raise RuntimeError('not the installed LiteLLM')\n")
    (tmp_path / PLACE).mkdir(parents=True)
    (tmp_path / PLACE / "test_token_counter.py").write_text(COUNTS)
    return tmp_path


def upstream(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=120, env=environ, check=False
    )


def test_what_is_equal_is_counted_and_what_is_missing_named(checkout: Path) -> None:
    ended = upstream(checkout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert "| passed | 5 |" in lines
    assert "| failed | 1 |" in lines
    assert "| error | 1 |" in lines
    assert lines[0].startswith(f"not in this checkout: {PLACE}/test_token_counter_tool.py, ")
    assert f"  failed in both: {PLACE}/test_token_counter.py::test_wrong_either_way: " in ended.stdout
    assert "missing in this environment: fixture respx_mock" in lines
    (account,) = [line for line in lines if line.startswith("token_counting: ")]
    assert int(account.split()[1]) > 0
    assert lines[-1] == "7 equal, 0 different, 0 flaky"


def test_what_differs_is_repeated_and_told(checkout: Path) -> None:
    (checkout / PLACE / "test_differs.py").write_text(DIFFERS)
    name = f"{PLACE}/test_differs.py"
    ended = upstream(checkout, name, f"{PLACE}/test_token_counter.py::test_a_count")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    told = ended.stdout
    assert f"differs: {name}::test_sees_accel\n  accel off: passed\n  accel on: failed AssertionError" in told
    assert f"differed once, equal when repeated: {name}::test_once_only\n  accel off: passed\n" in told
    assert told.splitlines()[-1] == "1 equal, 1 different, 1 flaky"


def test_what_ends_with_accel_only_is_a_difference(checkout: Path) -> None:
    ends = "import os, sys\ndef test_ends():\n    if 'accel' in sys.modules:\n        os._exit(7)\n"
    (checkout / PLACE / "test_ends.py").write_text(ends)
    ended = upstream(checkout, f"{PLACE}/test_ends.py")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "the run with accel on ended early:" in ended.stdout
    assert "(exit code 7)" in ended.stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import no_such_module", "no file could be collected:\n"),
        ("", "there are no tests in these files:"),
        ("def test_counts_nothing(): pass", "nothing ran natively"),
    ],
)
def test_what_says_nothing_is_refused(checkout: Path, text: str, why: str) -> None:
    (checkout / PLACE / "test_other.py").write_text(text)
    ended = upstream(checkout, f"{PLACE}/test_other.py")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert ended.stderr.startswith(f"upstream: {why}")
    if "import" in text:
        assert f"{PLACE}/test_other.py: ModuleNotFoundError: No module named 'no_such_module'" in ended.stderr


def test_a_wrong_use_is_told(tmp_path: Path) -> None:
    for arguments, why in (
        ((tmp_path / "nowhere",), f"there is no directory {tmp_path / 'nowhere'}"),
        ((tmp_path,), f"none of the test files is in {tmp_path}"),
        ((tmp_path, "test_none.py"), f"none of the test files is in {tmp_path}"),
    ):
        ended = upstream(*arguments)
        assert (ended.returncode, ended.stderr) == (2, f"upstream: {why}\n")
    assert upstream().returncode == 2
