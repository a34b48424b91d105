"""An upstream in OpenAI's wire format on 127.0.0.1: chat, streamed chat, embeddings, models, failures.

`python -m accel.demo.mock_upstream --port N` (0: any free port) prints `listening on 127.0.0.1:PORT`
once it accepts connections, and serves until it is told to stop. What a model name orders is in
`mock_behaviour`, what is answered in `mock_content`.

`app` is bare ASGI: it stands behind load tests, where a framework's routing would be measured too.
"""

import argparse
import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import uvicorn

from accel.demo.mock_behaviour import RETRY_AFTER_S, behaviour_of, error_body
from accel.demo.mock_content import (
    CREATED_UNIX_S,
    DEFAULT_DIMENSIONS,
    FINGERPRINT,
    Answer,
    answer_to,
    usage_of,
    vector_of,
)

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HOST = "127.0.0.1"
_KEEP_ALIVE_S = 300
_JSON = (b"content-type", b"application/json")
_SSE = (b"content-type", b"text/event-stream; charset=utf-8")
_MODELS = ("mock-model", "mock-400", "mock-401", "mock-429", "mock-500", "mock-503", "mock-slow-250ms")


async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Answer one HTTP request."""
    if scope["path"] == "/v1/models":
        await _send_json(send, 200, _models())
        return
    handler = _HANDLERS.get(scope["path"])
    if handler is None or scope["method"] != "POST":
        message = f"Unknown request URL: {scope['method']} {scope['path']}."
        await _send_json(send, 404 if handler is None else 405, error_body(404, message))
        return
    body = await _read_body(receive)
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        await _send_json(send, 400, error_body(400, f"The body is not valid JSON: {error}"))
        return
    if not isinstance(request, dict) or not isinstance(request.get("model"), str):
        await _send_json(send, 400, error_body(400, "You must provide a model parameter."))
        return
    ordered = behaviour_of(request["model"])
    if ordered.delay_s:
        await asyncio.sleep(ordered.delay_s)
    if ordered.status is not None:
        await _send_json(send, ordered.status, error_body(ordered.status))
        return
    await handler(request, body, send)


async def _chat(request: dict[str, Any], body: bytes, send: "Send") -> None:
    answer = answer_to(request, body)
    if request.get("stream"):
        options = request.get("stream_options") or {}
        with_usage = bool(options.get("include_usage")) and behaviour_of(request["model"]).streams_usage
        await _stream(request["model"], answer, with_usage, send)
        return
    message = {"role": "assistant", "content": "".join(answer.words), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    reply = _envelope("chat.completion", request["model"], answer)
    await _send_json(send, 200, {**reply, "choices": [choice], "usage": answer.usage})


async def _stream(model: str, answer: Answer, with_usage: bool, send: "Send") -> None:
    """One network write per word, as a provider does, so that the reader meets real chunk borders."""
    envelope = _envelope("chat.completion.chunk", model, answer)
    # OpenAI puts a null usage in every chunk but the last as soon as usage was asked for.
    tail = {"usage": None} if with_usage else {}

    def chunk(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return b"data: " + orjson.dumps({**envelope, "choices": [choice], **tail}) + b"\n\n"

    await send({"type": "http.response.start", "status": 200, "headers": [_SSE]})
    await _send_part(send, chunk({"role": "assistant", "content": ""}))
    for word in answer.words:
        await _send_part(send, chunk({"content": word}))
    await _send_part(send, chunk({}, answer.finish_reason))
    if with_usage:
        await _send_part(
            send, b"data: " + orjson.dumps({**envelope, "choices": [], "usage": answer.usage}) + b"\n\n"
        )
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def _embeddings(request: dict[str, Any], _body: bytes, send: "Send") -> None:
    given = request.get("input") or ""
    # One text, one list of token ids, or a list of either.
    items = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    dimensions = request.get("dimensions") or DEFAULT_DIMENSIONS
    as_base64 = request.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": vector_of(item, dimensions, as_base64)}
        for index, item in enumerate(items)
    ]
    usage = usage_of(sum(len(item) for item in items), 0)
    del usage["completion_tokens"]
    await _send_json(send, 200, {"object": "list", "data": data, "model": request["model"], "usage": usage})


_HANDLERS: dict[str, Callable[[dict[str, Any], bytes, "Send"], Awaitable[None]]] = {
    "/v1/chat/completions": _chat,
    "/v1/embeddings": _embeddings,
}


def _envelope(kind: str, model: str, answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": kind,
        "created": CREATED_UNIX_S,
        "model": model,
        "system_fingerprint": FINGERPRINT,
    }


def _models() -> dict[str, Any]:
    data = [{"id": name, "object": "model", "created": CREATED_UNIX_S, "owned_by": "mock"} for name in _MODELS]
    return {"object": "list", "data": data}


async def _read_body(receive: "Receive") -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send_part(send: "Send", body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _send_json(send: "Send", status: int, value: dict[str, Any]) -> None:
    body = orjson.dumps(value)
    headers = [_JSON, (b"content-length", str(len(body)).encode("ascii"))]
    if status == 429:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode("ascii")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Raises `OSError` when the port is taken."""
    parser = argparse.ArgumentParser(prog="accel.demo.mock_upstream", description="mock OpenAI upstream")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes any free one")
    port = parser.parse_args(argv).port
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    # Listening here, not in uvicorn: from this line on the kernel accepts connections, so the
    # announcement is true, and with port 0 nobody else could tell the number.
    listener.listen(2048)
    print(f"listening on {HOST}:{listener.getsockname()[1]}", flush=True)
    # Longer than LiteLLM keeps a connection: it cannot send a request on one that is just being closed.
    config = uvicorn.Config(
        app, lifespan="off", access_log=False, log_level="warning", timeout_keep_alive=_KEEP_ALIVE_S
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
