"""What else a path may order of the tests' application: things that a server's process does to itself."""

import asyncio
import fcntl
import multiprocessing
import os
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SERVER: list[Any] = []
"""The `uvicorn.Server` that runs, for orders that concern it."""


def _flag(scope: Any, name: str, value: str) -> Any:
    """`/flag/mode/off`, `/flag/percent/50`: change the feature at run time."""
    accel = sys.modules["accel"]
    accel.set_flag("request_lane", **{name: value if name == "mode" else float(value)})
    return True


def _fork(scope: Any) -> Any:
    """Fork a child that ends at once, and one that multiprocessing ends; their exit codes."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    process = multiprocessing.get_context("fork").Process(target=os.getpid)
    process.start()
    process.join()
    return [os.waitpid(child, 0)[1], process.exitcode]


def _options(scope: Any) -> Any:
    """The options of the socket that this request came over, once for each descriptor that it has here."""
    return [_of_socket(descriptor) for descriptor in _descriptors() if _peer(descriptor) == tuple(scope["client"])]


def _descriptors() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            mode = os.fstat(int(name)).st_mode
        except OSError:
            continue
        if stat.S_ISSOCK(mode):
            found.append(int(name))
    return found


def _peer(descriptor: int) -> Any:
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        try:
            return copy.getpeername()
        except OSError:
            return None


def _of_socket(descriptor: int) -> dict[str, Any]:
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        return {
            "no delay": copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
            "keep alive": copy.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            "keep alive after": copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            "linger": copy.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER),
            "blocking": not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK,
            "inheritable": os.get_inheritable(descriptor),
        }


def _listening(scope: Any) -> Any:
    """What the server's own servers say of themselves."""
    return [
        {
            "serving": server.is_serving(),
            "own loop": server.get_loop() is asyncio.get_running_loop(),
            "names": [listener.getsockname() for listener in server.sockets or ()],
        }
        for server in SERVER[-1].servers
    ]


async def _close(scope: Any) -> Any:
    """Close the listening servers twice and wait for them; what they say then."""
    for server in SERVER[-1].servers:
        server.close()
        server.close()
        await asyncio.wait_for(server.wait_closed(), 60)
    return _listening(scope)


def _stop(scope: Any) -> Any:
    """Let the server end without a signal."""
    SERVER[-1].should_exit = True
    return True


async def _begin(scope: Any, milliseconds: str) -> Any:
    """Say on standard output that the request was begun, and answer after this time, or once it is `released`."""
    print("BEGUN", flush=True)
    if milliseconds == "released":
        while not _is_released():
            await asyncio.sleep(0.01)
    else:
        await asyncio.sleep(int(milliseconds) / 1000)
    return "ended"


def _hold(scope: Any) -> Any:
    """Say on standard output that the loop is blocked from now on, and block it until it is released."""
    print("HOLDING", flush=True)
    while not _is_released():
        time.sleep(0.01)
    return True


def _is_released() -> bool:
    return Path(os.environ["LANE_RELEASE"]).exists()


def _lose(scope: Any) -> Any:
    """Let the lane's thread end though the server goes on, as a defect would."""
    from accel.lane import fronts

    door = fronts._open[-1]()
    assert door is not None
    door._front.stop()
    while door._front.is_running():
        time.sleep(0.001)
    return True


ORDERS: dict[str, Callable[..., Any]] = {
    "flag": _flag,
    "fork": _fork,
    "options": _options,
    "listening": _listening,
    "close": _close,
    "stop": _stop,
    "begin": _begin,
    "hold": _hold,
    "lose": _lose,
}


async def carry_out(scope: Any, order: str, *words: str) -> Any:
    """Do what one of `ORDERS` says; the JSON to answer."""
    answer = ORDERS[order](scope, *words)
    return await answer if asyncio.iscoroutine(answer) else answer
