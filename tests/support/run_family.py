"""Servers of LiteLLM's proxy with a configuration each, forked from one import of it.

As `proxy_family`, but each has variables of its own. Nothing here may import accel.
"""

import json
import os
import sys

from support.proxy_family import serve


def main() -> None:
    # Loads accel first, below `accel run`.
    from litellm.proxy.proxy_server import app

    children = []
    for member in json.loads(sys.argv[1]):
        child = os.fork()
        if child == 0:
            os.environ.update(member.pop("environ"))
            serve(app, member)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
