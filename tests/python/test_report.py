"""What accel says of itself: its shape, and that its numbers come from real calls."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import pytest

import accel
from accel import dispatch, report
from accel.features import FEATURES, limit_capacity
from support.forks import in_a_fork
from support.live import MODEL, NAME, TEXT, count, counted_by, expected, fresh_account, seam_module


@pytest.fixture
def junction() -> Iterator[dispatch.Junction]:
    with fresh_account() as junction:
        yield junction


def feature() -> dict[str, Any]:
    found: dict[str, Any] = accel.status().features[NAME]
    return found


class TestStatus:
    def test_its_shape(self, junction: dispatch.Junction) -> None:
        count()
        document = accel.status().to_dict()
        assert json.loads(orjson.dumps(document)) == document
        assert list(document) == ["version", "native", "litellm", "features", "problems", "mismatches"]
        assert document["version"] == accel.__version__
        assert document["native"] == {"loaded": True, "reason": None}
        assert set(document["litellm"]) == {"version", "supported", "late"}
        assert (document["litellm"]["version"], document["litellm"]["supported"]) == ("1.106.2", True)
        found = document["features"][NAME]
        assert set(found) >= {"mode", "percent", "verify_percent", "breaker", "calls", "seams", "latency_ns"}
        assert set(found["calls"]) >= {"native", "python", "failed", "mismatched"}
        assert set(found["breaker"]) == {"state", "opened_by", "times_opened", "retry_in_ms", "trials"}
        for row in found["seams"]:
            assert set(row) == {"target", "state", "reason", "calls"}
            assert set(row["calls"]) == set(found["calls"])
            assert row["state"] in ("applied", "skipped", "waiting")

    def test_it_is_frozen_and_each_is_a_new_one(self, junction: dispatch.Junction) -> None:
        first = accel.status()
        with pytest.raises(dataclasses.FrozenInstanceError):
            first.version = "2"  # type: ignore[misc]
        count()
        assert first.features[NAME]["calls"]["native"] == 0
        assert feature()["calls"]["native"] == 1

    def test_its_numbers_follow_real_calls(self, junction: dispatch.Junction) -> None:
        count()
        count(model="claude-sonnet-4-5")
        count("\ud800")
        accel.set_flag(NAME, mode="off")
        count()
        accel.set_flag(NAME, mode="shadow")
        count()
        counted = feature()["calls"]
        assert counted["native"] == 2
        # What the seam of whole calls leaves to Python comes to the seam of single texts, which counts it too.
        assert counted["python"] == {"declined: lone surrogate": 2, "off": 2, "shadow": 1}
        assert (counted["verified"], counted["failed"], counted["mismatched"]) == (1, 0, 0)
        shares = {row["target"].partition(":")[2]: row["calls"] for row in feature()["seams"]}
        whole = {"declined: lone surrogate": 1, "off": 1, "shadow": 1}
        assert (shares["token_counter"]["native"], shares["token_counter"]["python"]) == (2, whole)
        texts = {"declined: lone surrogate": 1, "off": 1}
        assert (shares["_get_exact_count_function"]["native"], shares["_get_exact_count_function"]["python"]) == (
            0,
            texts,
        )

    def test_it_reads_the_live_attribute(
        self, junction: dispatch.Junction, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(seam_module(), "_get_exact_count_function", lambda model, tokenizer=None: len)
        assert feature()["seams"][0]["state"] == "skipped"
        monkeypatch.undo()
        assert feature()["seams"][0]["state"] == "applied"


class TestPerformance:
    def test_latencies_are_of_real_calls(self, junction: dispatch.Junction) -> None:
        for _ in range(20):
            count()
        accel.set_flag(NAME, percent=0)
        for _ in range(10):
            count()
        stats = accel.get_performance_stats()[NAME]
        native, python = stats["latency_ns"]["native"], stats["latency_ns"]["python"]
        assert (native["count"], python["count"]) == (20, 10)
        assert stats["calls"]["native"] == 20
        assert 0 < native["p50"] <= native["p99"]
        assert 0 < python["p50"] <= python["p99"]

    def test_export(self, junction: dispatch.Junction, tmp_path: Path) -> None:
        count()
        accel.export_performance_data(tmp_path / "data.json")
        assert json.loads((tmp_path / "data.json").read_bytes()) == accel.get_performance_stats()
        accel.export_performance_data(str(tmp_path / "data.csv"))
        with (tmp_path / "data.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [(row["feature"], row["path"]) for row in rows] == [
            (name, path) for name in FEATURES for path in ("native", "python")
        ]
        # LiteLLM's own import uses its caches: what those have counted is not this test's.
        counts = [row["count"] for row in rows if row["feature"] in (NAME, "token_memo", "request_lane")]
        assert counts == ["1", "0", "0", "0", "0", "0"]
        assert int(rows[0]["p50_ns"]) > 0
        for name in ("data.xml", "data"):
            with pytest.raises(ValueError, match=r"the suffix must be \.json or \.csv"):
                accel.export_performance_data(tmp_path / name)
            assert not (tmp_path / name).exists()


class TestRecommendations:
    @pytest.fixture(autouse=True)
    def _no_limiters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Other tests of this process may have left some, of which there is something to say."""
        monkeypatch.setattr(limit_capacity, "_places", WeakKeyDictionary())

    def test_none_when_all_is_well(self, junction: dispatch.Junction) -> None:
        assert accel.get_recommendations() == []

    def test_shadow(self, junction: dispatch.Junction) -> None:
        accel.set_flag(NAME, mode="shadow")
        count()
        (advice,) = accel.get_recommendations()
        assert advice == f"{NAME}: 1 shadow calls were equal; mode 'on' would use native answers"

    def test_an_open_breaker(self, junction: dispatch.Junction) -> None:
        junction.guard.compared(junction.guard.admit(1), False)
        (advice,) = accel.get_recommendations()
        assert advice.startswith(f"{NAME}: breaker is open;")
        accel.reset_errors(NAME)
        assert accel.get_recommendations() == []

    def test_native_slower_than_python(self) -> None:
        latency = {"native": {"count": 1000, "p50": 9}, "python": {"count": 1000, "p50": 8}}
        row = {"seams": [], "breaker": {"state": "closed"}, "mode": "on", "calls": {}, "latency_ns": latency}
        assert report._advice("x", row) == ["x: native p50 9 ns is above Python's 8 ns here"]
        latency["python"]["count"] = 999
        assert report._advice("x", row) == []


