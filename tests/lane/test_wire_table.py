"""Malformed, ambiguous and smuggled requests: byte for byte what uvicorn alone answers, on every parser and loop.

The application repeats what it was given, so equal bytes say that uvicorn saw equal requests, too. That the front
read them, and judged them as meant, is seen in its account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from support.lane import COMBINATIONS
from support.wire import KEPT, Both, Front, Script, both
from support.wire_inputs import INPUTS
from support.wire_parts import GOOD, Input, get

pytestmark = pytest.mark.xdist_group("wire table")

BY_REASON: dict[str, list[Input]] = {}
for _input in INPUTS:
    BY_REASON.setdefault(_input.reason, []).append(_input)
SLOW = "slow request"


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both(tmp_path_factory.mktemp("wire"), *request.param) as running:
        yield running


def whole(one: Input) -> Script:
    return [[one.data], *([piece] for piece in one.then)]


def compare(
    servers: Both, chosen: Sequence[Input], script: Callable[[Input], Script], after: int = 0
) -> dict[str, int]:
    """Both must answer the same; the front's reasons."""
    assert not servers.differences({one.name: script(one) for one in chosen}, after)
    return servers.front.reasons()


def test_there_are_inputs_for_all_that_is_judged_at_once() -> None:
    names = [one.name for one in INPUTS]
    assert len(set(names)) == len(names)
    assert len(BY_REASON) == 17
    assert max(len(one.data) for one in INPUTS) <= 30_000


@pytest.mark.parametrize("after", [0, 1], ids=["first", "on one that came back"])
@pytest.mark.parametrize("reason", BY_REASON)
def test_at_once(servers: Both, reason: str, after: int) -> None:
    chosen = BY_REASON[reason]
    found = compare(servers, chosen, whole, after)
    # Those behind the first request, which uvicorn alone has read.
    found.pop(KEPT, None)
    assert found == {reason: len(chosen)}


@pytest.mark.parametrize("reason", BY_REASON)
def test_on_a_connection_that_stays_with_uvicorn(servers: Both, reason: str) -> None:
    assert set(compare(servers, BY_REASON[reason], whole, after=2)) <= {KEPT}


PLACES: dict[str, Callable[[bytes], int]] = {
    "the first byte": lambda data: 1,
    "the first line": lambda data: data.find(b"\n") + 1,
    "half": lambda data: len(data) // 2,
    "before the head's last byte": lambda data: data.find(b"\r\n\r\n") + 3,
    "the head": lambda data: data.find(b"\r\n\r\n") + 4,
    "all but the last byte": lambda data: len(data) - 1,
}


@pytest.mark.parametrize("after", [0, 1], ids=["first", "on one that came back"])
@pytest.mark.parametrize("place", PLACES)
def test_in_two_pieces_that_are_far_apart(servers: Both, place: str, after: int) -> None:
    """The second is sent when the front has handed the first over, out of patience if for no other reason."""

    def split(one: Input) -> Script:
        at = max(1, min(PLACES[place](one.data), len(one.data) - 1))
        return [[piece] for piece in (one.data[:at], one.data[at:], *one.then) if piece]

    found = compare(servers, INPUTS, split, after)
    assert found[SLOW] > 40
    assert set(found) <= {*BY_REASON, "large head", KEPT}


def test_byte_by_byte(servers: Both) -> None:
    # What uvicorn makes of bytes behind a request, or behind an upgrade that it does not know, depends on whether
    # it reads them together.
    chosen = [one for one in INPUTS if len(one.data) < 400 and one.reason not in ("pipelined", "upgrade")]
    found = compare(
        servers, chosen, lambda one: [[bytes([byte]) for byte in one.data], *([it] for it in one.then)]
    )
    found.pop(KEPT, None)
    # What follows a request that was answered early may find its connection with the front again.
    assert sum(found.values()) >= len(chosen)
    assert set(found) <= {*BY_REASON}


def test_large_heads_that_come_at_once(servers: Both) -> None:
    """h11 takes them if they are complete when it reads them, and no other."""
    heads = {
        "complete": get(b"x: " + b"y" * 50_000),
        "half": get(b"x: " + b"y" * 50_000)[:25_000],
        "in many fields": get(*(b"x-%d: " % number + b"y" * 1000 for number in range(50))),
    }
    assert not servers.differences({name: [[data]] for name, data in heads.items()}, frozen=True)
    assert servers.front.reasons() == {"route": 2, "large head": 1}


def test_ended_by_the_client_in_the_middle(servers: Both) -> None:
    """Nothing is answered, and nothing stays behind."""
    parts = [GOOD[:at] for at in (1, 20, 60, len(GOOD) - 1)]
    for side in (servers.plain, servers.front):
        if isinstance(side, Front):
            side.begin()
        with ExitStack() as stack:
            talks = side.connect(len(parts), stack)
            for talk, part in zip(talks, parts, strict=True):
                talk.say(part)
                assert talk.finish().data == b""
    found = servers.front.reasons()
    assert sum(found.values()) == len(parts)
    assert set(found) <= {"half closed", SLOW}
