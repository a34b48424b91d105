"""Programs in fresh interpreters, for what happens only once in a process: imports, patches, start-up settings."""

import atexit
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import accel
from support.processes import run_python

PRELUDE = """
import json, sys
COUNTER = "litellm.litellm_core_utils.token_counter"
def tell(**facts):
    print("FACTS " + json.dumps(facts))
def feature():
    import accel
    return accel.status().features["token_counting"]
def seam():
    return {key: feature()["seams"][0][key] for key in ("target", "state", "reason")}
def counts():
    import litellm
    texts = ("", "Hello, world!", "It's 今天 12345 👩‍💻\\n", "word " * 2000)
    models = ("gpt-3.5-turbo", "gpt-4o", "claude-sonnet-4-5", "no-such-model")
    messages = [{"role": "user", "name": "n", "content": text} for text in texts]
    return [
        [litellm.token_counter(model=model, text=text) for text in texts]
        + [litellm.token_counter(model=model, messages=messages)]
        for model in models
    ]
def counter():
    import importlib
    return importlib.import_module(COUNTER)
"""


class Told(NamedTuple):
    """What a program said: the facts it told, and its error stream."""

    facts: dict[str, Any]
    stderr: str


def environ(*path: Path, **variables: str) -> dict[str, str]:
    """This environment without any setting of accel; `path` goes in front of the import path."""
    result = {name: value for name, value in os.environ.items() if not name.startswith("ACCEL_")}
    result["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    if path:
        result["PYTHONPATH"] = os.pathsep.join(map(str, path))
    return {**result, **variables}


def told_by(code: str, *path: Path, **variables: str) -> Told:
    """Run a program that calls `tell(name=value)`; a program that fails is a failed test."""
    ended = run_python(PRELUDE + code, environ=environ(*path, **variables))
    return _told(ended.returncode, ended.stdout, ended.stderr)


def _told(exit_code: int, output: str, errors: str) -> Told:
    assert exit_code == 0, errors
    facts: dict[str, Any] = {}
    for line in output.splitlines():
        if line.startswith("FACTS "):
            facts.update(json.loads(line.removeprefix("FACTS ")))
    return Told(facts, errors)


def told_late_by(code: str, *path: Path, **variables: str) -> Told:
    """The same in a fork of a process that has LiteLLM imported, which saves its seconds; accel comes late."""
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        job = {
            "code": PRELUDE + code,
            "path": [str(entry) for entry in path],
            "variables": variables,
            "streams": [str(output), str(errors)],
        }
        exit_code = _loaded_litellm()(job)
        return _told(exit_code, output.read_text(), errors.read_text())


@cache
def _loaded_litellm() -> Callable[[dict[str, Any]], int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "support.loaded_litellm"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ(Path(__file__).parents[1]),
    )
    atexit.register(process.kill)

    def run(job: dict[str, Any]) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    return run


@cache
def plain_counts() -> Any:
    """What LiteLLM alone counts; the same texts as `counts()` inside a program."""
    told = told_late_by("tell(counts=counts(), accel='accel' in sys.modules)")
    assert told.facts["accel"] is False
    return told.facts["counts"]


def copy_of_accel(directory: Path) -> Path:
    """A copy of the installed package that a test may damage; the answer belongs on the import path."""
    source = Path(accel.__file__).parent
    shutil.copytree(source, directory / "accel", ignore=shutil.ignore_patterns("__pycache__"))
    return directory
