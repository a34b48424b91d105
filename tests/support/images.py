"""Images as data URLs: real headers of each format that LiteLLM reads, and broken ones."""

import base64
import random
import struct

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
SIDES = (0, 1, 2, 200, 300, 512, 767, 768, 769, 1024, 2048, 2049, 3000, 16_383)
HEADS = (
    "data:image/png;base64,",
    "data:image/jpeg;base64,",
    "data:,",
    ",",
    "data:é;base64,",
    "data:image/png;base64;",
)
BASELINE, PROGRESSIVE = 0xC0, 0xC2
FRAMES = (BASELINE, BASELINE, PROGRESSIVE, PROGRESSIVE, 0xC1, 0xC3, 0xC5, 0xCF)
NO_FRAMES = (0xC4, 0xC8, 0xCC, 0xDB, 0xDD, 0xE0, 0xE1, 0xEE, 0xFE, 0x01, 0xD0)


def png(chance: random.Random, width: int, height: int) -> bytes:
    return PNG + struct.pack(">LL", width, height) + b"\x08\x02\x00\x00\x00"


def gif(chance: random.Random, width: int, height: int) -> bytes:
    return b"GIF8" + chance.choice((b"9a", b"7a", b"9b")) + struct.pack("<HH", width, height) + b"\x00" * 8


def jpeg(chance: random.Random, width: int, height: int) -> bytes:
    """Segments before the frame, thumbnails that look like one, fill bytes before markers."""
    parts = [b"\xff\xd8"]
    for _ in range(chance.randrange(5)):
        body = chance.randbytes(chance.choice((0, 2, 14, 300, 5000)))
        if chance.random() < 0.2:
            body += b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10"
        length = len(body) + 2 if chance.random() < 0.97 else chance.choice((0, 1, 65_535))
        parts.append(_marker(chance, chance.choice(NO_FRAMES)) + struct.pack(">H", length) + body)
    frame = b"\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03\x01\x22\x00"
    return b"".join([*parts, _marker(chance, chance.choice(FRAMES)), frame])


def _marker(chance: random.Random, kind: int) -> bytes:
    return b"\xff" * chance.choice((1, 1, 1, 1, 2, 7)) + bytes([kind])


def webp(chance: random.Random, width: int, height: int) -> bytes:
    width, height = max(width, 1), max(height, 1)
    lossless = struct.pack("<L", (width - 1) & 0x3FFF | ((height - 1) & 0x3FFF) << 14)
    extended = struct.pack("<L", width - 1)[:3] + struct.pack("<L", height - 1)[:3]
    form = chance.choice(
        (
            b"VP8 " + chance.randbytes(10) + struct.pack("<HH", width, height),
            b"VP8L" + chance.randbytes(5) + lossless,
            b"VP8X" + chance.randbytes(8) + extended,
            b"VP8?" + chance.randbytes(16),
        )
    )
    return b"RIFF" + chance.randbytes(4) + b"WEBP" + form


def heic(chance: random.Random, width: int, height: int) -> bytes:
    return b"\x00\x00\x00\x18ftypheic" + chance.randbytes(20)


def picture(chance: random.Random) -> bytes:
    """An image of a random format and size, whole or cut off, or none."""
    make = chance.choice((png, gif, jpeg, jpeg, jpeg, webp, webp, heic))
    image = make(chance, chance.choice(SIDES), chance.choice(SIDES))
    image += chance.randbytes(chance.choice((0, 0, 1, 2, 50)))
    if chance.random() < 0.2:
        image = image[: chance.randrange(len(image) + 1)]
    return image if chance.random() < 0.97 else chance.choice((b"", b"not an image at all", b"\xff\xd8\xff"))


def encoded(chance: random.Random, image: bytes) -> str:
    """In base64: mostly as it should be."""
    text = base64.b64encode(image).decode()
    if chance.random() < 0.7:
        return text
    at = chance.randrange(len(text) + 1)
    return chance.choice(
        (
            text.rstrip("="),
            text + "=" * chance.randrange(1, 4),
            text[:-1],
            text[:at] + "=" + text[at:],
            text[:at] + chance.choice("*!-_ \x00é\ud800漢.") + text[at:],
            base64.urlsafe_b64encode(image).decode(),
            base64.encodebytes(image).decode(),
            "".join(character + chance.choice(("", "", "", " ", "\r\n")) for character in text[:200]),
            "\n" + text + "\n",
            "",
            "====",
            "no base64 at all",
        )
    )


def image_url(chance: random.Random) -> str:
    """A data URL whose image is of a random format and size, or is none."""
    text = encoded(chance, picture(chance))
    kind = chance.random()
    if kind < 0.02:
        return text
    if kind < 0.04:
        return f"{chance.choice(HEADS)}{text},{text}"
    return (chance.choice(HEADS[:2]) if kind < 0.9 else chance.choice(HEADS)) + text
