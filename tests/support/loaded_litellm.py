"""A process that has imported LiteLLM, without accel, and runs each program that it is given in a fork of itself.

A line of JSON in, the program's exit code out. What the fork does to modules and settings ends with it.
"""

import json
import os
import sys
import traceback
from typing import Any

import litellm

_MODELS = ("gpt-3.5-turbo", "gpt-4o", "claude-sonnet-4-5")


def main() -> None:
    for model in _MODELS:
        litellm.token_counter(model=model, text="loads the tokenizer")
    assert "accel" not in sys.modules
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(job)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(job: dict[str, Any]) -> None:
    exit_code = 1
    try:
        for stream, path in zip((1, 2), job["streams"], strict=True):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
        os.environ.update(job["variables"])
        sys.path[:0] = job["path"]
        exec(compile(job["code"], "<program>", "exec"), {"__name__": "__main__"})
        exit_code = 0
    except BaseException:  # noqa: BLE001  # told by the exit code and the error stream
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


if __name__ == "__main__":
    main()
