"""Which Python a command would run in, found without running the command."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PYTHON_NAME = re.compile(r"(python|pypy)[\d.]*[a-z]*")
# What pip, distlib and uv write when the path of the interpreter does not fit into a shebang: a file that
# is a shell script to the kernel and a string literal to Python.
_POLYGLOT = re.compile(r"'''exec' (?P<command>.+)")
# uv's relocatable form: the interpreter beside the script.
_RELOCATABLE = re.compile(r"""["$(]+dirname -- ["$(]+realpath -- "\$0"[)"]+/'?(?P<name>[^'"/]+)'? """)
_HEAD_BYTES = 4096
_QUESTION = "import sys; print(sys.prefix, *sys.version_info[:2], sep='\\n')"
_ANSWER_TIMEOUT_S = 60


class InterpreterError(Exception):
    """A command's Python could not be asked; the text says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What makes two interpreters share their installed packages."""

    prefix: str
    version: tuple[int, int]

    @classmethod
    def own(cls) -> "Environment":
        """The environment of this process."""
        return cls(os.path.realpath(sys.prefix), sys.version_info[:2])


def command_line_of(executable: Path, search_path: str | None) -> list[str] | None:
    """The interpreter and its options that run this file, or None when it is no Python program as far as
    its first lines tell (a native program, a shell script). `search_path` is the PATH for `env`.

    Raises `InterpreterError` when the file names an interpreter that does not exist, `OSError` when it
    cannot be read.
    """
    if _PYTHON_NAME.fullmatch(executable.name):
        return [str(executable)]  # also where it is a script that chooses an interpreter, as pyenv's are
    with executable.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.startswith(b"#!"):
        return None
    first, _, rest = head.decode("utf-8", "replace").partition("\n")
    words = first[2:].split()
    if words and os.path.basename(words[0]) == "sh" and (polyglot := _POLYGLOT.match(rest)):
        words = _words_of_polyglot(polyglot["command"], executable)
    elif words and os.path.basename(words[0]) == "env":
        words = _words_after_env(words[1:], search_path)
    if not words or not _PYTHON_NAME.fullmatch(os.path.basename(words[0])):
        return None
    if not os.path.exists(words[0]):
        raise InterpreterError(f"{executable} needs {words[0]}, which does not exist")
    return words


def environment_of(interpreter: str) -> Environment:
    """Ask the interpreter. Takes some ten milliseconds. Raises `InterpreterError`."""
    if interpreter == sys.executable:
        return Environment.own()
    try:
        asked = subprocess.run(
            [interpreter, "-I", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER_TIMEOUT_S,
            check=True,
        )
        prefix, major, minor = asked.stdout.split("\n")[:3]
        return Environment(os.path.realpath(prefix), (int(major), int(minor)))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise InterpreterError(f"cannot ask {interpreter} for its environment: {error}") from error


def ignores_start_up_modules(options: list[str]) -> str | None:
    """The first of these interpreter options that keeps PYTHONPATH or `sitecustomize` out: -E, -I or -S."""
    remaining = iter(options)
    for option in remaining:
        if not option.startswith("-") or option == "-":
            return None
        letters = "" if option.startswith("--") else option[1:]
        for place, letter in enumerate(letters):
            if letter in "cm":
                return None
            if letter in "EIS":
                return f"-{letter}"
            if letter in "WX":
                if place == len(letters) - 1:
                    next(remaining, None)  # its value is the next word, else the rest of this one
                break
    return None


def _words_of_polyglot(command: str, executable: Path) -> list[str]:
    if beside := _RELOCATABLE.match(command):
        return [str(Path(os.path.realpath(executable)).parent / beside["name"])]
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    return words[: words.index("$0")] if "$0" in words else words


def _words_after_env(words: list[str], search_path: str | None) -> list[str]:
    """`env [-S] [-i] [NAME=value …] program …`, with the program looked up as env would."""
    while words and (words[0].startswith("-") or "=" in words[0]):
        words = words[1:]
    if not words:
        return []
    found = shutil.which(words[0], path=search_path)
    return [found or words[0], *words[1:]]
