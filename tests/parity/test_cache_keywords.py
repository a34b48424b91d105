"""LiteLLM hands all of a request's parameters on to its cache: their names must not meet those of native code."""

from typing import Any

import pytest
from litellm.caching.in_memory_cache import InMemoryCache

from support import sides
from support.calls import calls_of

NAMES = (
    "cache",
    "names",
    "class_",
    "methods",
    "clock",
    "time",
    "_others",
    "model",
    "messages",
    "arguments",
    "named",
)


def used(keywords: dict[str, Any]) -> list[Any]:
    cache = InMemoryCache()
    return [
        cache.set_cache("a", {"b": 1}, **keywords),
        cache.get_cache("a", **keywords),
        cache.increment_cache("n", 2, **keywords),
        cache.get_cache(key="n", **keywords),
        dict(cache.cache_dict),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_of_any_name(name: str) -> None:
    keywords = {name: {"use-cache": True}}
    with sides.plain():
        expected = used(keywords)
    with sides.accelerated(), calls_of("caching") as calls:
        assert used(keywords) == expected
    assert calls.native >= 4
