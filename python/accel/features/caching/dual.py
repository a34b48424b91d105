"""`DualCache`: memory first, then Redis, as LiteLLM does it; a debug line is made only where it is printed.

LiteLLM makes the text of a cached value, whatever its size, for lines that `print_verbose` then drops unless
`litellm._logging.set_verbose` is set. Everything else is LiteLLM's own, looked up at each call.

Thread-safe as far as the caches are. Declines nothing: a replaced helper is called like LiteLLM's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.seam import Junction, Seam

_DUAL: Final = "litellm.caching.dual_cache"
_PRINT: Final = "litellm._logging:print_verbose"
_MEMORY: Final = "litellm.caching.in_memory_cache:InMemoryCache"

_Admission = Callable[[], int]
_Method = Callable[..., Any]


class _Verbose:
    """Whether `print_verbose` would do anything: it prints, or somebody has replaced it."""

    def __init__(self) -> None:
        self.names: Final[dict[str, Any]] = vars(sys.modules[_DUAL])
        """Of the module whose methods these are, so that what is replaced there is called."""
        self.logging: Final[dict[str, Any]] = vars(sys.modules["litellm._logging"])
        self.silent: Final = self.logging["print_verbose"]
        self._memory: Final = vars(sys.modules[_MEMORY.partition(":")[0]])

    def reads(self, cache: Any, local_only: bool) -> bool:
        """Whether looking for a key has no effect: LiteLLM's own store in memory, and no Redis behind it.

        A read of Redis would be logged and charged to its circuit breaker once more, and fills the memory.
        """
        in_memory = type(cache.in_memory_cache) is self._memory["InMemoryCache"]
        return in_memory and (cache.redis_cache is None or local_only is not False)


def _get(junction: Junction, original: _Method) -> _Method:
    verbose = _Verbose()
    names, logging, silent = verbose.names, verbose.logging, verbose.silent

    def made(admission: _Admission) -> _Method:
        def get_cache(
            self: Any, key: Any, parent_otel_span: Any = None, local_only: bool = False, **kwargs: Any
        ) -> Any:
            if detour := admission():
                return junction.detoured(
                    detour,
                    lambda: admitted(self, key, parent_otel_span, local_only, **kwargs),
                    lambda: original(self, key, parent_otel_span, local_only, **kwargs),
                    reads=verbose.reads(self, local_only),
                )
            try:
                found = None
                if self.in_memory_cache is not None:
                    found = self.in_memory_cache.get_cache(key, **kwargs)
                if found is None and self.redis_cache is not None and local_only is False:
                    found = self.redis_cache.get_cache(key, parent_otel_span=parent_otel_span)
                    if found is not None:
                        self.in_memory_cache.set_cache(key, found, **self._backfill_kwargs(kwargs))
                if logging["set_verbose"] or names["print_verbose"] is not silent:
                    names["print_verbose"](f"get cache: cache result: {found}")
                return found
            except Exception as error:  # noqa: BLE001  # LiteLLM's own: a cache that fails is a miss
                names["log_redis_failure"](
                    names["verbose_logger"],
                    names["logging"].ERROR,
                    "LiteLLM Cache: exception in get_cache",
                    error,
                    with_traceback=True,
                )
                return None

        return get_cache

    admitted = made(lambda: 0)
    return made(junction.refused)


def _async_get(junction: Junction, original: _Method) -> _Method:
    verbose = _Verbose()
    names, logging, silent = verbose.names, verbose.logging, verbose.silent

    def made(admission: _Admission) -> _Method:
        async def async_get_cache(
            self: Any, key: Any, parent_otel_span: Any = None, local_only: bool = False, **kwargs: Any
        ) -> Any:
            if detour := admission():
                return await junction.awaited(
                    detour,
                    lambda: admitted(self, key, parent_otel_span, local_only, **kwargs),
                    lambda: original(self, key, parent_otel_span, local_only, **kwargs),
                    reads=verbose.reads(self, local_only),
                )
            try:
                if loud := logging["set_verbose"] or names["print_verbose"] is not silent:
                    names["print_verbose"](f"async get cache: cache key: {key}; local_only: {local_only}")
                found = None
                if self.in_memory_cache is not None:
                    found = await self.in_memory_cache.async_get_cache(key, **kwargs)
                    if loud:
                        names["print_verbose"](f"in_memory_result: {found}")
                if found is None and self.redis_cache is not None and local_only is False:
                    batch = names["active_request_redis_batch"](self.redis_cache)
                    if batch is not None and batch.read_as_missing(key):
                        return None
                    found = await self.redis_cache.async_get_cache(key, parent_otel_span=parent_otel_span)
                    if found is not None:
                        await self.in_memory_cache.async_set_cache(key, found, **self._backfill_kwargs(kwargs))
                # Asked again: Redis may have taken its time.
                if logging["set_verbose"] or names["print_verbose"] is not silent:
                    names["print_verbose"](f"get cache: cache result: {found}")
                return found
            except Exception as error:  # noqa: BLE001  # LiteLLM's own: a cache that fails is a miss
                names["log_redis_failure"](
                    names["verbose_logger"],
                    names["logging"].ERROR,
                    "LiteLLM Cache: exception in async_get_cache",
                    error,
                    with_traceback=True,
                )
                return None

        return async_get_cache

    admitted = made(lambda: 0)
    return made(junction.refused)


def _failed_write(names: dict[str, Any], error: Exception) -> None:
    names["log_redis_failure"](
        names["verbose_logger"],
        names["logging"].ERROR,
        "LiteLLM Cache: exception in async add_cache",
        error,
        with_traceback=True,
    )


def _async_set(junction: Junction, original: _Method) -> _Method:
    verbose = _Verbose()
    names, logging, silent = verbose.names, verbose.logging, verbose.silent

    def made(admission: _Admission) -> _Method:
        async def async_set_cache(
            self: Any, key: Any, value: Any, local_only: bool = False, **kwargs: Any
        ) -> None:
            if detour := admission():
                return await junction.awaited(
                    detour,
                    lambda: admitted(self, key, value, local_only, **kwargs),
                    lambda: original(self, key, value, local_only, **kwargs),
                    reads=False,
                    raises=True,  # a value that cannot be printed, where it is to be
                )
            if logging["set_verbose"] or names["print_verbose"] is not silent:
                names["print_verbose"](
                    f"async set cache: cache key: {key}; local_only: {local_only}; value: {value}"
                )
            try:
                if self.in_memory_cache is not None:
                    if "ttl" not in kwargs and self.default_in_memory_ttl is not None:
                        kwargs["ttl"] = self.default_in_memory_ttl
                    await self.in_memory_cache.async_set_cache(key, value, **kwargs)
                if self.redis_cache is not None and local_only is False:
                    await self.redis_cache.async_set_cache(key, value, **kwargs)
            except Exception as error:  # noqa: BLE001  # LiteLLM's own: a value that was not cached is no error
                _failed_write(names, error)

        return async_set_cache

    admitted = made(lambda: 0)
    return made(junction.refused)


def _async_set_pipeline(junction: Junction, original: _Method) -> _Method:
    verbose = _Verbose()
    names, logging, silent = verbose.names, verbose.logging, verbose.silent

    def made(admission: _Admission) -> _Method:
        async def async_set_cache_pipeline(
            self: Any, cache_list: Any, local_only: bool = False, **kwargs: Any
        ) -> None:
            if detour := admission():
                return await junction.awaited(
                    detour,
                    lambda: admitted(self, cache_list, local_only, **kwargs),
                    lambda: original(self, cache_list, local_only, **kwargs),
                    reads=False,
                    raises=True,  # a value that cannot be printed, where it is to be
                )
            if logging["set_verbose"] or names["print_verbose"] is not silent:
                names["print_verbose"](
                    f"async batch set cache: cache keys: {cache_list}; local_only: {local_only}"
                )
            try:
                if self.in_memory_cache is not None:
                    if "ttl" not in kwargs and self.default_in_memory_ttl is not None:
                        kwargs["ttl"] = self.default_in_memory_ttl
                    await self.in_memory_cache.async_set_cache_pipeline(cache_list=cache_list, **kwargs)
                if self.redis_cache is not None and local_only is False:
                    await self.redis_cache.async_set_cache_pipeline(
                        cache_list=cache_list, ttl=kwargs.pop("ttl", None), **kwargs
                    )
            except Exception as error:  # noqa: BLE001  # LiteLLM's own: a value that was not cached is no error
                _failed_write(names, error)

        return async_set_cache_pipeline

    admitted = made(lambda: 0)
    return made(junction.refused)


def _seam(name: str, build: Callable[[Junction, _Method], _Method]) -> Seam:
    attribute = f"DualCache.{name}"
    return Seam(module=_DUAL, attribute=attribute, reproduces=(f"{_DUAL}:{attribute}", _PRINT), build=build)


SEAMS: Final = (
    _seam("get_cache", _get),
    _seam("async_get_cache", _async_get),
    _seam("async_set_cache", _async_set),
    _seam("async_set_cache_pipeline", _async_set_pipeline),
)
