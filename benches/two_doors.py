"""One LiteLLM proxy behind two ports, the first plain uvicorn's, the second with accel's front.

Started by `proxy.py` under `accel run`; what differs between two requests to it is the front alone.
"""

from __future__ import annotations

import asyncio
import sys

import uvicorn
import uvloop

import accel


async def main(plain_port: int, front_port: int) -> None:
    """Serve both until told to stop."""
    from litellm.proxy.proxy_server import app

    settings = {"host": "127.0.0.1", "server_header": False, "loop": "uvloop"}
    tasks = []
    for port, mode, lifespan in ((plain_port, "off", "on"), (front_port, "on", "off")):
        accel.set_flag("request_lane", mode=mode)  # type: ignore[arg-type]
        server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan=lifespan, **settings))  # type: ignore[arg-type]
        tasks.append(asyncio.create_task(server.serve()))
        while not server.started and not tasks[-1].done():
            await asyncio.sleep(0.05)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
