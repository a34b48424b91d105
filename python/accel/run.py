"""`accel run`: become the given command, with accel waiting in every Python process that it starts.

The command keeps this process's pid, so signals and supervisors work as without accel. Nothing is
written into any environment: a directory with a start-up module is put in front of PYTHONPATH, and
the module acts only where `ACCEL_RUN=1`. Python's own -E, -I and -S switch that off, so a command
that uses them is refused.
"""

import argparse
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from accel.interpreters import (
    Environment,
    InterpreterError,
    command_line_of,
    environment_of,
    ignores_start_up_modules,
)
from accel.state import StateError, create_run

BOOTSTRAP = Path(__file__).parent / "bootstrap"
REFUSED = 2
NOT_EXECUTABLE = 126
NOT_FOUND = 127

_SCRIPTS = sysconfig.get_path("scripts")
_FLAG = re.compile(r"(?P<feature>[a-z][a-z_]*)=(?P<value>\S+)")


class RunError(Exception):
    """The command cannot be started; `exit_code` follows the shell's habits."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Launch:
    """A checked command: the file to execute and its arguments, the name it was called by included."""

    executable: str
    arguments: list[str]


def main(argv: Sequence[str], *, check_flag: Callable[[str, str], None]) -> int:
    """Run `accel run`. Returns an exit code only when the command was not started.

    `check_flag(feature, value)` raises `ValueError` with a text for people when a `--flag` is not one.
    """
    options = _parser().parse_args(argv)
    try:
        if os.name != "posix":
            raise RunError("`accel run` needs a POSIX system; `import accel` works everywhere", REFUSED)
        flags = dict(_parse_flag(text, check_flag) for text in options.flag)
        command = options.command[1:] if options.command[:1] == ["--"] else options.command
        launch = resolve(command, os.environ)
        environ = environment_for(os.environ, flags, _state_directory(launch.executable))
        _execute(launch, environ)
    except RunError as error:
        _say(str(error))
        return error.exit_code
    return 0


def resolve(command: Sequence[str], environ: Mapping[str, str]) -> Launch:
    """Find the command and check that its Python is this environment's. Raises `RunError`.

    A command that is no Python program (a shell script, `timeout`, `taskset`) passes: what it starts
    inherits the start-up module, which says so itself where accel is not installed.
    """
    if not command:
        raise RunError("nothing to run; for example: accel run litellm --config proxy.yaml", REFUSED)
    name, *arguments = command
    executable = _find(name, environ)
    if executable is None:
        raise RunError(f"cannot find {name}", NOT_FOUND)
    if executable.suffix == ".py" and not os.access(executable, os.X_OK):
        return Launch(sys.executable, [sys.executable, name, *arguments])
    try:
        interpreter = command_line_of(executable, environ.get("PATH"))
        if interpreter is not None:
            _check_environment(executable, interpreter, arguments)
    except (InterpreterError, OSError) as error:
        raise RunError(f"cannot run {executable}: {error}", NOT_EXECUTABLE) from error
    return Launch(str(executable), [name, *arguments])


def environment_for(
    environ: Mapping[str, str], flags: Mapping[str, str], state_directory: Path | None
) -> dict[str, str]:
    """The environment that carries accel into the command and into every process below it."""
    ours = str(BOOTSTRAP)
    inherited = environ.get("PYTHONPATH", "").split(os.pathsep)
    result = dict(environ)
    result["PYTHONPATH"] = os.pathsep.join([ours, *(path for path in inherited if path and path != ours)])
    result["ACCEL_RUN"] = "1"
    result.pop("ACCEL_STATE_DIR", None)
    if state_directory is not None:
        result["ACCEL_STATE_DIR"] = str(state_directory)
    result.update({f"ACCEL_{feature.upper()}": value for feature, value in flags.items()})
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accel run", description="run a command with accel in it")
    parser.add_argument(
        "--flag",
        action="append",
        default=[],
        metavar="FEATURE=off|shadow|on|N%",
        help="set one feature for this run; may be given again",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="[--] command …")
    return parser


def _parse_flag(text: str, check_flag: Callable[[str, str], None]) -> tuple[str, str]:
    found = _FLAG.fullmatch(text)
    if found is None:
        raise RunError(f"--flag {text}: expected FEATURE=off|shadow|on|N%", REFUSED)
    try:
        check_flag(found["feature"], found["value"])
    except ValueError as error:
        raise RunError(f"--flag {text}: {error}", REFUSED) from error
    return found["feature"], found["value"]


def _find(name: str, environ: Mapping[str, str]) -> Path | None:
    """As a shell does; then among this environment's own commands, which an absolute path to `accel` may
    have started without its PATH; then a Python script that is not executable."""
    found = shutil.which(name, path=environ.get("PATH")) or shutil.which(name, path=_SCRIPTS)
    if found is not None:
        return Path(found)
    return Path(name) if name.endswith(".py") and os.path.isfile(name) else None


def _check_environment(executable: Path, interpreter: list[str], arguments: list[str]) -> None:
    is_interpreter = interpreter[0] == str(executable)
    blocked = ignores_start_up_modules(arguments if is_interpreter else interpreter[1:])
    if blocked is not None:
        raise RunError(f"{executable} runs Python with {blocked}, which keeps accel out", REFUSED)
    theirs, ours = environment_of(interpreter[0]), Environment.own()
    if theirs == ours:
        return
    if theirs.prefix == ours.prefix:
        theirs_text, ours_text = (".".join(map(str, found.version)) for found in (theirs, ours))
        raise RunError(f"{executable} runs Python {theirs_text}, accel is in {ours_text}", REFUSED)
    own = shutil.which(executable.name, path=_SCRIPTS)
    remedy = f"run {own}, or install accel there" if own else "install accel there"
    raise RunError(
        f"{executable} belongs to the environment {theirs.prefix}, accel to {ours.prefix}; {remedy}", REFUSED
    )


def _state_directory(executable: str) -> Path | None:
    try:
        return create_run(os.environ, [os.path.basename(executable)]).directory
    except StateError as error:
        # Serving matters more than a status over all workers.
        _say(f"{error}; going on without a status over all workers")
        return None


def _execute(launch: Launch, environ: dict[str, str]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(launch.executable, launch.arguments, environ)
    except OSError as error:
        raise RunError(f"cannot run {launch.executable}: {error.strerror}", NOT_EXECUTABLE) from error


def _say(text: str) -> None:
    print(f"accel: {text}", file=sys.stderr)
