"""uvicorn as LiteLLM runs it, with an application of the tests' in the proxy's place.

`python -m support.lane_server` prints `listening on PORT` first, and `READY` when it serves.
`--accel` imports accel, whose flags the environment gives. `--processes N` serves the one listening socket in so
many processes. `--rounds N` serves so many times, one after the other, and prints after each how many descriptors
are open. `--descriptors N` is the most that the process may have. `--proto 0` is how uvicorn's workers make their
socket, which asyncio then gives no TCP_NODELAY.
"""

import argparse
import gc
import json
import os
import resource
import socket
import sys
from types import ModuleType
from typing import Any

from support import lane_orders
from support.lane_app import app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--accel", action="store_true")
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--descriptors", type=int)
    parser.add_argument("--proto", type=int, default=socket.IPPROTO_TCP)
    options = parser.parse_args()
    if options.accel:
        import accel  # noqa: F401

    # The front is for LiteLLM's application, which this process has instead of importing it.
    module = ModuleType("litellm.proxy.proxy_server")
    module.app = app  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    if options.descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (options.descriptors,) * 2)
    settings = {"date_header": False, "server_header": False, "lifespan": "off", **options.settings}
    port = settings.pop("port", 0)
    for number in range(options.rounds):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, options.proto) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen(2048)
            port = listener.getsockname()[1]
            print("listening on", port, flush=True)
            if number == 0:
                for _ in range(options.processes - 1):
                    if os.fork() == 0:
                        break
            serve(listener, settings)
        if options.rounds > 1:
            gc.collect()
            print("ENDED with", len(os.listdir("/proc/self/fd")), flush=True)


def serve(listener: socket.socket, settings: dict[str, Any]) -> None:
    """Serve once, until the server is told to end."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, **settings))
    lane_orders.SERVER[:] = [server]
    started = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await started(sockets=sockets)
        print("READY", flush=True)

    server.startup = startup  # type: ignore[method-assign]
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
