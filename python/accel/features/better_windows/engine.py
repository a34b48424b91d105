"""What every engine does: ask the guard, admit, settle."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from accel import native
from accel.errors import Declined
from accel.features.better_windows.verdict import Verdict
from accel.features.seam import Junction

CAPACITY: Final = 100_000
"""Keys that an engine keeps in memory; the one that expires first is forgotten first."""
SLOT_LIFE_S: Final = 3600
"""LiteLLM's own: a slot that nobody released is nobody's after it."""


class Engine(ABC):
    """Admits requests to other windows than LiteLLM's. For one event loop, as LiteLLM's limiter is.

    `handler` is LiteLLM's `_PROXY_MaxParallelRequestsHandler_v3`; slots stay where it keeps them, so its own
    release frees them.
    """

    settles: ClassVar[bool] = True
    """Whether tokens are in windows of its own. If not, they are LiteLLM's to settle, as ever."""

    def __init__(self, junction: Junction) -> None:
        self.guard: Final = junction.guard
        self._junction: Final = junction

    async def admit(
        self,
        handler: Any,
        descriptors: Sequence[Mapping[str, Any]],
        estimated_tokens: int | None,
        slot_id: str | None,
        now: float,
    ) -> Verdict:
        """All limits of one request, all or nothing; a refusal charges nothing. `now` in seconds since the epoch.

        `estimated_tokens` None: tokens are not reserved. Needs a `slot_id` where there is a gauge. Declines,
        before any effect, when the feature's share leaves this key to LiteLLM. Raises what the handler raises
        where limits cannot be verified.
        """
        assert native.module is not None
        key = next((str(entry["value"]) for entry in descriptors if entry["key"] == "api_key"), "")
        ticket = self.guard.admit(zlib.crc32(key.encode("utf-8", "surrogatepass")), (key,))
        path = ticket & native.module.PATH_MASK
        if path == native.module.PYTHON:
            raise Declined("window not for this key")
        if path == native.module.SHADOW:
            # Two windows cannot both be charged and be compared: they answer otherwise by intention.
            self.guard.declined(ticket, "no shadow")
            raise Declined("no shadow")
        report = self.guard.abandoned
        try:
            verdict = await self._admit(handler, descriptors, estimated_tokens, slot_id, now)
            report = self.guard.handled
        except Declined as declined:
            report = partial(self.guard.declined, reason=str(declined))
            raise
        finally:
            report(ticket)
        return verdict

    @abstractmethod
    async def _admit(
        self,
        handler: Any,
        descriptors: Sequence[Mapping[str, Any]],
        estimated_tokens: int | None,
        slot_id: str | None,
        now: float,
    ) -> Verdict: ...

    @abstractmethod
    async def settle(self, handler: Any, reservation: Any, operations: Iterable[Mapping[str, Any]]) -> None:
        """Apply LiteLLM's increments (`_build_success_event_pipeline_operations`) to what was reserved.

        Those of counters that the request had no limit on are left out.
        """

    @abstractmethod
    async def undo(self, handler: Any, reservation: Any) -> None:
        """Take back requests and tokens, where another limit refused after all. Slots are LiteLLM's to release."""

    @abstractmethod
    async def close(self, handler: Any) -> None:
        """At shutdown: give back what is held for later."""
