"""A defect of the front's reader: its request is answered all the same, and the next ones are not read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accel import _accel
from support.lane import COMBINATIONS
from support.wire import Both, both
from support.wire_inputs import INPUTS
from support.wire_parts import GOOD, chat

pytestmark = [
    pytest.mark.xdist_group("wire panic"),
    pytest.mark.skipif(not hasattr(_accel, "_panic_for_test"), reason="needs the cargo feature panic-test"),
]
PANICS = chat(target=b"/accel-panic-for-test")


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both(tmp_path_factory.mktemp("panic"), *request.param) as servers:
        yield servers


@pytest.fixture
def servers(running: Both) -> Both:
    """With a breaker that is closed."""
    assert running.front.look(b"/reset")["breaker"]["state"] == "closed"
    return running


def failed(servers: Both) -> int:
    calls = servers.front.look()["calls"]
    assert calls["failed_by"].keys() <= {"panic"}
    return int(calls["failed"])


@pytest.mark.parametrize("after", [0, 1], ids=["first", "on one that came back"])
def test_it_is_answered_and_opens_the_breaker(servers: Both, after: int) -> None:
    before = failed(servers)
    assert not servers.differences({"panics": [[PANICS]]}, after)
    lane = servers.front.look()
    assert (lane["calls"]["failed"], lane["calls"]["native"]) == (before + 1, 0)
    assert (lane["breaker"]["state"], lane["breaker"]["opened_by"]) == ("open", "panic")
    assert lane["front"]["state"] == "serving"


def test_the_next_ones_are_not_read(servers: Both) -> None:
    servers.differences({"panics": [[PANICS]]})
    before = failed(servers)
    # What would panic again does not, for nobody looks.
    scripts = {one.name: [[one.data]] for one in INPUTS[:40]} | {
        "panics": [[PANICS]],
        "in two": [[GOOD[:20]], [GOOD[20:]]],
    }
    assert not servers.differences(scripts)
    assert servers.front.reasons(asked="breaker") == {"breaker": len(scripts)}
    assert failed(servers) == before


def test_reset_errors_closes_it(servers: Both) -> None:
    servers.differences({"panics": [[PANICS]]})
    assert servers.front.look()["breaker"]["state"] == "open"
    assert servers.front.look(b"/reset")["breaker"]["state"] == "closed"
    assert not servers.differences({"good": [[GOOD]]})
    assert servers.front.reasons() == {"no plan": 1}
