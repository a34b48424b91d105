"""The tests' application in the place of LiteLLM's, for servers that import it: `uvicorn support.lane_served:app`.

The variable `LANE_VARIANT` makes it a process in which there is no front.
"""

import os
import sys
from types import ModuleType
from typing import Any

import uvicorn.protocols.http.h11_impl as h11_impl

import accel
from support.lane_app import app

module = ModuleType("litellm.proxy.proxy_server")
module.app = app  # type: ignore[attr-defined]
sys.modules[module.__name__] = module


async def mounting(scope: Any, receive: Any, send: Any) -> None:
    """An application of a user's own, with LiteLLM's inside."""
    await app(scope, receive, send)


class Subclass(h11_impl.H11Protocol):
    """A protocol of a user's own."""


variant = os.environ.get("LANE_VARIANT")
if variant == "unknown body":
    received = h11_impl.H11Protocol.data_received
    h11_impl.H11Protocol.data_received = lambda self, data: received(self, data)
elif variant == "unknown start":
    import uvicorn

    accel.unpatch("request_lane")
    started = uvicorn.Server.startup
    uvicorn.Server.startup = lambda self, sockets=None: started(self, sockets)
    accel.patch("request_lane")
elif variant == "no native front":
    from accel import native

    del native.module.Front  # type: ignore[union-attr]

__all__ = ["app", "mounting"]
