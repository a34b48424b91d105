"""Room of its own for the limiter's counters, so that limits hold without Redis.

LiteLLM's v3 limiter keeps its counters in a cache of 200 items, which it shares with alerting, batches and
sessions. A key takes three or four, and what expires first is evicted first, which is the counters of the current
minute: above some 40 keys LiteLLM admits every request. With this feature on, items under the limiter's own keys
have room for `CAPACITY_ITEMS`, counted and evicted apart from the others.

There is no seam. The limiter's replacement asks before it looks at the counters (`Room.settle`), so that limiters
that were made before accel came are served, and a flag changed at run time holds from the next request on. A seam
on the limiter's `__init__` could do neither; and LiteLLM reads the names of its parameters, so that a replacement
would have to repeat them.
"""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from accel.errors import Declined
from accel.features.seam import Feature, Junction
from accel.fingerprint import live

CAPACITY_ITEMS: Final = 400_000
"""100,000 keys with every kind of limit: window, requests, tokens and slots."""
LITELLM_KEYS: Final = 40
"""So many keys with limits LiteLLM's 200 items are good for; measured, `make limit-accuracy`."""

_COUNTER: Final = re.compile(r"\{.*\}:(window|requests|tokens|max_parallel_requests)", re.DOTALL)


class Store(Protocol):
    """The part of the native store under an `InMemoryCache` that this needs. Thread-safe."""

    def reserve(self, items: int | None) -> list[tuple[float, str]]:
        """Give the limiter's counters room for so many items. None: put them among the other items again, and
        answer when each expires.
        """

    def reserved(self) -> tuple[int, int, int] | None:
        """Items there are, items there may be, and how many had to leave before their time; None without room."""


@dataclass
class _Place:
    """What is known of a limiter's cache."""

    is_shared: bool
    """Whether the limiter has Redis, which keeps the counters; those here are copies."""
    has_room: bool = False
    leaves_at_s: float | None = None


_places: Final[WeakKeyDictionary[Any, _Place]] = WeakKeyDictionary()
"""By the `InMemoryCache` of each limiter that asked in this process."""


class Room:
    """Gives the limiters' counters their room, and takes it back. Thread-safe. Needs LiteLLM's caches imported."""

    def __init__(self, junction: Junction, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._junction = junction
        self._clock_s = clock_s
        self._settle = junction.lightly(self._give, self._take, reads=False)
        self._cache = live("litellm.caching.in_memory_cache:InMemoryCache")

    def settle(self, limiter: Any) -> None:
        """Make the room of this v3 limiter's counters what the flags say now; 0.4 µs where it is so already.

        Never raises, and moves counters without losing any. While the feature is off, what counted before goes on
        for a window more, so that nobody gets a second quota; then LiteLLM's own rule holds again, and evicts
        what is more than 200 items.
        """
        caches: Any = getattr(getattr(limiter, "internal_usage_cache", None), "dual_cache", None)
        cache = getattr(caches, "in_memory_cache", None)
        if type(cache) is not self._cache:
            return  # somebody's own
        place = _places.get(cache)
        if place is None:
            place = _places.setdefault(cache, _Place(is_shared=False))
        place.is_shared = caches.redis_cache is not None
        # Off and nothing to take back is what most requests meet. `lightly` would take microseconds.
        if not self._junction.guard.bypassed():
            self._settle(place, cache, limiter.window_size)
        elif place.has_room:
            self._take(place, cache, limiter.window_size)

    def _give(self, place: _Place, cache: Any, _window_s: float) -> None:
        place.leaves_at_s = None
        if place.has_room:
            return
        store = _store_of(cache)
        if store is None:
            raise Declined("the cache has no native store")
        store.reserve(CAPACITY_ITEMS)
        # LiteLLM's list of what to evict; the counters that are there already are no longer to be found by it.
        cache.expiration_heap[:] = [entry for entry in cache.expiration_heap if not _COUNTER.fullmatch(entry[1])]
        heapq.heapify(cache.expiration_heap)
        place.has_room = True

    def _take(self, place: _Place, cache: Any, window_s: float) -> None:
        if not place.has_room:
            return
        now_s = self._clock_s()
        if place.leaves_at_s is None:
            place.leaves_at_s = now_s + window_s
        elif now_s >= place.leaves_at_s:
            place.has_room, place.leaves_at_s = False, None
            store = _store_of(cache)
            for entry in store.reserve(None) if store is not None else ():
                heapq.heappush(cache.expiration_heap, entry)


def with_room(
    junction: Junction, replacement: Callable[..., Awaitable[Any]]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """A limiter's method that looks at its counters, and before that has their room settled.

    `junction` is that of the method's own feature, which may be off.
    """
    settle = Room(junction.beside("limit_capacity")).settle

    async def method(self: Any, *arguments: Any, **named: Any) -> Any:
        settle(self)
        return await replacement(self, *arguments, **named)

    return method


def _store_of(cache: Any) -> Store | None:
    """The native store of an `InMemoryCache`; None where there is a plain dict."""
    store: Store | None = getattr(cache.cache_dict, "store", None)
    return store


def _rows() -> Iterator[dict[str, Any]]:
    for known in _places.keyrefs():  # a list made at once, for another thread may add to it
        cache: Any = known()
        place = None if cache is None else _places.get(cache)
        if place is None:
            continue
        store = _store_of(cache)
        items, capacity, evicted = (store.reserved() if store is not None else None) or (0, 0, 0)
        yield {
            "redis": place.is_shared,
            "items": items,
            "capacity": capacity,
            "evicted": evicted,
            "leaving": place.leaves_at_s is not None,
            "other_items": len(cache.cache_dict),
            "other_capacity": cache.max_size_in_memory,
        }


def describe(_absent: str | None) -> dict[str, Any]:
    """For the status: each limiter's cache in this process, once it has met a request while accel was there."""
    return {"limiters": list(_rows())}


def advise(status: dict[str, Any]) -> list[str]:
    """By what the limiters hold at this moment."""
    advice = []
    for row in status["limiters"]:
        if row["evicted"]:
            advice.append(f"{row['evicted']} counters left early: there were more than {row['capacity']}")
        elif not row["redis"] and not row["capacity"]:
            shared = f"{row['other_items']} of {row['other_capacity']} items are taken"
            advice.append(
                f"the limiter has no Redis, and its counters share a cache of which {shared}; above some "
                f"{LITELLM_KEYS} keys LiteLLM does not enforce limits; mode 'on' has room for 100,000 keys"
            )
    return advice


FEATURE: Final = Feature(
    name="limit_capacity",
    replayable=True,  # giving room, or not, has no effect on a request that is not answered yet
    seams=(),
    details=describe,
    advice=advise,
)
