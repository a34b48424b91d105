"""The same requests to a plain proxy and to one with accel, on several configurations: answers and logs are equal.

`ACCEL_<FEATURE>=off` in the environment holds for the proxies with accel: so the feature that makes a difference
is found. `ACCEL_ENABLED=0` compares LiteLLM with itself.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.run_requests import requests
from support.run_results import Results, logged, run_both
from support.run_worlds import WORLDS, Served, starting_worlds

pytestmark = [pytest.mark.xdist_group("proxy"), pytest.mark.timeout(600)]

REQUESTS = requests()
EXERCISED = ("token_counting", "caching", "rate_limiting", "routing", "overhead")
Sides = tuple[Mapping[str, Served], Mapping[str, Served]]


@pytest.fixture(scope="module")
def sides(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """The plain proxies and those with accel."""
    directory = tmp_path_factory.mktemp("run")
    with ExitStack() as stack:
        starting = [
            stack.enter_context(starting_worlds(directory / name, upstream, accel=name == "accel"))
            for name in ("plain", "accel")
        ]
        plain, accel = (ready() for ready in starting)
        yield plain, accel


@pytest.fixture(scope="module")
def results(sides: Sides) -> Mapping[str, tuple[Results, Results]]:
    """What all requests came to, by configuration."""
    plain, accel = sides
    return {name: run_both(plain[name], accel[name], REQUESTS[name]) for name in WORLDS}


@pytest.fixture(scope="module")
def statuses(sides: Sides, results: object) -> Mapping[str, Mapping[str, Any]]:
    """What accel says of its features after the requests, by configuration."""
    found = {}
    for name, served in sides[1].items():
        with served.client() as client:
            reply = client.get("/accel/status")
        if reply.status_code == 404:
            pytest.skip("accel is switched off by the environment")
        found[name] = reply.json()["features"]
    return found


@pytest.mark.parametrize(("world", "name"), [(world, name) for world in WORLDS for name in REQUESTS[world]])
def test_answers_and_logs_are_equal(results: Mapping[str, tuple[Results, Results]], world: str, name: str) -> None:
    plain, accel = (list(side[name].lines()) for side in results[world])
    assert accel == plain, "\n".join(difflib.unified_diff(plain, accel, "plain", "accel", n=4))


@pytest.mark.parametrize("world", WORLDS)
def test_the_proxies_complained_of_the_same(
    sides: Sides, results: Mapping[str, tuple[Results, Results]], world: str
) -> None:
    plain, accel = (logged(side[world]) for side in sides)
    assert accel == plain
    assert plain, "nothing was logged, so nothing was compared"


@pytest.mark.parametrize("world", WORLDS)
def test_there_was_something_to_compare(results: Mapping[str, tuple[Results, Results]], world: str) -> None:
    plain, _ = results[world]
    assert {200, 400, 401} <= {answer.status for answer in plain.values()}
    assert all(plain[name].records for name in ("plain", "stream", "upstream's 429", "embeddings", "last"))


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_native_failed(statuses: Mapping[str, Mapping[str, Any]], world: str) -> None:
    wrong = {
        name: calls
        for name, feature in statuses[world].items()
        if (calls := feature.get("calls")) and (calls["failed"] or calls["mismatched"])
    }
    assert not wrong


def test_the_plain_proxies_are_without_accel(sides: Sides) -> None:
    # Forked from one import.
    served = sides[0]["bare"]
    with served.client() as client:
        assert client.get("/accel/status").status_code == 404
    assert "_accel" not in Path(f"/proc/{served.process.pid}/maps").read_text()


@pytest.mark.parametrize("feature", EXERCISED)
def test_the_feature_answered_natively(statuses: Mapping[str, Mapping[str, Any]], feature: str) -> None:
    if f"ACCEL_{feature.upper()}" in os.environ:
        pytest.skip("switched by the environment")
    native = {
        seam["target"]
        for features in statuses.values()
        for seam in features[feature]["seams"]
        if seam["calls"]["native"]
    }
    assert native
