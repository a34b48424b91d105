"""Values as text that two runs can be compared by: types told apart, shared objects by name, sets in one order."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_ATTRIBUTES = (
    "status_code",
    "detail",
    "headers",
    "category",
    "rate_limit_type",
    "model",
    "llm_provider",
    "message",
)


class Told(str):
    """Text that shows something already."""


class Shown:
    """How one world shows its values. `names` holds the objects that the program itself made, by identity."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def name(self, value: Any, name: str) -> None:
        self._names[id(value)] = name

    def __call__(self, value: Any) -> str:
        if isinstance(value, Told):
            return value
        content = self._content(value)
        name = self._names.get(id(value))
        return content if name is None else f"{name} {content}"

    def _content(self, value: Any) -> str:
        if isinstance(value, BaseException):
            return self.error(value)
        kind = type(value)
        if kind in (dict, list, tuple, set, frozenset):
            return self._container(value)
        if is_dataclass(value) and not isinstance(value, type):
            shown = [(field.name, getattr(value, field.name)) for field in fields(value) if field.repr]
            return f"{kind.__name__}({self._items(shown)})"
        if isinstance(value, str | bytes) and len(value) > 400:
            return f"{kind.__name__} of {len(value)}: {value[:40]!a} {zlib.crc32(ascii(value).encode())}"
        if isinstance(value, int) and value.bit_length() > 10_000:
            return f"{kind.__name__} of {value.bit_length()} bits"
        if isinstance(value, bool | int | float | str | bytes) or value is None:
            return ascii(value) if kind.__module__ == "builtins" else f"{kind.__name__} {value!a}"
        return kind.__name__

    def _container(self, value: Any) -> str:
        if isinstance(value, dict):
            return f"{{{self._items(value.items())}}}"
        parts = [self(part) for part in value]
        if isinstance(value, set | frozenset):
            parts.sort()
        return f"{type(value).__name__}({', '.join(parts)})"

    def _items(self, items: Iterable[tuple[Any, Any]]) -> str:
        return ", ".join(f"{self(key)}: {self(value)}" for key, value in items)

    def mapping(self, value: Mapping[Any, Any]) -> str:
        """A dict or what looks like one, in its own order."""
        return f"{{{self._items(value.items())}}}"

    def error(self, error: BaseException) -> str:
        """Class, text, and what a proxy makes an answer of."""
        told = {name: getattr(error, name) for name in _ATTRIBUTES if hasattr(error, name)}
        kind = type(error)
        return f"raised {kind.__module__}.{kind.__qualname__} {self._content(str(error))} {self._container(told)}"
