"""A cache that a program runs on: `InMemoryCache` alone or in a `DualCache`, and all that can be seen of it."""

import heapq
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import litellm
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache

from support import sides
from support.cache_values import shared
from support.clocks import Clock, wall_clock
from support.programs import Step
from support.shown import Shown


@dataclass(frozen=True)
class Pooled:
    """One of the shared objects of the world, in the arguments of a step."""

    number: int


class LoudCache(InMemoryCache):
    """A subclass as LiteLLM has them: keys rewritten on the way in, removal noticed."""

    removed: int = 0

    def _remove_key(self, key: str) -> None:
        self.removed += 1
        super()._remove_key(key)

    def set_cache(self, key: Any, value: Any, **kwargs: Any) -> None:
        super().set_cache(f"loud {key}", value, **kwargs)

    def get_cache(self, key: Any, **kwargs: Any) -> Any:
        return super().get_cache(f"loud {key}", **kwargs)


@dataclass(frozen=True)
class Kind:
    """How the cache of a world is made."""

    capacity: int | None = None
    default_ttl: Any = 600
    item_kb: int | None = 1024
    own_clock: bool = True
    tick_s: float = 0.0
    subclass: bool = False
    dual: bool = False
    dual_ttl: float | None = None


def _counted(original: Callable[..., Any]) -> Callable[..., Any]:
    """A method that an instance overrides, as tests and users do: the original's answer, and a mark."""

    def override(*arguments: Any, **keywords: Any) -> Any:
        override.calls += 1  # type: ignore[attr-defined]
        return original(*arguments, **keywords)

    override.calls = 0  # type: ignore[attr-defined]
    return override


class CacheWorld:
    """One run's cache. Observes the whole of it every `every` steps; 1 where it is small."""

    def __init__(self, kind: Kind, every: int) -> None:
        self.clock = Clock(tick_s=kind.tick_s)
        self.shown = Shown()
        self.objects = shared()
        for number, value in enumerate(self.objects):
            self.shown.name(value, f"shared {number}")
        self._own_clock = kind.own_clock
        self._every = every
        self._steps = 0
        self._overrides: dict[str, Any] = {}
        made = LoudCache if kind.subclass else InMemoryCache
        keywords: dict[str, Any] = {"clock": self.clock} if kind.own_clock else {}
        self.memory = made(
            max_size_in_memory=kind.capacity,
            default_ttl=kind.default_ttl,
            max_size_per_item=kind.item_kb,
            **keywords,
        )
        self.cache: Any = self.memory
        if kind.dual:
            self.cache = DualCache(in_memory_cache=self.memory, default_in_memory_ttl=kind.dual_ttl)

    async def step(self, step: Step) -> str:
        self._steps += 1
        name, *arguments = step
        if self._own_clock:
            told = await self._outcome(name, arguments)
        else:
            with wall_clock(self.clock):
                told = await self._outcome(name, arguments)
        return f"{told}\n{self.state()}" if self._steps % self._every == 0 else told

    async def close(self) -> None:
        litellm.set_verbose = False

    async def _outcome(self, name: str, arguments: list[Any]) -> str:
        try:
            value = getattr(self, f"_{name}")(*arguments)
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:  # noqa: BLE001  # an error is a result to compare
            return self.shown(error)
        return self.shown(value)

    def state(self) -> str:
        memory = self.memory
        return "\n".join(
            (
                self.shown.mapping(memory.cache_dict),
                self.shown.mapping(memory.ttl_dict),
                ends(memory, self.shown),
                f"{memory.max_size_in_memory} {memory.default_ttl} {memory.max_size_per_item}",
                f"{getattr(memory, 'removed', None)} {[(n, o.calls) for n, o in self._overrides.items()]}",
                ascii(self.clock.now_s),
            )
        )

    def _given(self, value: Any) -> Any:
        """The argument that a step means: shared objects by reference, fresh lists, the rest as it is."""
        if isinstance(value, Pooled):
            return self.objects[value.number]
        if type(value) is list:
            return [self._given(part) for part in value]
        if type(value) is dict:
            return {key: self._given(part) for key, part in value.items()}
        return tuple(self._given(part) for part in value) if type(value) is tuple else value

    def _call(self, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return getattr(self.cache, method)(*map(self._given, arguments), **self._given(keywords))

    def _memory(self, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return getattr(self.memory, method)(*map(self._given, arguments), **self._given(keywords))

    def _direct(self, which: str, method: str, arguments: tuple[Any, ...]) -> Any:
        """What others do with `cache_dict` and `ttl_dict`."""
        held = getattr(self.memory, which)
        found = getattr(held, method)(*map(self._given, arguments))
        return list(found) if method in ("keys", "values", "items", "__iter__") else found

    def _view(self, which: str, how: str) -> Any:
        held = getattr(self.memory, which)
        if how == "equal":
            return held == dict(held), held != {}, dict(held) == held
        return {"dict": dict, "repr": lambda view: len(repr(view)), "bool": bool, "len": len, "sorted": _by_value}[
            how
        ](held)

    def _heap(self, how: str, at: float, key: Any) -> Any:
        heap = self.memory.expiration_heap
        return heapq.heappush(heap, (at, key)) if how == "push" else heap.append((at, key))

    def _attribute(self, name: str, value: Any) -> Any:
        setattr(self.memory, name, self._given(value))

    def _replace(self, which: str, value: Any) -> Any:
        """Somebody assigns a container of their own."""
        setattr(self.memory, which, self._given(value))

    def _override(self, method: str) -> Any:
        if method in self._overrides:
            delattr(self.memory, method)
            del self._overrides[method]
            return "taken back"
        self._overrides[method] = _counted(getattr(self.memory, method))
        setattr(self.memory, method, self._overrides[method])
        return "overridden"

    def _reclock(self) -> Any:
        self.memory._clock = self.clock if self.memory._clock is not self.clock else lambda: self.clock.now_s + 1

    def _move(self, by_s: float) -> Any:
        self.clock.move(by_s)

    def _verbose(self, on: bool) -> Any:
        litellm.set_verbose = on

    def _switch(self, feature: str, mode: str) -> Any:
        """Which path answers from here on; LiteLLM alone has none to choose."""
        sides.switch(feature, mode)


def ends(memory: InMemoryCache, shown: Shown) -> str:
    """The heap's entries that still mean something, in one order; others may be there or gone."""
    live = [shown(entry) for entry in memory.expiration_heap if memory.ttl_dict.get(entry[1]) == entry[0]]
    return " ".join(sorted(live))


def _by_value(held: Any) -> Any:
    return sorted(held.items(), key=lambda item: item[1])
