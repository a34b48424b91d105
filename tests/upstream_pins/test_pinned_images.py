"""Sizes of images, read from their first bytes, and the price of a detailed one."""

import base64
import struct
from typing import Any

import httpx
import litellm
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support.pins import alike, counts_partly, user

SOI = b"\xff\xd8"


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + struct.pack(">II", width, height) + b"\x08\x06\x00\x00\x00"


def frame(width: int, height: int, marker: int = 0xC0) -> bytes:
    """The part of a JPEG that says its size."""
    parts = struct.pack(">HBHHB", 17, 8, height, width, 3)
    return bytes((0xFF, marker)) + parts + b"\x01\x22\x00\x02\x11\x01\x03\x11\x01"


def segment(marker: int, payload: bytes = b"") -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def webp(kind: bytes, payload: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(body)) + body


def data_url(image: bytes) -> str:
    return "data:image/any;base64," + base64.b64encode(image).decode()


def dimensions(image: bytes) -> Any:
    return counter_module.get_image_dimensions(data=data_url(image))


def three_bytes(number: int) -> bytes:
    return (number - 1).to_bytes(3, "little")


JFIF = segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
IMAGES: dict[str, tuple[bytes, tuple[int, int]]] = {
    "png": (png(1031, 517), (1031, 517)),
    "gif": (b"GIF89a" + struct.pack("<HH", 91, 47) + b"\x00\x00\x00", (91, 47)),
    "jpeg": (SOI + JFIF + frame(811, 613), (811, 613)),
    "progressive jpeg": (SOI + JFIF * 3 + frame(641, 479, 0xC2), (641, 479)),
    "lossy webp": (
        webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 643, 481)),
        (643, 481),
    ),
    "lossless webp": (webp(b"VP8L", b"\x2f" + struct.pack("<I", 320 | 240 << 14)), (321, 241)),
    "extended webp": (webp(b"VP8X", bytes(4) + three_bytes(1921) + three_bytes(1081)), (1921, 1081)),
    "a frame inside a segment": (
        SOI + segment(0xE1, b"Exif\x00\x00" + frame(1, 1)) + segment(0xFE, b"c") + frame(811, 613),
        (811, 613),
    ),
    "many segments": (SOI + segment(0xE0) * 4096 + frame(811, 613), (811, 613)),
    "filled before a marker": (SOI + b"\xff" * 1025 + frame(811, 613), (811, 613)),
    "a marker at once after a segment": (SOI + segment(0xE0, b"JFIF\x00") + frame(811, 613)[1:], (811, 613)),
    "a segment of length zero": (SOI + b"\xff\xe0\x00\x00\x02" + frame(811, 613), (811, 613)),
    "no known format": (b"BM" + bytes(30), (300, 300)),
    "webp without a picture": (webp(b"ALPH", bytes(16)), (300, 300)),
    "nothing": (b"", (300, 300)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_size_of_an_image(name: str) -> None:
    image, expected = IMAGES[name]
    alike(expected, dimensions, image)


@pytest.mark.parametrize("marker", [code for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC)])
def test_every_marker_of_a_frame(marker: int) -> None:
    alike((811, 613), dimensions, SOI + segment(0xE0) + frame(811, 613, marker))


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC])
def test_markers_that_look_like_a_frames(marker: int) -> None:
    lookalike = segment(marker, struct.pack(">BHH", 8, 1, 1) + bytes(8))
    alike((811, 613), dimensions, SOI + segment(0xE0) + lookalike + frame(811, 613))


@pytest.mark.parametrize(
    "image",
    [
        png(1, 1)[:10],
        SOI + b"\xff\xe0\x00\x10JFIF",
        SOI + b"\xff" * 10,
        SOI + b"\xff" * 2000,
        SOI + b"\xff\xe0\x00\x01\x02" + frame(811, 613),
    ],
    ids=["png", "segment", "short fill", "long fill", "segment of length one"],
)
def test_an_image_cut_off_is_refused(image: bytes) -> None:
    with pytest.raises((struct.error, TypeError)):
        dimensions(image)


def test_an_image_is_fetched_by_litellms_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(_client: Any, url: str, **_keywords: Any) -> httpx.Response:
        asked.append(url)
        return httpx.Response(200, content=png(7, 5))

    monkeypatch.setattr(counter_module, "safe_get", fetch)
    url = "https://x.test/i.png"
    alike((7, 5), counter_module.get_image_dimensions, data=url)
    detailed = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
    counts_partly(262, model="gpt-4o", messages=[user([detailed])])
    assert set(asked) == {url}
    assert len(asked) == 2 + 4  # each of the two counters, with accel and without


def test_an_image_that_cannot_be_fetched_is_taken_for_base64(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_arguments: Any, **_keywords: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(counter_module, "safe_get", fetch)
    with pytest.raises(ValueError, match="not enough values to unpack"):
        counter_module.get_image_dimensions(data="https://x.test/i.png")


# 85 and 170 for each tile of 512 pixels, after the image has been made to fit 768 by 2,000.
DETAILED = {
    (1, 1): 255,
    (768, 768): 765,
    (2000, 768): 1445,
    (768, 2000): 1445,
    (4096, 4096): 765,
    (8000, 3072): 1445,
}


@pytest.mark.parametrize(("size", "expected"), DETAILED.items(), ids=map(str, DETAILED))
def test_the_price_of_a_detailed_image(size: tuple[int, int], expected: int) -> None:
    url = data_url(png(*size))
    alike(expected, counter_module.calculate_img_tokens, url, mode="high")
    assert expected <= counter_module.high_detail_image_token_upper_bound() == 1445
    detailed = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
    text = {"type": "text", "text": "Which way does the tide run?"}
    counts_partly(expected + 14, model="gpt-4o", messages=[user([text, detailed])])


def test_comments_in_an_image_change_no_price() -> None:
    plain = SOI + JFIF + frame(2048, 1024)
    commented = SOI + segment(0xFE) * 1024 + JFIF + frame(2048, 1024)
    for image in (plain, commented):
        detailed = {"type": "image_url", "image_url": {"url": data_url(image), "detail": "high"}}
        alike(1112, litellm.token_counter, model="gpt-4o", messages=[user([detailed])])
