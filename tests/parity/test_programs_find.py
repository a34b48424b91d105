"""The random programs are worth their name: each of these small defects, planted on one side, is found by them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from unittest.mock import patch

import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy.hooks.parallel_request_limiter_v3 import _PROXY_MaxParallelRequestsHandler_v3 as Limiter

from support import cache_programs, limits_programs, sides
from support.programs import Program, first_difference


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


Defect = Callable[[Any], Any]
"""Makes the wrong function from LiteLLM's."""


def copied(original: Any) -> Any:
    """Values by copy instead of by reference."""
    return lambda self, key, **rest: deepcopy(original(self, key, **rest))


def text_kept(original: Any) -> Any:
    """Numbers in text are not read."""

    def get_cache(self: Any, key: Any, **rest: Any) -> Any:
        raw = self.cache_dict.get(key)
        found = original(self, key, **rest)
        return raw if isinstance(raw, str) and found is not None else found

    return get_cache


def ttl_renewed(original: Any) -> Any:
    """A live key gets a new end."""
    return lambda self, key: True


def ends_at_its_second(original: Any) -> Any:
    """Expired at the end rather than after it."""
    return lambda self, key: key in self.ttl_dict and self._clock() >= self.ttl_dict[key]


def never_evicts_the_old(original: Any) -> Any:
    """Evicts by size only."""

    def evict_cache(self: Any) -> None:
        if len(self.cache_dict) >= self.max_size_in_memory:
            original(self)

    return evict_cache


def whole_numbers(original: Any) -> Any:
    """Increments lose what is not an int."""
    return lambda self, key, value, **rest: original(self, key, int(value), **rest)


def never_expired(original: Any) -> Any:
    """Expired keys are still answered."""
    return lambda self, key: False


CACHE: dict[str, tuple[str, Defect]] = {
    "copied": ("get_cache", copied),
    "text kept": ("get_cache", text_kept),
    "end renewed": ("allow_ttl_override", ttl_renewed),
    "a moment early": ("_is_key_expired", ends_at_its_second),
    "old ones kept": ("evict_cache", never_evicts_the_old),
    "whole numbers": ("increment_cache", whole_numbers),
    "never expired": ("evict_element_if_expired", never_expired),
}


def not_released(original: Any) -> Any:
    """A slot stays taken."""

    async def release(self: Any, *arguments: Any, **keywords: Any) -> None:
        return None

    return release


def charged_twice(original: Any) -> Any:
    """What a request came to is counted twice."""

    async def settle(self: Any, *arguments: Any, **keywords: Any) -> None:
        await original(self, *arguments, **keywords)
        await original(self, *arguments, **keywords)

    return settle


def a_second_late(original: Any) -> Any:
    """The window is longer by one second."""

    async def window(self: Any, keys: Any, now_int: int, window_size: int) -> Any:
        return await original(self, keys=keys, now_int=now_int, window_size=window_size + 1)

    return window


def statuses_turned(original: Any) -> Any:
    """The statuses come in another order."""

    async def count(self: Any, *arguments: Any, **keywords: Any) -> Any:
        found = await original(self, *arguments, **keywords)
        found["statuses"].reverse()
        return found

    return count


def rounded(original: Any) -> Any:
    """The estimate of tokens is one more."""
    return lambda self, *arguments, **keywords: original(self, *arguments, **keywords) + 1


def released_whole(original: Any) -> Any:
    """The slot registry forgets everybody with one."""

    async def release(self: Any, counter_keys: Any, slot_id: str, parent_otel_span: Any) -> None:
        for key in counter_keys:
            self.internal_usage_cache.dual_cache.in_memory_cache.delete_cache(key)

    return release


def order_lost(original: Any) -> Any:
    """Settles in another order."""
    return lambda self, *arguments, **keywords: sorted(
        original(self, *arguments, **keywords), key=lambda operation: operation["key"], reverse=True
    )


def local_end(original: Any) -> Any:
    """A default end where the caller gives none."""

    async def async_set_cache(self: Any, key: Any, value: Any, local_only: bool = False, **rest: Any) -> Any:
        return await original(self, key, value, local_only=local_only, **{"ttl": 60, **rest})

    return async_set_cache


LIMITS: dict[str, tuple[Any, str, Defect]] = {
    "slot not released": (Limiter, "_release_parallel_request_slots", not_released),
    "slots forgotten": (Limiter, "_release_parallel_request_slots_in_memory", released_whole),
    "charged twice": (Limiter, "async_increment_tokens_with_ttl_preservation", charged_twice),
    "a second late": (Limiter, "in_memory_cache_sliding_window", a_second_late),
    "statuses turned": (Limiter, "atomic_check_and_increment_by_n", statuses_turned),
    "one token more": (Limiter, "_estimate_tokens_for_request", rounded),
    "order lost": (Limiter, "_build_success_event_pipeline_operations", order_lost),
    "another reset": (
        Limiter,
        "_get_current_time",
        lambda original: lambda self: original(self).replace(second=0),
    ),
}


@contextmanager
def with_defect(owner: Any, name: str, defect: Defect) -> Iterator[None]:
    with sides.plain(), patch.object(owner, name, defect(getattr(owner, name))):
        yield


def found_by(programs: Iterator[Program], ours: Any, loop: asyncio.AbstractEventLoop) -> Program | None:
    return next((program for program in programs if first_difference(program, loop, ours) is not None), None)


@pytest.mark.parametrize("name", CACHE)
def test_a_defect_of_the_cache(loop: asyncio.AbstractEventLoop, name: str) -> None:
    attribute, defect = CACHE[name]
    programs = (cache_programs.program(f"usual {number}", 400) for number in range(10))
    assert found_by(programs, lambda: with_defect(InMemoryCache, attribute, defect), loop) is not None


@pytest.mark.parametrize("name", LIMITS)
def test_a_defect_of_the_limiter(loop: asyncio.AbstractEventLoop, name: str) -> None:
    owner, attribute, defect = LIMITS[name]
    programs = (limits_programs.program(f"few {number}", 250) for number in range(10))
    assert found_by(programs, lambda: with_defect(owner, attribute, defect), loop) is not None


def test_a_defect_of_the_dual_cache(loop: asyncio.AbstractEventLoop) -> None:
    kind = cache_programs.Kind(capacity=40, dual=True)
    programs = (cache_programs.program(f"dual {number}", 400, kind=kind) for number in range(10))
    ours = lambda: with_defect(DualCache, "async_set_cache", local_end)  # noqa: E731
    assert found_by(programs, ours, loop) is not None


def test_the_same_side_twice_is_equal(loop: asyncio.AbstractEventLoop) -> None:
    programs = (limits_programs.program(f"few {number}", 250, odd=0.1) for number in range(5))
    assert found_by(programs, sides.plain, loop) is None
