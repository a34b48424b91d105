"""Random choices, the texts among them: what the generators of calls share."""

import math
import random
from typing import Any

from support import oddities
from support.texts import Texts

NUMBERS = (0, 7, -1, 1.5, -0.0, 1e22, 1e-7, math.nan, math.inf, -math.inf, 10**30, True, False)
CALM = 0.03
"""How often something odd stands where it should not, in calls that are mostly right."""


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

    def mostly(self, usual: Any, *odd: Any) -> Any:
        """The first, or now and then one of the others; where it is a function, what that makes."""
        return self.one(*odd) if self.maybe(CALM) else self.one(usual)

    def put(self, keywords: dict[str, Any], chance: float, key: str, *choices: Any) -> None:
        """Set the key to one of the values, or not at all."""
        if self.maybe(chance):
            keywords[key] = self.one(*choices)

    def text(self) -> str:
        text = next(self._texts)
        return text if len(text) < 4000 or self.maybe(0.1) else text[-1500:]

    def number(self) -> float:
        return self.random.choice(NUMBERS)

    def odd(self) -> Any:
        """What is no text, or not quite."""
        return self.one(
            None,
            self.number,
            [],
            {},
            oddities.Text("odd"),
            oddities.Number(3),
            oddities.Items(["a"]),
            oddities.Message(type="text"),
            oddities.Role.SYSTEM,
            oddities.Note(content="c"),
            b"bytes",
            "\udead",
            10**5000,
            lambda: (self.text(),),
            lambda: {"a": [self.text(), None]},
        )
