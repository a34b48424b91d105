"""Whole prompts for benchmarks: conversations, tools and pictures. Drawn text is new each time."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

import corpus

Message = dict[str, Any]

_TYPES = ("string", "integer", "boolean")
# Before the size a photograph has its camera's data, with a small preview.
_EXIF_BYTES = 12_000


@cache
def _english() -> str:
    return corpus.prose().encode("ascii", "ignore").decode()


@cache
def _code() -> str:
    return corpus.code()


class Prompts:
    """Draws prompts; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def text(self, chars: int) -> str:
        """English from a random place."""
        start = self._chance.randrange(len(_english()) - chars)
        return _english()[start : start + chars]

    def code(self, chars: int) -> str:
        """Python from a random place."""
        start = self._chance.randrange(len(_code()) - chars)
        return _code()[start : start + chars]

    def conversation(self, messages: int, chars: int = 300) -> list[Message]:
        """System first, then user and assistant in turn, each of about that many characters; one is a user's."""
        roles = (
            ["user", "assistant"] * messages if messages == 1 else ["system", *["user", "assistant"] * messages]
        )
        return [
            {"role": role, "content": self.text(self._chance.randrange(chars // 2, chars * 3 // 2))}
            for role in roles[:messages]
        ]

    def growing_chat(self, turns: int, answer_chars: int) -> list[str]:
        """The prompts of a chat, one for each turn, as they arrive: JSON. Questions have about 300 characters."""
        whole = self.conversation(2 * turns)
        for message in whole:
            if message["role"] == "assistant":
                message["content"] = self.text(self._chance.randrange(answer_chars // 2, answer_chars * 3 // 2))
        return [json.dumps(whole[: 2 * turn]) for turn in range(1, turns + 1)]

    def bytes(self, size: int) -> bytes:
        """Random ones."""
        return self._chance.randbytes(size)


def tools(count: int, parameters: int = 6) -> list[dict[str, Any]]:
    """Tools whose parameters have descriptions and, every third, an enum."""
    return [
        {
            "type": "function",
            "function": {
                "name": f"get_thing_{number}",
                "description": f"Gets thing number {number} from the remote system, with filters and pagination.",
                "parameters": {
                    "type": "object",
                    "properties": {f"param_{place}": _parameter(place) for place in range(parameters)},
                    "required": ["param_0", "param_1"],
                },
            },
        }
        for number in range(count)
    ]


def _parameter(place: int) -> dict[str, Any]:
    parameter = {
        "type": _TYPES[place % 3],
        "description": f"The parameter number {place}, used for filtering results.",
    }
    return {**parameter, "enum": ["a", "b", "c"]} if place % 3 == 0 else parameter


def png_url(prompts: Prompts, base64_chars: int) -> str:
    """A picture of 1920 by 1080 as a data URL of about that many characters."""
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sLL5sI", 13, b"IHDR", 1920, 1080, b"\x08\x02\0\0\0", 0)
    return _data_url("image/png", header + prompts.bytes(base64_chars * 3 // 4 - len(header)))


def jpeg_url(prompts: Prompts, base64_chars: int) -> str:
    """The same as a photograph, whose size stands behind the camera's data."""
    header = b"\xff\xd8\xff\xe1" + struct.pack(">H6s", _EXIF_BYTES + 8, b"Exif\0\0")
    size = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, 1080, 1920, 3)
    start = header + prompts.bytes(_EXIF_BYTES) + size
    return _data_url("image/jpeg", start + prompts.bytes(base64_chars * 3 // 4 - len(start)))


def _data_url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def question_about(url: str, detail: str) -> list[Message]:
    """One message with a picture."""
    picture = {"type": "image_url", "image_url": {"url": url, "detail": detail}}
    return [{"role": "user", "content": [{"type": "text", "text": "What is in this picture?"}, picture]}]


def body(texts: Sequence[str]) -> dict[str, Any]:
    """The body of a request to the proxy."""
    messages = [{"role": "user", "content": text} for text in texts]
    return {"model": "gpt-4o", "messages": messages, "max_tokens": 50}
