"""Random choices, the texts among them: what the generators of calls share."""

import random
from typing import Any

from support import oddities
from support.texts import Texts


class Chance:
    """The same seed makes the same choices."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(f"chance {seed}")
        self._texts = iter(Texts(f"chance {seed}"))

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def one(self, *choices: Any) -> Any:
        """One of the values; where it is a function, what that makes."""
        choice = self.random.choice(choices)
        return choice() if callable(choice) else choice

    def put(self, keywords: dict[str, Any], chance: float, key: str, *choices: Any) -> None:
        """Set the key to one of the values, or not at all."""
        if self.maybe(chance):
            keywords[key] = self.one(*choices)

    def text(self) -> str:
        text = next(self._texts)
        return text if len(text) < 4000 or self.maybe(0.1) else text[-1500:]

    def odd(self) -> Any:
        """What is no text, or not quite."""
        return self.one(None, 7, 1.5, True, [], {}, oddities.Text("odd"), b"bytes", lambda: (self.text(),))
