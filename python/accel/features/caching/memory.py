"""LiteLLM's in-memory cache on a native store.

The store lies under the same attributes: `cache_dict` and `ttl_dict` are views of it that act as dictionaries, and
`expiration_heap` stays the list that it is. So LiteLLM's own code, that of subclasses and of tests, works on the
same content, before, after and between native calls.
"""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from accel import native
from accel.errors import Declined
from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

MODULE: Final = "litellm.caching.in_memory_cache"
CLASS: Final = f"{MODULE}:InMemoryCache"
_SEAMED: Final = ("get_cache", "set_cache", "increment_cache")
_HELPERS: Final = (
    "_is_key_expired",
    "_remove_key",
    "allow_ttl_override",
    "check_value_size",
    "evict_cache",
    "evict_element_if_expired",
)
REPRODUCES: Final = (
    *(f"{CLASS}.{method}" for method in ("__init__", *_SEAMED, *_HELPERS)),
    f"{MODULE}:DEFAULT_MAX_SIZE_IN_MEMORY",
)
"""What native code does in place of."""

_KILOBYTE: Final = 1024

if native.module is not None:
    MutableMapping.register(native.module.CacheView)


class Caches:
    """The native code for every `InMemoryCache`, made once when LiteLLM's module is there. Thread-safe."""

    def __init__(self) -> None:
        self._made: Any = None

    def get(self) -> Any:
        """The `MemoryCaches`. Needs the native module, and LiteLLM's."""
        if self._made is None:
            class_ = live(CLASS)
            if sys.modules[MODULE].MAX_SIZE_PER_ITEM_IN_MEMORY_CACHE_IN_KB != _KILOBYTE:
                # The seams stay out, and the status says why: values are judged by it, and it is 1,024 here.
                raise ValueError("MAX_SIZE_PER_ITEM_IN_MEMORY_CACHE_IN_KB is set")
            helpers = [(vars(class_), method, vars(class_)[method]) for method in _HELPERS]
            modules = [(vars(sys.modules[MODULE]), module.__name__, module) for module in (heapq, json, time)]
            names = native.module.Bindings([*helpers, *modules, (vars(json), "loads", json.loads)])
            clock = class_()._clock
            self._made = native.module.MemoryCaches(
                class_, names, [*_SEAMED, *_HELPERS], clock.__code__, time, heapq, json
            )
        return self._made


CACHES: Final = Caches()


def _build_init(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    module = native.module
    class_ = live(CLASS)

    def adopt(cache: Any) -> None:
        if type(cache) is not class_:
            raise Declined("a class derived from InMemoryCache")
        if cache.cache_dict or cache.ttl_dict or cache.expiration_heap:
            raise Declined("not empty when it was made")
        store = module.CacheStore()
        cache.cache_dict = module.CacheView(store, False)
        cache.ttl_dict = module.CacheView(store, True)

    adopted = junction.lightly(adopt, lambda cache: None, reads=False)

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        adopted(self)

    return __init__


def _build_get(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    return junction.lightly(CACHES.get().get, original, reads=True)


def _build_set(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    return junction.lightly(CACHES.get().set, original, reads=False)


def _build_increment(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    increment = CACHES.get().increment
    inner = Names((f"{CLASS}.get_cache", f"{CLASS}.set_cache"), {})

    def native_increment(self: Any, key: Any, value: Any, **named: Any) -> Any:
        return increment(self, key, value, **named) if inner.intact() else NotImplemented

    return junction.lightly(native_increment, original, reads=False)


def _seam(method: str, build: Callable[[Junction, Callable[..., Any]], Callable[..., Any]]) -> Seam:
    return Seam(module=MODULE, attribute=f"InMemoryCache.{method}", reproduces=REPRODUCES, build=build)


SEAMS: Final = (
    _seam("__init__", _build_init),
    _seam("get_cache", _build_get),
    _seam("set_cache", _build_set),
    _seam("increment_cache", _build_increment),
)
