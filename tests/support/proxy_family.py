"""Servers of LiteLLM's proxy, one for each parser and loop, from one import of LiteLLM, which costs seconds.

`python -m support.proxy_family '[{"http": …, "loop": …, "port": …, "log": …}, …]'` forks a process for each, as
gunicorn does that loads its application first. The environment is the proxy's own.

Nothing here may import accel: a plain proxy would not be one.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    members = json.loads(sys.argv[1])
    # Loads accel first, below `accel run`.
    from litellm.proxy.proxy_server import app

    children = []
    for member in members:
        child = os.fork()
        if child == 0:
            serve(app, member)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def serve(app: Any, member: dict[str, Any]) -> None:
    log = os.open(member.pop("log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    import uvicorn

    try:
        uvicorn.run(app, **member)
    finally:
        # Not what the parent would do at its end.
        os._exit(0)


if __name__ == "__main__":
    main()
