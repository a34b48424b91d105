"""Random content blocks of messages: OpenAI's, Anthropic's, and wrong ones."""

from collections.abc import Callable
from typing import Any

from support import oddities
from support.chance import Chance
from support.images import image_url
from support.mutations import Mutations
from support.network import ADDRESSES


class Blocks:
    """Makes lists of content blocks."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.mutations = Mutations(chance)

    def several(self) -> list[Any]:
        return [self.block() for _ in range(self.chance.random.randrange(4))]

    def block(self, depth: int = 0) -> Any:
        block = self.chance.mostly(lambda: self._usual(depth), self._rare, self._rare, self._wrong)
        return oddities.Message(block) if isinstance(block, dict) and self.chance.maybe(0.005) else block

    def _usual(self, depth: int) -> Any:
        blocks: Callable[[], Any] = lambda: [self.block(depth + 1) for _ in range(2)]  # noqa: E731
        nested = self.chance.text if depth > 2 else blocks
        arguments = self.chance.one({"a": 1}, {"b": ["漢字", None, 1.5, {"c": True}]}, {}, self.chance.text)
        return self.chance.one(
            lambda: {"type": "text", "text": self.chance.text()},
            lambda: {"type": "text", "text": self.chance.text(), "cache_control": {"type": "ephemeral"}},
            self.chance.text,
            lambda: {"type": "image_url", "image_url": self._image()},
            lambda: {"type": "image", "source": self._source()},
            lambda: {"type": "tool_use", "id": "1", "name": self.chance.text(), "input": arguments},
            lambda: {
                "type": "tool_result",
                "tool_use_id": "1",
                "content": self.chance.one(nested, self.chance.text),
            },
            lambda: {"type": "thinking", "thinking": self.chance.text(), "signature": "s"},
            lambda: {"type": "redacted_thinking", "data": self.chance.text()},
            lambda: {"type": "tool_reference", "tool_name": self.chance.text()},
        )

    def _rare(self) -> Any:
        """What native code leaves to Python, or nearly."""
        text = self.chance.text
        return self.chance.one(
            lambda: {"type": "document", "source": self._source(), "title": self.chance.one(text, None)},
            lambda: {"type": "document", "source": {"type": "text", "data": self.chance.one(text, None, 7)}},
            lambda: {"type": "document", "source": {"type": "content", "content": [self._usual(3)]}},
            lambda: {"type": "file", "file": {"filename": self.chance.one(text, 7), "file_data": self._url()}},
            lambda: {"type": "text", "text": self.chance.odd()},
            lambda: {"type": "thinking", "thinking": self.chance.odd()},
            lambda: {"type": "tool_reference", "tool_name": self.chance.odd()},
            lambda: {"type": "tool_use", "id": "1", "name": "n", "input": self.chance.odd()},
            lambda: {"type": "tool_result", "tool_use_id": "1", "content": self.chance.odd()},
            lambda: {"type": "thinking"},
            lambda: {"type": "tool_reference"},
            lambda: self.mutations.nested([{"type": "text", "text": "deep"}]),
        )

    def _wrong(self) -> Any:
        return self.chance.one(
            lambda: {"type": self.chance.one("tool_use", "tool_result", "image", "image_url")},
            lambda: {"type": self.chance.one("weird", "input_audio", "", None, 5, ["text"], "\ud800")},
            lambda: {"type": oddities.Text("text"), "text": "t"},
            lambda: {"text": "no type"},
            self.chance.odd,
        )

    def _url(self) -> str:
        return image_url(self.chance.random)

    def _image(self) -> Any:
        url = self.chance.one(self._url, self._url, *ADDRESSES)
        url = self.chance.mostly(url, "", " ", "\u3000x", "é", "\ud800", None, 7)
        detail = self.chance.mostly(lambda: self.chance.one("low", "auto", "high", "high"), "bogus", None, 7)
        detailed = {"url": url, "detail": detail}
        return self.chance.mostly(
            lambda: self.chance.one(url, {"url": url}, detailed, detailed, detailed),
            None,
            [url],
            {"detail": "low"},
        )

    def _source(self) -> Any:
        data = self.chance.mostly(self._url, "JVBERi0xLjQK", "", None, 7, 10**5000, "\ud800", [1])
        media = self.chance.one("image/png", "application/pdf", None)
        return self.chance.mostly(
            lambda: self.chance.one(
                {"type": "base64", "media_type": media, "data": data},
                {"type": "url", "url": data},
                {"type": "file", "file_id": "f"},
            ),
            {"data": data},
            {"type": ["base64"], "data": data},
            oddities.Message(type="url", url="u"),
            "bad",
            None,
        )
