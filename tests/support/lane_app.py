"""An ASGI application that tells what it was given, and does what a path orders."""

import asyncio
import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from support import lane_orders

CHUNK_BYTES = 65536


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`/told` (or any other path): the request as it came. `/early`: an answer before the body is read.
    `/unread/MS`: the body is not read for so long. `/bytes/N`: N bytes in chunks. `/sleep/MS`: the loop serves
    others meanwhile; `/block/MS`: it does not. `/after/MS`: the task goes on after its answer. `/self`: what the
    process holds. `/lane`: only what accel says of the feature. `/reset`: the same after `accel.reset_errors()`.
    `/socket`: websockets, echoed. `lane_orders` has more.
    """
    if scope["type"] == "websocket":
        return await _echo(receive, send)
    parts = scope["path"].strip("/").split("/")
    order, number = parts[0], int(parts[1]) if len(parts) == 2 and parts[1].isdigit() else 0
    if order == "early":
        return await _answer(send, b"early")
    if order == "unread":
        await asyncio.sleep(number / 1000)
    body = b"".join([chunk async for chunk in _body(receive)])
    if order == "bytes":
        return await _stream(send, number)
    if order == "sleep":
        await asyncio.sleep(number / 1000)
    elif order == "block":
        time.sleep(number / 1000)
    elif order == "crash":
        raise RuntimeError("ordered")
    if order in lane_orders.ORDERS:
        answer = await lane_orders.carry_out(scope, *parts)
    elif order in ("lane", "reset"):
        answer = _lane(order)
    else:
        answer = _self() if order == "self" else _told(scope, body)
    await _answer(send, json.dumps(answer).encode())
    if order == "after":
        await asyncio.sleep(number / 1000)


async def _body(receive: Any) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _told(scope: Any, body: bytes) -> dict[str, Any]:
    names = ("http_version", "method", "scheme", "path", "root_path")
    return {
        **{name: scope[name] for name in names},
        "raw_path": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "client_host": scope["client"] and scope["client"][0],
        "client_port_known": bool(scope["client"] and scope["client"][1]),
        "server": scope["server"] and scope["server"][0],
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "length": len(body),
        "digest": hashlib.sha256(body).hexdigest(),
    }


def _lane(order: str) -> Any:
    accel = sys.modules.get("accel")
    if accel is None:
        return None
    if order == "reset":
        accel.reset_errors("request_lane")
    return accel.status().features["request_lane"]


def _self() -> dict[str, Any]:
    gc.collect()
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return {
        "lane": _lane("lane"),
        "pid": os.getpid(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "threads": len(os.listdir("/proc/self/task")),
        "resident": resident,
        "objects": len(gc.get_objects()),
    }


async def _answer(send: Any, body: bytes, status: int = 200) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Any, count: int) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    pattern = bytes(range(256)) * (CHUNK_BYTES // 256)
    while count > 0:
        await send({"type": "http.response.body", "body": pattern[:count], "more_body": count > CHUNK_BYTES})
        count -= CHUNK_BYTES


async def _echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
