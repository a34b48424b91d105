"""Good requests with something wrong put in at random places, and split at one."""

import random
from collections.abc import Iterator

from support.wire import Script
from support.wire_parts import GOOD, chat, coded, get, length

_GOOD = (
    GOOD,
    chat(b"authorization: Bearer sk-1", b"user-agent: x/1 (y)", b"accept: */*", body=b'{"model": "m"}'),
    get(),
    length(b"5"),
    coded(b"chunked"),
    chat(b"connection: keep-alive", b"x-api-key: k"),
)
_BYTES = (*b"\r\n\t :;,/%+-09azAZ\0\x0b\x7f\x80\xff", *range(256))
_FIELDS = (
    b"content-length: 5",
    b"Content-Length: 0",
    b"transfer-encoding: chunked",
    b"Transfer-Encoding: identity",
    b"host: there",
    b"connection: close",
    b"connection: upgrade",
    b"expect: 100-continue",
    b"content-type: text/plain",
    b"authorization: Bearer sk-2",
    b" folded",
    b"x: \xff",
    b"",
)


def scripts(seed: object, count: int) -> Iterator[Script]:
    """The same seed makes the same ones."""
    chance = random.Random(f"wire {seed}")
    for _ in range(count):
        data = bytearray(chance.choice(_GOOD))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _change_line(chance, data) if chance.random() < 0.4 else _change_byte(chance, data)
        at = chance.randrange(len(data) + 1)
        pieces = [bytes(data[:at]), bytes(data[at:])] if chance.random() < 0.5 else [bytes(data)]
        yield [[piece] for piece in pieces if piece] or [[b"\0"]]


def _change_byte(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data)) if data else 0
    kind = chance.randrange(4)
    if kind == 0:
        del data[at : at + 1]
    elif kind == 1:
        data.insert(at, chance.choice(_BYTES))
    elif kind == 2:
        data[at : at + 1] = bytes([chance.choice(_BYTES)])
    else:
        data[at:at] = data[at : at + chance.randrange(1, 20)]


def _change_line(chance: random.Random, data: bytearray) -> None:
    lines = bytes(data).split(b"\r\n")
    at = chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, chance.choice(_FIELDS))
    elif kind == 2:
        lines[at] = chance.choice(_FIELDS)
    else:
        lines.insert(at, chance.choice(lines))
    data[:] = b"\r\n".join(lines)
