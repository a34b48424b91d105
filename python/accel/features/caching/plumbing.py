"""What LiteLLM works out anew for each operation on Redis, though it follows from what seldom changes.

The name of the client's settings in the cache of clients, the name of a script's text, and who declared a script
in a batch, which only service callbacks are told. Thread-safe.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import lru_cache
from operator import is_
from typing import Any, Final
from weakref import WeakKeyDictionary

from accel.errors import Declined
from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_REDIS: Final = "litellm.caching.redis_cache"
_BATCH: Final = "litellm.caching.redis_batch"
_KEY: Final = (f"{_REDIS}:RedisCache._get_async_client_cache_key", f"{_REDIS}:_opaque_kwarg_key")
_SCRIPT: Final = (
    f"{_BATCH}:_Script.__init__",
    f"{_BATCH}:_Op.__init__",
    f"{_BATCH}:_mark_retrieved",
    f"{_REDIS}:_get_call_stack_info",
    "litellm._service_logger:ServiceLogging.async_service_success_hook",
    "litellm._service_logger:ServiceLogging.async_service_failure_hook",
)
_HOOKS: Final = {name.rpartition(".")[2] for name in _SCRIPT[-2:]}
_BOUND: Final = {f"{_BATCH}:_get_call_stack_info": f"{_REDIS}:_get_call_stack_info"}
_IMMUTABLE: Final = frozenset((str, int, float, bool, type(None)))
_SPELLED: Final = (str, int, float, list, tuple, dict)
"""What JSON spells by its content; anything else LiteLLM names by its identity."""


def _client_key(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    known: WeakKeyDictionary[Any, tuple[list[str], list[Any], str]] = WeakKeyDictionary()
    names = Names(_KEY, {})

    def remembered(self: Any) -> Any:
        settings = getattr(self, "redis_kwargs", None)
        if type(settings) is not dict:
            raise Declined("odd settings")
        found = known.get(self)
        if found is not None and _is_same(settings, found) and names.intact():
            return found[2]
        for value in settings.values():
            if type(value) not in _IMMUTABLE and isinstance(value, _SPELLED):
                raise Declined("settings that may change in place")
        if not names.intact():
            raise Declined("a LiteLLM function was replaced")
        values = list(settings.values())
        key: str = original(self)
        known[self] = ([*settings], values, key)
        return key

    return junction.lightly(remembered, original, reads=True)


def _backend_key(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    known: WeakKeyDictionary[Any, tuple[list[str], list[Any], Any, Any]] = WeakKeyDictionary()
    class_ = live(f"{_REDIS}:RedisCache")

    def remembered(redis_cache: Any) -> Any:
        if type(redis_cache) is not class_:
            raise Declined("not a plain cache")
        settings = getattr(redis_cache, "redis_kwargs", None)
        namespace = getattr(redis_cache, "namespace", redis_cache)
        if type(namespace) not in _IMMUTABLE:
            raise Declined("an odd cache")
        found = known.get(redis_cache)
        if found is not None and namespace is found[2] and _is_same(settings, found):
            return found[3]
        if type(settings) is not dict or not {type(value) for value in settings.values()} <= _IMMUTABLE:
            raise Declined("settings that may change in place")
        key = original(redis_cache)
        known[redis_cache] = ([*settings], [*settings.values()], namespace, key)
        return key

    return junction.lightly(remembered, original, reads=True)


def _is_same(settings: Any, found: tuple[Any, ...]) -> bool:
    """By identity, for 1, True and 1.0 are equal and are spelled otherwise; what is held keeps its identity."""
    return [*settings] == found[0] and all(map(is_, settings.values(), found[1]))


@lru_cache(maxsize=256)
def _sha1(source: str) -> str:
    """As Redis names a script."""
    return hashlib.sha1(source.encode()).hexdigest()


def _script(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    batch, names = vars(sys.modules[_BATCH]), Names(_SCRIPT[1:], _BOUND)
    logging = vars(sys.modules["litellm._service_logger"])
    litellm = vars(sys.modules["litellm"])

    def declared(self: Any, redis_cache: Any, source: Any, run: Any, keys: Any, args: Any) -> None:
        # Who declared it is told to service callbacks, should it have to run alone.
        services = getattr(redis_cache, "service_logger_obj", None)
        if (
            litellm["service_callback"]
            or type(services) is not logging["ServiceLogging"]
            or _HOOKS & {*vars(services)}
        ):
            raise Declined("somebody listens to services")
        loop = batch["asyncio"]._get_running_loop()
        plain = type(source) is str and source.isascii() and {type(keys), type(args)} <= {list, tuple}
        if loop is None or not plain:
            raise Declined("an odd script")
        if not names.intact():
            raise Declined("a LiteLLM function was replaced")
        future = loop.create_future()
        future.add_done_callback(batch["_mark_retrieved"])
        self.future, self.settled_hooks, self.caller = future, [], "unknown"
        self.target = batch["current_service_target"]()
        self._redis_cache, self._run, self._sha = redis_cache, run, _sha1(source)
        self._keys, self._args = tuple(keys), tuple(args)

    return junction.lightly(declared, original, reads=False)


def _seam(
    reproduces: tuple[str, ...], build: Callable[[Junction, Callable[..., Any]], Callable[..., Any]]
) -> Seam:
    module, _, attribute = reproduces[0].partition(":")
    return Seam(module=module, attribute=attribute, reproduces=reproduces, build=build)


SEAMS: Final = (
    _seam(_KEY, _client_key),
    _seam((f"{_BATCH}:_backend_key",), _backend_key),
    _seam(_SCRIPT, _script),
)
