"""Random content blocks of messages: OpenAI's, Anthropic's, and wrong ones."""

from collections.abc import Callable
from typing import Any

from support import oddities
from support.chance import Chance
from support.images import image_url


class Blocks:
    """Makes lists of content blocks."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance

    def several(self) -> list[Any]:
        return [self._block(depth=0) for _ in range(self.chance.random.randrange(4))]

    def _block(self, depth: int) -> Any:
        nested: Callable[[], Any] = (
            self.chance.text if depth > 1 else lambda: [self._block(depth + 1) for _ in range(2)]
        )
        block = self.chance.one(
            lambda: {"type": "text", "text": self.chance.text()},
            lambda: {"type": "text", "text": self.chance.text(), "cache_control": {"type": "ephemeral"}},
            lambda: self.chance.text(),
            lambda: {"type": "text", "text": self.chance.odd()},
            lambda: {"type": "image_url", "image_url": self._image()},
            lambda: {"type": "image_url", "image_url": self._image()},
            lambda: {"type": "image", "source": self._source()},
            lambda: {
                "type": "document",
                "source": self._source(),
                "title": self.chance.one(self.chance.text, None),
                "context": "c",
            },
            lambda: {
                "type": "document",
                "source": {"type": "text", "data": self.chance.one(self.chance.text, None, 7)},
            },
            lambda: {
                "type": "document",
                "source": {"type": "content", "content": self.chance.one(nested, self.chance.text, 7)},
            },
            lambda: {
                "type": "file",
                "file": {
                    "filename": self.chance.one(self.chance.text, 7),
                    "file_data": image_url(self.chance.random),
                },
            },
            lambda: {
                "type": "tool_use",
                "id": "1",
                "name": self.chance.text(),
                "input": self.chance.one({"a": 1}, {}, self.chance.text, None),
            },
            lambda: {
                "type": "tool_result",
                "tool_use_id": "1",
                "content": self.chance.one(nested, self.chance.text, {"a": "b"}, None),
            },
            lambda: {"type": self.chance.one("tool_use", "tool_result")},
            lambda: {
                "type": "thinking",
                "thinking": self.chance.one(self.chance.text, "", None),
                "signature": self.chance.text(),
            },
            lambda: {"type": "redacted_thinking", "data": self.chance.text()},
            lambda: {"type": "tool_reference", "tool_name": self.chance.one(self.chance.text, None, 7)},
            lambda: {
                "type": self.chance.one("weird", "input_audio", None, 5, ["text"]),
                "text": self.chance.text(),
            },
            lambda: {"text": "no type"},
            self.chance.odd,
        )
        return oddities.Message(block) if isinstance(block, dict) and self.chance.maybe(0.05) else block

    def _image(self) -> Any:
        url = self.chance.one(
            lambda: image_url(self.chance.random), lambda: image_url(self.chance.random), "", " ", None, 7
        )
        detail = self.chance.one("low", "auto", "high", "high", "bogus", None)
        # LiteLLM fetches an address only for its details, so no test asks for those.
        remote = {"url": "https://example.invalid/picture.png", "detail": self.chance.one("low", "auto")}
        return self.chance.one(
            url, {"url": url}, {"url": url, "detail": detail}, {"url": url, "detail": detail}, remote
        )

    def _source(self) -> Any:
        data = self.chance.one(lambda: image_url(self.chance.random), "JVBERi0xLjQK", "", None)
        media = self.chance.one("image/png", "application/pdf", None)
        return self.chance.one(
            {"type": "base64", "media_type": media, "data": data},
            {"type": "url", "url": data},
            {"type": "file", "file_id": "f"},
            {"data": data},
            "bad",
        )
