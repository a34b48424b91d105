"""The keywords of LiteLLM's complexity routers, made ready for searching."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from accel import native

_SHARED: Final = 16
"""Of so many different sets of lists, used last, routers made later may have the search."""

_Lists = tuple[tuple[str, ...], ...]


class Searches:
    """A search for each router, as long as its lists hold the keywords that it was made for.

    Routers with equal lists share it. Thread-safe: two threads may make the same one, and either serves.
    """

    def __init__(self, is_phrase: Callable[[str], bool]) -> None:
        """`is_phrase` says of a keyword in lower case that it counts inside words too."""
        self._is_phrase = is_phrase
        self._by_router: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()
        self._shared: Final[OrderedDict[_Lists, Any]] = OrderedDict()

    def of(self, router: Any, *lists: Any) -> Any:
        """The search of these lists; None if they hold more than texts."""
        found = self._by_router.get(router)
        if found is None or not found.are(*lists):
            found = self._made(lists)
            if found is not None:
                self._by_router[router] = found
        return found

    def _made(self, lists: tuple[Any, ...]) -> Any:
        if any(type(keywords) is not list for keywords in lists):
            return None
        content = tuple(tuple(keywords) for keywords in lists)
        if any(type(keyword) is not str for keywords in content for keyword in keywords):
            return None
        shared = self._shared.pop(content, None)
        # Equal texts may be other objects, and those of these lists are what is then compared.
        if shared is None or not shared.are(*lists):
            shared = native.module.PromptKeywords([list(map(self._given, keywords)) for keywords in content])
        self._shared[content] = shared
        while len(self._shared) > _SHARED:
            try:
                self._shared.popitem(last=False)
            except KeyError:  # another thread took the last one out
                break
        return shared

    def _given(self, keyword: str) -> tuple[str, str, bool]:
        lowered = keyword.lower()
        return keyword, lowered, not self._is_phrase(lowered)
