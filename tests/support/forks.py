"""What a forked child of the test process sees."""

import os
from collections.abc import Callable
from typing import Any

import orjson


def in_a_fork(look: Callable[[], Any]) -> Any:
    """Run `look` in a forked child, which never gets back to the tests; its answer, which must be JSON-ready."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, orjson.dumps(look()))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        written = stream.read()
    os.waitpid(child, 0)
    assert written, "the child failed"
    return orjson.loads(written)
