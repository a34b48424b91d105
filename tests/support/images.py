"""Images as data URLs: real headers of each format that LiteLLM reads, and broken ones."""

import base64
import random
import struct

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
WEBP = b"RIFF\x00\x00\x00\x00WEBP"


def image_url(chance: random.Random) -> str:
    """A data URL whose image is of a random format and size, or is none."""
    width, height = chance.choice((1, 300, 512, 769, 2049, 5000)), chance.choice((1, 200, 768, 1024, 3000))
    pictures = (
        PNG + struct.pack(">LL", width, height) + b"\x08\x02\x00\x00\x00",
        b"GIF89a" + struct.pack("<HH", width, height) + b"\x00" * 8,
        b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03\x01",
        WEBP + b"VP8 " + b"\x00" * 10 + struct.pack("<HH", width, height),
        WEBP + b"VP8L" + b"\x00" * 5 + struct.pack("<L", width - 1 | (height - 1) << 14),
        WEBP + b"VP8X" + b"\x00" * 8 + struct.pack("<L", width - 1)[:3] + struct.pack("<L", height - 1)[:3],
        b"not an image at all",
        PNG[:10],
        b"",
    )
    encoded = base64.b64encode(chance.choice(pictures)).decode()
    broken = (encoded, encoded, encoded, encoded[:-1], encoded + "=", encoded + "*", "no base64 at all")
    head = chance.choice(("data:image/png;base64,", "data:image/jpeg;base64,", "data:,", ""))
    return head + chance.choice(broken)
