"""Hand-overs leave nothing behind: descriptors, tasks, threads and objects are the same afterwards.

`PARITY_SCALE` multiplies the number of hand-overs: `make soak` does 100,000 on every parser and loop.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from support.lane import COMBINATIONS, REQUEST, Server, server
from support.lane_client import CHAT, DIAGONAL, Client, combinations, front, head, post
from support.lane_settled import FIGURES, figures, settled
from support.scale import SCALE, scaled

HAND_OVERS = 6000
WARM_UP = 1500
CLIENTS = 16
# No connection is idle for so long, on a busy machine either.
KEEP_ALIVE_S = 5
# The allocators of C and Python keep pages in pieces; a leak of one descriptor's buffers would be many times that.
RESIDENT_BYTES = 3 << 20
REQUESTS = (REQUEST, head("/told"), post(CHAT, b"x" * 20_000), post("/told", b"abc"), REQUEST)


@pytest.fixture(params=combinations(COMBINATIONS if SCALE > 1 else DIAGONAL))
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # On asyncio a timer that was cancelled is an object until its time has come.
    with server(
        tmp_path_factory.mktemp("flat"), *request.param, accel=True, timeout_keep_alive=KEEP_ALIVE_S
    ) as running:
        yield running


def hand_over(served: Server, count: int) -> None:
    """So many hand-overs or a few more: of new connections, and of such that come back in between."""
    last = front(served)["handed_over"] + count
    while front(served)["handed_over"] < last:
        for _ in range(5):
            with ExitStack() as stack:
                clients = [stack.enter_context(Client(served)) for _ in range(CLIENTS)]
                for request in REQUESTS:
                    for client in clients:
                        client.send(request)
                    for client in clients:
                        assert client.read().status == b"HTTP/1.1 200 OK"


def at_rest(served: Server, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """What it holds at rest, with the fewest objects that are seen; polls until there are no more than before."""
    deadline = time.monotonic() + 60
    least = settled(served)
    since = time.monotonic()
    while time.monotonic() < deadline:
        told = settled(served)
        least = min(least, told, key=lambda each: each["objects"])
        if (
            time.monotonic() - since > KEEP_ALIVE_S + 0.2
            if before is None
            else least["objects"] <= before["objects"]
        ):
            break
        time.sleep(0.1)
    return least


def test_nothing_is_left(served: Server) -> None:
    hand_over(served, WARM_UP)
    before, counts_before = at_rest(served), front(served)
    hand_over(served, scaled(HAND_OVERS))
    after, counts_after = at_rest(served, before), front(served)
    handed_over, returned = (counts_after[name] - counts_before[name] for name in ("handed_over", "returned"))
    for name in (*FIGURES, "objects", "resident"):
        print(
            f"{served.process.name}: {handed_over} hand-overs, {returned} returns, {name}",
            before[name],
            after[name],
        )
    assert handed_over >= scaled(HAND_OVERS)
    assert returned > handed_over / 4
    assert figures(after) == figures(before)
    assert after["objects"] <= before["objects"]
    assert after["resident"] - before["resident"] < RESIDENT_BYTES
