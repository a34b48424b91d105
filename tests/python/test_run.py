"""The launcher: what it passes on, what it refuses, and that the command runs as without it."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from accel.run import BOOTSTRAP, main
from support.processes import ManagedProcess, run_python

LAUNCHER = "import sys; from accel.run import main; sys.exit(main(sys.argv[1:], check_flag=lambda *flag: None))"
REPORT = """
import json, os, sys
print(json.dumps({"pid": os.getpid(), "argv": sys.argv, "environ": dict(os.environ)}))
"""


@pytest.fixture(autouse=True)
def runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of tests stay out of the user's own state directory."""
    directory = tmp_path / "runtime"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    return directory


@pytest.fixture(scope="module")
def other_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment without accel; gives its interpreter."""
    directory = tmp_path_factory.mktemp("other")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    return directory / "bin" / "python3"


@pytest.fixture
def no_exec(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record what would be executed, and stay."""
    executed: list[list[str]] = []
    monkeypatch.setattr(os, "execve", lambda path, arguments, environ: executed.append([path, *arguments]))
    return executed


def accept(_feature: str, _value: str) -> None:
    """Every flag is fine."""


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]))
    path.chmod(0o755)
    return path


class TestWhatIsPassedOn:
    def test_the_command_keeps_the_pid_and_gets_everything(self, tmp_path: Path) -> None:
        command = ["--flag", "token_counting=25%", "--", sys.executable, "-c", REPORT, "--flag", "-x"]
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), "/x"])),
        }
        arguments = [sys.executable, "-c", LAUNCHER, *command]
        with ManagedProcess("run", arguments, log=tmp_path / "log", environ=environ) as process:
            process.wait_until(lambda: "}}" in process.output(), 30)
            report = orjson.loads(process.output())
            assert report["pid"] == process.pid
        assert report["argv"] == ["-c", "--flag", "-x"]
        passed = report["environ"]
        assert passed["PYTHONPATH"] == os.pathsep.join([str(BOOTSTRAP), environ["PYTHONPATH"]])
        assert passed["ACCEL_RUN"] == "1"
        assert passed["ACCEL_TOKEN_COUNTING"] == "25%"
        directory = Path(passed["ACCEL_STATE_DIR"])
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        record = orjson.loads((directory / "run.json").read_bytes())
        assert record["process"]["pid"] == report["pid"]
        assert record["command"] == [os.path.basename(sys.executable)], "arguments may hold secrets"

    def test_running_twice_names_the_bootstrap_once(self) -> None:
        inner = [sys.executable, "-c", LAUNCHER, sys.executable, "-c", REPORT]
        ended = subprocess.run([sys.executable, "-c", LAUNCHER, *inner], capture_output=True, check=True)
        passed = orjson.loads(ended.stdout)["environ"]
        assert passed["PYTHONPATH"].split(os.pathsep).count(str(BOOTSTRAP)) == 1

    def test_signals_reach_the_command(self, tmp_path: Path) -> None:
        waiting = "import signal; print('ready', flush=True); signal.pause()"
        arguments = [sys.executable, "-c", LAUNCHER, "--", sys.executable, "-c", waiting]
        with ManagedProcess("run", arguments, log=tmp_path / "log") as process:
            process.wait_until(lambda: "ready" in process.output(), 30)
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait() == -signal.SIGTERM

    def test_the_exit_code_is_the_commands(self) -> None:
        ended = subprocess.run([sys.executable, "-c", LAUNCHER, sys.executable, "-c", "raise SystemExit(7)"])
        assert ended.returncode == 7

    def test_a_python_file_that_is_not_executable_runs_here(
        self, tmp_path: Path, no_exec: list[list[str]]
    ) -> None:
        app = tmp_path / "app.py"
        app.touch()
        main(["--", str(app), "--port", "1"], check_flag=accept)
        assert no_exec == [[sys.executable, sys.executable, str(app), "--port", "1"]]

    def test_commands_of_this_environment_are_found_without_its_path(
        self, monkeypatch: pytest.MonkeyPatch, no_exec: list[list[str]]
    ) -> None:
        monkeypatch.setenv("PATH", "/nonexistent")
        main(["uvicorn", "app:app"], check_flag=accept)
        assert no_exec[0][0] == os.path.join(os.path.dirname(sys.executable), "uvicorn")

    def test_an_untrusted_state_directory_costs_only_the_state(
        self, runtime_directory: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (runtime_directory / "accel").symlink_to(runtime_directory)
        ended = subprocess.run([sys.executable, "-c", LAUNCHER, sys.executable, "-c", REPORT], check=True)
        assert ended.returncode == 0
        captured = capfd.readouterr()
        assert "ACCEL_STATE_DIR" not in orjson.loads(captured.out)["environ"]
        assert captured.err.count("symbolic link") == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "code", "says"),
        [
            ([], 2, "nothing to run"),
            (["--"], 2, "nothing to run"),
            (["no-such-command"], 127, "cannot find no-such-command"),
            (["/no/such/command"], 127, "cannot find /no/such/command"),
            (["missing.py"], 127, "cannot find missing.py"),
            (["--flag", "token_counting", "true"], 2, "expected FEATURE="),
            (["--flag", "Token=on", "true"], 2, "expected FEATURE="),
            (["--flag", "nonsense=on", "true"], 2, "no such feature"),
            ([sys.executable, "-I", "x.py"], 2, "-I"),
            ([sys.executable, "-bsE", "x.py"], 2, "-E"),
            ([sys.executable, "-X", "utf8", "-S"], 2, "-S"),
        ],
    )
    def test_say_why_in_one_line(
        self,
        arguments: list[str],
        code: int,
        says: str,
        no_exec: list[list[str]],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def refuse(feature: str, _value: str) -> None:
            raise ValueError(f"no such feature: {feature}")

        assert main(arguments, check_flag=refuse) == code
        said = capsys.readouterr().err
        assert said.startswith("accel: ")
        assert says in said
        assert said.count("\n") == 1
        assert no_exec == []

    @pytest.mark.parametrize(
        "options", [["-X", "IES"], ["-X", "-E"], ["-WIgnore"], ["-c", "-I"], ["-m", "-E"], ["x.py", "-I"]]
    )
    def test_options_that_only_look_like_isolation_pass(
        self, options: list[str], no_exec: list[list[str]]
    ) -> None:
        assert main([sys.executable, *options], check_flag=accept) == 0
        assert no_exec == [[sys.executable, sys.executable, *options]]

    def test_a_python_of_another_environment(
        self, other_environment: Path, no_exec: list[list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([str(other_environment), "x.py"], check_flag=accept) == 2
        said = capsys.readouterr().err
        assert os.path.realpath(other_environment.parent.parent) in said
        assert os.path.realpath(sys.prefix) in said
        assert no_exec == []

    def test_a_script_that_cannot_be_executed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        broken = script(tmp_path / "broken", f"#!{tmp_path}/python3")
        assert main([str(broken)], check_flag=accept) == 126
        assert "does not exist" in capsys.readouterr().err


# Every way in which installers name a script's interpreter; `{python}` is its path, `{folder}` its folder.
SHEBANGS = {
    "plain": ["#!{python}"],
    "with options": ["#!{python} -s"],
    "env": ["#!/usr/bin/env python3"],
    "env -S": ["#!/usr/bin/env -S NAME=value python3 -X utf8"],
    "polyglot of pip": ["#!/bin/sh", "'''exec' {python} \"$0\" \"$@\"", "' '''"],
    "polyglot with spaces": ["#!/bin/sh", '\'\'\'exec\' "{python}" "$0" "$@"', "' '''"],
    "polyglot of uv": ["#!/bin/sh", "'''exec' '{python}' \"$0\" \"$@\"", "' '''"],
    "relocatable": [
        "#!/bin/sh",
        '\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python3\' "$0" "$@"',
        "' '''",
    ],
}


class TestScripts:
    @pytest.mark.parametrize("lines", SHEBANGS.values(), ids=SHEBANGS.keys())
    @pytest.mark.parametrize("ours", [True, False], ids=["ours", "another"])
    def test_the_interpreter_decides(
        self,
        ours: bool,
        lines: list[str],
        other_environment: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        no_exec: list[list[str]],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        python = Path(sys.executable) if ours else other_environment
        folder = tmp_path / "bin"
        folder.mkdir()
        # A link to the file would lose the environment: `python3` asks where it was called from.
        script(folder / "python3", "#!/bin/sh", f'exec {python} "$@"')
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        command = script(folder / "some-server", *(line.format(python=python) for line in lines), "pass")
        assert main(["some-server", "--port", "1"], check_flag=accept) == (0 if ours else 2)
        assert no_exec == ([[str(command), "some-server", "--port", "1"]] if ours else [])
        assert ("belongs to the environment" in capsys.readouterr().err) is not ours

    def test_the_polyglot_is_what_the_kernel_runs(self, tmp_path: Path) -> None:
        lines = [line.format(python=sys.executable) for line in SHEBANGS["polyglot of pip"]]
        command = script(tmp_path / "some-server", *lines, REPORT)
        ended = subprocess.run(
            [sys.executable, "-c", LAUNCHER, str(command), "x"], capture_output=True, check=True
        )
        assert orjson.loads(ended.stdout)["argv"] == [str(command), "x"]

    def test_a_shell_script_passes(self, tmp_path: Path) -> None:
        command = script(
            tmp_path / "start", "#!/bin/sh", 'exec "$PYTHON" -c "import os; print(os.environ[\'ACCEL_RUN\'])"'
        )
        environ = {**os.environ, "PYTHON": sys.executable}
        ended = subprocess.run([sys.executable, "-c", LAUNCHER, str(command)], env=environ, capture_output=True)
        assert ended.stdout == b"1\n"

    def test_a_script_with_an_isolated_interpreter_is_refused(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = script(tmp_path / "some-server", f"#!{sys.executable} -sE")
        assert main([str(command)], check_flag=accept) == 2
        assert "-E" in capsys.readouterr().err


def test_the_bootstrap_directory_offers_nothing_but_the_start_up_module() -> None:
    found = {path.name for path in BOOTSTRAP.iterdir()} - {"__pycache__"}
    assert found == {"sitecustomize.py"}


def test_importing_the_launcher_does_not_import_litellm() -> None:
    ended = run_python("import sys, accel.run; sys.exit('litellm' in sys.modules)")
    assert ended.returncode == 0, ended.stderr