def test_a_forked_child_begins_at_zero_with_its_seams_applied(junction: dispatch.Junction) -> None:
    accel.set_flag(NAME, percent=50, include=[MODEL])
    count()
    junction.guard.failed(junction.guard.admit(1, (MODEL,)), "KeyError")
    kept = expected()
    before, answers, after = in_a_fork(
        lambda: [accel.status().to_dict(), [count(), count()], accel.status().to_dict()]
    )
    assert answers == [kept, kept]
    begun, ended = before["features"][NAME], after["features"][NAME]
    assert (begun["calls"]["native"], begun["calls"]["failed"], begun["calls"]["python"]) == (0, 0, {})
    assert (begun["mode"], begun["percent"], begun["include"]) == ("on", 50, [MODEL])
    assert begun["seams"][0]["state"] == "applied"
    assert ended["calls"]["native"] == 2
    assert feature()["calls"]["native"] == 1, "the child's calls are not the parent's"


def test_a_forked_child_does_not_inherit_differences(junction: dispatch.Junction) -> None:
    count()
    accel.set_flag(NAME, mode="shadow")
    with counted_by(lambda _text: 999):
        count(TEXT)
    assert len(accel.status().mismatches) == 1
    mismatches, state = in_a_fork(lambda: [accel.status().mismatches, feature()["breaker"]["state"]])
    assert (mismatches, state) == ([], "closed")
