"""Plain data with something wrong put in at a random place."""

from typing import Any

from support import oddities
from support.chance import Chance

DEPTHS = (3, 31, 32, 33, 34, 63, 64, 65, 66, 99, 100, 101, 150)
"""On both sides of what native code walks."""


class Mutations:
    """Changes lists and dicts in place."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance

    def mutate(self, value: Any) -> None:
        """One change somewhere inside."""
        container = self._somewhere(value)
        if isinstance(container, dict):
            self._change_dict(container)
        elif isinstance(container, list):
            self._change_list(container)

    def _somewhere(self, value: Any) -> Any:
        """A container, found by walking down at random."""
        while True:
            items = value.values() if isinstance(value, dict) else value
            inner = [item for item in items if isinstance(item, (dict, list)) and item]
            if not inner or self.chance.maybe(0.25):
                return value
            value = self.chance.random.choice(inner)

    def _change_dict(self, container: dict[Any, Any]) -> None:
        key = self.chance.random.choice([*container, "type"])
        change = self.chance.random.randrange(6)
        if change == 0:
            container.pop(key, None)
        elif change == 1:
            container[key] = self.chance.odd()
        elif change == 2:
            container[key] = oddities.subclassed(container.get(key))
        elif change == 3:
            value = container.pop(key, None)
            container[self._key(key)] = value
        elif change == 4:
            container[self._key("extra")] = self.chance.one(self.chance.text, self.chance.odd)
        else:
            container[key] = self.nested(container.get(key))

    def _change_list(self, container: list[Any]) -> None:
        at = self.chance.random.randrange(len(container) + 1)
        if at == len(container):
            # The same object twice, or something new.
            container.append(container[0] if container and self.chance.maybe(0.5) else self.chance.odd())
            return
        change = self.chance.random.randrange(4)
        if change == 0:
            del container[at]
        elif change == 1:
            container[at] = self.chance.odd()
        elif change == 2:
            container[at] = oddities.subclassed(container[at])
        else:
            container[at] = self.nested(container[at])

    def _key(self, key: Any) -> Any:
        key = key if isinstance(key, str) else "key"
        return self.chance.one(
            oddities.Text(key), key + "\ud800", self.chance.text, 7, None, key.encode("utf-8", "surrogatepass"), ""
        )

    def nested(self, value: Any) -> Any:
        """The value deep inside lists, dicts or blocks."""
        wrap = self.chance.one("list", "dict", "block", "object", "array")
        for _ in range(self.chance.random.choice(DEPTHS) if self.chance.maybe(0.3) else 2):
            value = {
                "list": [value],
                "dict": {"a": value},
                "block": [{"type": "tool_result", "tool_use_id": "1", "content": value}],
                "object": {"type": "object", "properties": {"a": value}},
                "array": {"type": "array", "items": value},
            }[wrap]
        return value
