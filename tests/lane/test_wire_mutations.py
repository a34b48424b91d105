"""Random damage to good requests: byte for byte what uvicorn alone answers, on every parser and loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from support.lane import COMBINATIONS
from support.scale import scaled
from support.wire import KEPT, Both, both
from support.wire_mutations import scripts

pytestmark = pytest.mark.xdist_group("wire mutations")

ROUNDS = scaled(4)
EACH = 100


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both(tmp_path_factory.mktemp("mutations"), *request.param) as running:
        yield running


@pytest.mark.parametrize("after", [0, 1], ids=["first", "on one that came back"])
def test_damaged_requests(servers: Both, after: int) -> None:
    found: Counter[str] = Counter()
    for number in range(ROUNDS):
        seed = f"{after} {number}"
        assert not servers.differences({f"{seed}: {script}": script for script in scripts(seed, EACH)}, after)
        found.update(servers.front.reasons())
    del found[KEPT]
    assert sum(found.values()) >= ROUNDS * EACH * 0.9
    assert {"malformed", "bare newline", "slow request", "no plan", "route", "content length"} <= set(found)
