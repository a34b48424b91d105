"""The limiter's single steps in memory, each one native call.

They stand for LiteLLM's methods wherever those are called: by its own hooks, its batch and dynamic limiters.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from accel import native
from accel.features.caching.memory import CACHES
from accel.features.caching.memory import REPRODUCES as STORE
from accel.features.limit_capacity import with_room
from accel.features.rate_limiting import handler, other_windows
from accel.features.rate_limiting.handler import CLASS, MODULE, REPRODUCES, Handlers, in_memory
from accel.features.rate_limiting.kept import kept_for
from accel.features.rate_limiting.settling import REPRODUCES as SETTLING
from accel.features.rate_limiting.settling import Settling
from accel.features.seam import Junction, Seam


class Memory:
    """The limiter in memory, for one seam. Made when LiteLLM's modules are there."""

    def __init__(self, names: Iterable[str] = REPRODUCES, bound: Mapping[str, str] = MappingProxyType({})) -> None:
        """For `names` and `bound` see `Handlers`."""
        self.handlers: Final = Handlers(names, bound)
        self.module: Final[Any] = sys.modules[MODULE]
        self.of: Final = self.handlers.memory
        self.limiter: Final = native.module.Limiter(CACHES.get())


def _has_gauge(descriptor: Any) -> bool:
    return (descriptor.get("rate_limit") or {}).get("max_parallel_requests") is not None


def _admit(memory: Memory) -> Callable[..., Any]:
    def should_rate_limit(
        self: Any,
        descriptors: Any,
        parent_otel_span: Any = None,
        read_only: bool = False,
        skip_tpm_check: bool = False,
        parallel_slot_id: str | None = None,
    ) -> Any:
        cache = None if read_only else memory.of(self)
        if cache is None:
            return NotImplemented
        now_s = self._get_current_time().timestamp()
        slot = parallel_slot_id or (uuid.uuid4().hex if any(map(_has_gauge, descriptors)) else "")
        return memory.limiter.admit(cache, descriptors, now_s, self.window_size, skip_tpm_check, slot, False)

    return should_rate_limit


def _charge(memory: Memory) -> Callable[..., Any]:
    def atomic_check_and_increment_by_n(
        self: Any, descriptors: Any, increments: Any, parent_otel_span: Any = None
    ) -> Any:
        cache = memory.of(self)
        if cache is None or type(increments) is not list or len(descriptors) != len(increments):
            return NotImplemented
        now_s = int(self._get_current_time().timestamp())
        return memory.limiter.charge(cache, descriptors, increments, now_s, self.window_size)

    return atomic_check_and_increment_by_n


def _give_back(memory: Memory) -> Callable[..., Any]:
    def _release_parallel_request_slots_in_memory(
        self: Any, counter_keys: Any, slot_id: Any, parent_otel_span: Any
    ) -> Any:
        cache = memory.of(self)
        if cache is None:
            return NotImplemented
        memory.limiter.give_back(cache, counter_keys, slot_id)
        return None

    return _release_parallel_request_slots_in_memory


def _add(memory: Memory) -> Callable[..., Any]:
    shared = Settling()

    async def async_increment_tokens_with_ttl_preservation(
        self: Any, pipeline_operations: Any, parent_otel_span: Any = None
    ) -> Any:
        kept = kept_for(memory.module.get_request_stash())
        if kept is not None:
            await other_windows.settle(self, kept, pipeline_operations)
            return None
        if not pipeline_operations:
            return NotImplemented
        dual = memory.handlers.dual_cache(self)
        if dual is None:
            return NotImplemented
        cache = in_memory(self, dual)
        if cache is None:
            return await shared.add(self, dual, pipeline_operations)
        amounts = [(operation["key"], operation["increment_value"]) for operation in pipeline_operations]
        if not all(type(key) is str and type(amount) is int for key, amount in amounts):
            return NotImplemented
        memory.limiter.add(cache, amounts)
        return None

    return async_increment_tokens_with_ttl_preservation


def _seam(
    method: str,
    make: Callable[[Memory], Callable[..., Any]],
    *,
    begins: bool = False,
    names: Iterable[str] = REPRODUCES,
) -> Seam:
    """`begins`: a look at the counters may begin here, so that they must have their room, whoever looks.

    `names` are what it stands for.
    """

    def build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
        replacement = junction.lightly_awaited(make(Memory(names)), original, reads=False)
        return with_room(junction, replacement) if begins else replacement

    return Seam(
        module=MODULE,
        attribute=f"{CLASS.partition(':')[2]}.{method}",
        reproduces=(*REPRODUCES, *SETTLING, *STORE),
        build=build,
    )


SEAMS: Final = (
    _seam("should_rate_limit", _admit, begins=True),
    _seam("atomic_check_and_increment_by_n", _charge, begins=True),
    _seam(
        "_release_parallel_request_slots_in_memory",
        _give_back,
        names=(f"{CLASS}._release_parallel_request_slots_in_memory", *handler.CACHES),
    ),
    _seam("async_increment_tokens_with_ttl_preservation", _add),
)
