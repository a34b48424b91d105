"""Random bodies of requests, as the proxy parses them and as nobody should send them."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from support import oddities
from support.chance import Chance
from support.comparison import SEAMS, Call
from support.conversations import Conversations
from support.mutations import Mutations
from support.texts import Texts

FIELDS = ("messages", "prompt", "input", "query", "documents", "tools", "tool_choice")
OTHERS = ("model", "metadata", "text", "")
# What repr() escapes, quotes or leaves alone.
CHARACTERS = (
    *"ab'\"\\\n\r\t\x00\x1f\x7f\x80\xa0\xad",
    *"é漢\u0301\u200b\u2028\ue000\ufeff\uffff",
    "🙂", "\U000e0001", "\U0010ffff", "\ud800", "'\"", "\\'", "word ",
)  # fmt: skip


class Bodies:
    """An endless stream of calls of `_approximate_input_size`."""

    def __init__(self, seed: object) -> None:
        self.chance = Chance(seed)
        self.texts = iter(Texts(f"bodies {seed}"))
        self.conversations = Conversations(seed)
        self.mutations = Mutations(self.chance)

    def __iter__(self) -> Iterator[Call]:
        while True:
            name = "_approximate_input_size"
            yield Call(f"{SEAMS[name]}:{name}", {"request_body": self._body()})

    def _body(self) -> Any:
        body: dict[Any, Any] = {}
        for field in (*FIELDS, *OTHERS):
            self.chance.put(body, 0.3, field, lambda: self._value(0))
        if self.chance.maybe(0.2):
            body["messages"] = self.conversations.messages()
            if not isinstance(body["messages"], (list, tuple, dict, str, int)):
                del body["messages"]  # its repr tells an address
        if self.chance.maybe(0.1) and body:
            self.mutations.mutate(body)
        return self.chance.mostly(
            lambda: body,
            lambda: oddities.Message(body),
            lambda: MappingProxyType(body),
            lambda: {oddities.Text("messages"): body},
            None,
            [],
            "messages",
        )

    def _text(self) -> str:
        characters = self.chance.random.choices(
            CHARACTERS, k=self.chance.random.choice((0, 1, 3, 20, 63, 64, 65, 200))
        )
        return self.chance.one("".join(characters), lambda: next(self.texts))

    def _value(self, depth: int) -> Any:
        if depth > 5 or self.chance.maybe(0.5):
            return self.chance.mostly(
                lambda: self.chance.one(self._text, self._text, self.chance.number, None, [], {}),
                (),
                b"bytes\x00",
                1j,
                oddities.Text("it's"),
                oddities.Number(3),
                oddities.Items([1]),
                oddities.Role.USER,
                10**5000,
                self._knot,
                lambda: self.mutations.nested("deep"),
            )
        several = range(self.chance.random.randrange(4))
        return self.chance.mostly(
            lambda: self.chance.one(
                lambda: [self._value(depth + 1) for _ in several],
                lambda: {self._text(): self._value(depth + 1) for _ in several},
            ),
            lambda: tuple(self._value(depth + 1) for _ in several),
            lambda: {self.chance.one(1, None, True, 1.5, (1,)): self._value(depth + 1)},
        )

    def _knot(self) -> Any:
        """What holds itself."""
        items: list[Any] = [1, "it's"]
        held = {"self": items}
        items += [items, held, items]
        return self.chance.one(lambda: items, held)
