"""Whether a server of uvicorn's gets a front, and if not, why."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

from accel import native
from accel.lane import protocols

_APP_MODULE = "litellm.proxy.proxy_server"


def before_start(guard: Any) -> str | None:
    """Why no server gets a front, as far as can be said before one starts; None if nothing speaks against it."""
    if guard.status()["mode"] == "off":
        return "off when the server started"
    if not hasattr(native.module, "Front") or not hasattr(socket, "send_fds"):
        return "this platform cannot pass descriptors"
    if not sys.platform.startswith("linux"):
        return f"tested on Linux only, not on {sys.platform}"
    return None


def of_server(server: Any) -> str | None:
    """Why this server, which has just started, keeps its sockets; None if it gets a front."""
    config = server.config
    if config.ssl is not None:
        return "TLS in uvicorn"
    entry = protocols.known(config.http_protocol_class)
    if entry is None:
        return f"the HTTP protocol is {config.http_protocol_class.__qualname__}"
    if not entry.is_intact():
        return f"{entry.qualname} is not one that accel knows"
    if _innermost(config.loaded_app) is not getattr(sys.modules.get(_APP_MODULE), "app", None):
        return "the application is not LiteLLM's proxy"
    if not _is_known_loop(asyncio.get_running_loop()):
        return f"the event loop is {type(asyncio.get_running_loop()).__qualname__}"
    families = {listener.family for inner in server.servers for listener in inner.sockets}
    if not families or families - {socket.AF_INET, socket.AF_INET6}:
        return "not a TCP socket"
    return None


def _innermost(app: Any) -> Any:
    """The application below what uvicorn itself puts around it: forwarded headers, trace messages."""
    while type(app).__module__.partition(".")[0] == "uvicorn" and hasattr(app, "app"):
        app = app.app
    return app


def _is_known_loop(loop: asyncio.AbstractEventLoop) -> bool:
    return isinstance(loop, asyncio.SelectorEventLoop) or type(loop).__module__.partition(".")[0] == "uvloop"
