"""A server at rest: what it holds when all that was begun has ended."""

import time
from typing import Any

from support.lane import Server

FIGURES = ("descriptors", "tasks", "threads")


def settled(served: Server, connections: int = 0, timeout_s: float = 60.0) -> dict[str, Any]:
    """What the server holds, once that is the same three times in a row, and the front, where there is one, holds
    so many connections.
    """
    deadline = time.monotonic() + timeout_s
    seen: list[list[int]] = []
    while True:
        told = served.itself()
        lane = told["lane"]
        seen.append(figures(told))
        if (lane is None or lane["front"]["held"] == connections) and seen[-3:] == [seen[-1]] * 3:
            return told
        assert time.monotonic() < deadline, f"does not come to rest: {seen[-3:]}, {lane and lane['front']}"
        time.sleep(0.02)


def figures(told: dict[str, Any]) -> list[int]:
    """Those of `FIGURES`."""
    return [told[name] for name in FIGURES]
