"""Random programs on caches. The same seed makes the same program."""

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from support import cache_values
from support.cache_world import CacheWorld, Kind, Pooled
from support.programs import Program, Step

CAPACITIES = (0, 1, 2, 5, 12, 200, None)
_OVERRIDABLE = ("get_cache", "set_cache", "_remove_key", "check_value_size", "evict_cache", "increment_cache")


class Steps:
    """A stream of steps. `odd`, `odd_keys`: how often a value or time, or a key, is one that nobody should use."""

    def __init__(
        self, seed: object, kind: Kind, *, odd: float, odd_keys: float, direct: float, switching: bool
    ) -> None:
        self.random = random.Random(f"cache {seed}")
        self._kind = kind
        self._odd = odd
        self._odd_keys = odd_keys
        self._direct = direct
        self._switching = switching
        many = kind.capacity is None or kind.capacity > 20
        self._keys = [*cache_values.PLAIN_KEYS, *(f"key {number}" for number in range(260 if many else 8))]

    def __iter__(self) -> Iterator[Step]:
        while True:
            yield self._step()

    def _one(self, choices: Any) -> Any:
        return self.random.choice(choices)

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def key(self) -> Any:
        return self._one(cache_values.ODD_KEYS) if self._maybe(self._odd_keys) else self._one(self._keys)

    def value(self) -> Any:
        kind = self.random.random()
        if kind < 0.45:
            return self.random.randrange(-2, 400)
        if kind < 0.55:
            return Pooled(self.random.randrange(cache_values.SHARED))
        if kind < 0.65:
            return self._one((f"{1_700_000_000 + self.random.randrange(200)}", 0.5, 2.25))
        if not self._maybe(self._odd * 4):
            return self._one((*cache_values.NUMBERS[:8], *cache_values.TEXTS[:20]))
        return self._one((*cache_values.NUMBERS, *cache_values.TEXTS, *cache_values.ODD, *cache_values.SUBCLASSES))

    def amount(self) -> Any:
        return self._one((1, 1, 1, 5, -1, 0, 0.5, 110)) if not self._maybe(self._odd) else self.value()

    def ttl(self) -> dict[str, Any]:
        if self._maybe(0.3):
            return {}
        return {"ttl": self._one(cache_values.ODD_TTLS if self._maybe(self._odd) else cache_values.TTLS)}

    def keys(self) -> list[Any]:
        return [self.key() for _ in range(self.random.randrange(6))]

    def _step(self) -> Step:
        kind = self.random.random()
        if kind < 0.12:
            return ("move", self._one((0, 0.1, 1, 1, 4.9, 5, 59, 60, 60.25, 130, -1, 600, 601)))
        if kind < 0.12 + self._direct:
            return self._one((self._by_dict, self._by_dict, self._by_heap, self._by_setting))()
        if self._switching and kind > 0.95:
            return ("switch", "caching", self._one(("on", "on", "off")))
        if self._kind.dual:
            return self._dual() if self._maybe(0.8) else self._memory("memory")
        return self._memory("call")

    def _memory(self, name: str) -> Step:
        one = (self.key(),)
        choices = (
            *[("set_cache", (*one, self.value()), self.ttl())] * 5,
            *[("get_cache", one, {})] * 5,
            *[("increment_cache", (*one, self.amount()), self.ttl())] * 4,
            ("async_set_cache", (*one, self.value()), self.ttl()),
            ("async_get_cache", one, {}),
            ("async_increment", (*one, self.amount()), self.ttl()),
            ("batch_get_cache", (self.keys(),), {}),
            ("async_batch_get_cache", (self.keys(),), {}),
            ("async_set_cache_pipeline", ([(key, self.value()) for key in self.keys()],), self.ttl()),
            ("async_increment_pipeline", (self._increments(),), {}),
            ("async_set_cache_sadd", (*one, [self._one(("m", 1, "5", ()))], self.ttl().get("ttl")), {}),
            ("async_get_ttl", one, {}),
            ("async_get_oldest_n_keys", (self.random.randrange(-1, 5),), {}),
            ("delete_cache", one, {}),
            ("evict_cache", (), {}),
            ("evict_element_if_expired", one, {}),
            ("_is_key_expired", one, {}),
            ("allow_ttl_override", one, {}),
            ("check_value_size", (self.value(),), {}),
            ("_remove_key", one, {}),
            *([("flush_cache", (), {})] if self._maybe(0.2) else []),
        )
        return (name, *self._one(choices))

    def _increments(self) -> list[dict[str, Any]]:
        return [{"key": key, "increment_value": self.amount(), "ttl": 60} for key in self.keys()]

    def _dual(self) -> Step:
        one = (self.key(),)
        local = {"local_only": True} if self._maybe(0.5) else {}
        choices = (
            *[("set_cache", (*one, self.value()), {**local, **self.ttl()})] * 2,
            *[("async_set_cache", (*one, self.value()), {**local, **self.ttl()})] * 4,
            *[("get_cache", one, local)] * 2,
            *[("async_get_cache", one, local)] * 4,
            ("increment_cache", (*one, self.amount()), {**local, **self.ttl()}),
            *[("async_increment_cache", (*one, self.amount()), {**local, **self.ttl()})] * 3,
            ("batch_get_cache", (self.keys(),), local),
            *[("async_batch_get_cache", (self.keys(),), local)] * 2,
            ("async_set_cache_pipeline", ([(key, self.value()) for key in self.keys()],), {**local, **self.ttl()}),
            ("async_increment_cache_pipeline", (self._increments(),), local),
            ("async_increment_cache_pipeline_post_call", (self._increments(),), {}),
            ("async_set_cache_sadd", (*one, [self._one(("m", 1))]), {**local, **self.ttl()}),
            ("async_get_ttl", one, {}),
            ("delete_cache", one, {}),
            ("async_delete_cache", one, {}),
            ("async_delete_cache_keys", (self.keys(),), {}),
            ("update_cache_ttl", (self._one((None, 1, 60)), None), {}),
            *([("flush_cache", (), {})] if self._maybe(0.2) else []),
            *([("update_in_memory_max_size", (self._one((None, 3, 200)),), {})] if self._maybe(0.2) else []),
        )
        return ("call", *self._one(choices))

    def _by_dict(self) -> Step:
        which = self._one(("cache_dict", "ttl_dict"))
        ends = 1_700_000_000.25 + self._one((-5, 0, 5, 60, 700))
        held = self.value() if which == "cache_dict" else ends
        if self._maybe(0.3):
            return (
                "view",
                which,
                self._one(("dict", "repr", "bool", "len", "sorted", "equal")),
            )
        one = self.key()
        choices = (
            *[("__getitem__", (one,)), ("get", (one,)), ("__contains__", (one,)), ("get", (one, "absent"))],
            *[("__setitem__", (one, held)), ("__delitem__", (one,)), ("pop", (one, None)), ("pop", (one,))],
            *[
                ("setdefault", (one, held)),
                ("update", ({"k": held},)),
                ("keys", ()),
                ("values", ()),
                ("items", ()),
            ],
            *[("__iter__", ()), ("copy", ()), ("__len__", ())],
            *([("clear", ())] if self._maybe(0.3) else []),
        )
        return ("direct", which, *self._one(choices))

    def _by_heap(self) -> Step:
        entry = (1_700_000_000.25 + self._one((-5, 0, 5, 60, 700)), self._one(self._keys))
        return ("heap", self._one(("push", "append")), entry)

    def _by_setting(self) -> Step:
        choices: tuple[Step, ...] = (
            ("attribute", "max_size_in_memory", self._one((1, 3, 40, 200, 0))),
            ("attribute", "default_ttl", self._one((1, 60, 600, 0.5))),
            ("attribute", "max_size_per_item", self._one((1, 1024))),
            ("override", self._one(_OVERRIDABLE)),
            ("override", self._one(_OVERRIDABLE)),
            ("reclock",),
            ("replace", "cache_dict", {"k": 1, "key 1": "2"}),
            ("replace", "ttl_dict", {"k": 1_700_000_005.0}),
            ("replace", "expiration_heap", [(1_700_000_005.0, "k")]),
        )
        return self._one(choices)


def program(
    seed: object,
    length: int,
    *,
    kind: Kind | None = None,
    odd: float = 0.0,
    odd_keys: float = 0.0,
    direct: float = 0.0,
    switching: bool = False,
) -> Program:
    """So many steps on a cache of that kind; without one, of a kind that the seed draws."""
    chance = random.Random(f"kind {seed}")
    chosen = kind or Kind(
        capacity=chance.choice(CAPACITIES),
        default_ttl=chance.choice((600, 600, 60, None, 0, 0.5)),
        item_kb=chance.choice((1024, 1024, None, 1)),
        own_clock=chance.random() < 0.7,
    )
    small = chosen.capacity is not None and chosen.capacity <= 20
    steps = iter(Steps(seed, chosen, odd=odd, odd_keys=odd_keys, direct=direct, switching=switching))
    return Program(
        seed, tuple(next(steps) for _ in range(length)), partial(CacheWorld, chosen, 1 if small else 10)
    )
