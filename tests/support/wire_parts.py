"""What requests on the wire are put together from."""

from dataclasses import dataclass

CHAT = b"/v1/chat/completions"
JSON = b"content-type: application/json"
WEBSOCKET = (
    b"upgrade: websocket",
    b"connection: Upgrade",
    b"sec-websocket-version: 13",
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
)
# Masked with zeros: a text frame, and a close frame.
FRAME, CLOSE_FRAME = b"\x81\x85\0\0\0\0hello", b"\x88\x80\0\0\0\0"


@dataclass(frozen=True)
class Input:
    """One connection's bytes."""

    name: str
    data: bytes
    reason: str
    """Of `data` written at once: why it was handed over."""
    then: tuple[bytes, ...] = ()
    """Sent one after the other, each when the server has done with what came before."""


def request(
    *fields: bytes,
    method: bytes = b"POST",
    target: bytes = CHAT,
    version: bytes = b"HTTP/1.1",
    host: bytes | None = b"host: here",
    body: bytes = b"",
) -> bytes:
    """A request with these fields and no other but the host."""
    lines = [b" ".join((method, target, version)), *([] if host is None else [host]), *fields, b"", body]
    return b"\r\n".join(lines)


def chat(*fields: bytes, body: bytes = b"{}", **parts: bytes | None) -> bytes:
    """A good request to the chat route, with these fields added."""
    length = b"content-length: %d" % len(body)
    return request(JSON, length, *fields, body=body, **parts)  # type: ignore[arg-type]


def get(*fields: bytes, target: bytes = b"/told", **parts: bytes | None) -> bytes:
    """A good request to another route."""
    return request(*fields, method=b"GET", target=target, **parts)  # type: ignore[arg-type]


def length(*values: bytes, body: bytes = b"hello") -> bytes:
    """With these lengths, one field each."""
    return request(JSON, *(b"content-length: " + value for value in values), body=body)


def coded(*values: bytes, body: bytes = b"5\r\nhello\r\n0\r\n\r\n") -> bytes:
    """With these transfer codings, one field each."""
    return request(JSON, *(b"transfer-encoding: " + value for value in values), body=body)


GOOD = chat()
SMUGGLED = get(target=b"/smuggled")
HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: there\r\nx: "


def inputs(reason: str, named: dict[str, bytes]) -> list[Input]:
    """One for each name."""
    return [Input(name, data, reason) for name, data in named.items()]
