"""An upstream whose answers wait until the test lets them go on, and that counts the bytes of an upload."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson

from support.processes import HOST, wait_until

MARK = b"\xa5"
"""The byte that is counted; no boundary between parts contains it."""

_HEAD = {"id": "chatcmpl-held", "created": 1_767_225_600, "model": "gpt-4o-mini"}


class HeldUpstream:
    """`base_url` without `/v1`."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._may_go_on = threading.Event()
        self._lock = threading.Lock()
        self._waiting = 0

    def wait_for(self, count: int) -> None:
        """Until so many answers wait, each of a stream after its first words."""
        wait_until(lambda: self._waiting == count)

    def release(self) -> None:
        """Let all answers that wait be finished; those to come will wait again."""
        count = self._waiting
        self._may_go_on.set()
        wait_until(lambda: self._waiting == 0)
        self._may_go_on.clear()
        assert count

    def hold(self) -> None:
        """Called on the thread of an answer: wait until it may go on."""
        with self._lock:
            self._waiting += 1
        self._may_go_on.wait(60)
        with self._lock:
            self._waiting -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: HeldUpstream

    def do_POST(self) -> None:
        if self.path.endswith("/audio/transcriptions"):
            count = self._body().count(MARK)
            return self._answer({"text": f"{count} marks"})
        request = orjson.loads(self._body())
        if request.get("stream"):
            return self._stream()
        self.upstream.hold()
        choice = {"index": 0, "message": {"role": "assistant", "content": "held"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self._answer({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": usage})

    def _body(self) -> bytes:
        if "content-length" in self.headers:
            return self.rfile.read(int(self.headers["content-length"]))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, value: object) -> None:
        body = orjson.dumps(value)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._event({"role": "assistant", "content": "begun "})
        self.upstream.hold()
        for word in ("and ", "ended"):
            self._event({"content": word})
        self._event({}, "stop")
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, delta: dict[str, str], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        value = {**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}
        self._chunk(b"data: " + orjson.dumps(value) + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def held_upstream() -> Iterator[HeldUpstream]:
    """One on a port of its own, in threads of this process."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    class Handler(_Handler):
        pass

    with Server((HOST, 0), Handler) as server:
        Handler.upstream = HeldUpstream(f"http://{HOST}:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Handler.upstream
        finally:
            server.shutdown()
