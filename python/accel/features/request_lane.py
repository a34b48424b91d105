"""The request lane: a front in Rust that reads requests and, so far, hands every one over to LiteLLM's own app."""

from __future__ import annotations

from typing import Final

from accel.features.seam import Feature, Seam
from accel.lane import fronts, protocols, serve

FEATURE: Final = Feature(
    name="request_lane",
    # A request may have been sent to a provider.
    replayable=False,
    seams=(
        Seam(
            module="uvicorn.server",
            attribute="Server.startup",
            reproduces=(
                "uvicorn.server:Server.startup",
                "uvicorn.server:Server.shutdown",
                "uvicorn.server:Server._wait_tasks_to_complete",
                "uvicorn.server:ServerState.__init__",
            ),
            build=serve.build,
        ),
    ),
    relies_on=tuple(member for entry in protocols.KNOWN for member in entry.members),
    details=fronts.describe,
)
