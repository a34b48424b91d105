"""Flags changed while the process runs: by calls, by blocks, by a file, and beside a fork."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import accel
from accel import control, dispatch
from accel.errors import FlagError
from support.forks import in_a_fork
from support.live import MODEL, NAME, TEXT, calls, count, expected, fresh_account, mode, seam_module


@pytest.fixture
def junction() -> Iterator[dispatch.Junction]:
    with fresh_account() as junction:
        yield junction


class TestRunTime:
    def test_set_flag_holds_at_once_for_a_count_function_that_is_out_already(
        self, junction: dispatch.Junction
    ) -> None:
        counter = seam_module()._get_exact_count_function(MODEL)
        for changes, native in (({}, 1), ({"mode": "off"}, 1), ({"mode": "on"}, 2), ({"percent": 0}, 2)):
            accel.set_flag(NAME, **changes)
            assert counter(TEXT) == expected()
            assert calls(junction)["native"] == native

    @pytest.mark.parametrize(
        "bad", [{"percent": 101}, {"percent": 1e-9}, {"percent": float("nan")}, {"mode": "x"}, {"include": "a"}]
    )
    def test_a_bad_value_raises_and_changes_nothing(
        self, junction: dispatch.Junction, bad: dict[str, Any]
    ) -> None:
        before = junction.guard.status()
        with pytest.raises(FlagError, match=f"set_flag: {NAME}"):
            accel.set_flag(NAME, **bad)
        control.apply()
        assert junction.guard.status() == before
        with pytest.raises(FlagError, match="unknown feature 'nonsense'"):
            accel.set_flag("nonsense", mode="off")

    def test_disabled(self, junction: dispatch.Junction) -> None:
        with accel.disabled():
            assert mode() == "off"
            assert count() == expected()
            with accel.disabled(NAME):
                assert mode() == "off"
            assert mode() == "off"
        assert mode() == "on"
        with pytest.raises(RuntimeError), accel.disabled(NAME):
            raise RuntimeError
        assert mode() == "on"
        # The seam of the whole call, and the one of its text.
        assert calls(junction)["python"] == {"off": 2}

    def test_disabled_with_an_unknown_name_disables_nothing(self, junction: dispatch.Junction) -> None:
        with pytest.raises(FlagError, match="nonsense"), accel.disabled(NAME, "nonsense"):
            pass
        assert mode() == "on"

    def test_disabled_blocks_that_overlap_in_threads(self, junction: dispatch.Junction) -> None:
        entered, leave = threading.Event(), threading.Event()

        def second() -> None:
            with accel.disabled(NAME):
                entered.set()
                leave.wait(20)

        thread = threading.Thread(target=second)
        with accel.disabled(NAME):
            thread.start()
            assert entered.wait(20)
        assert mode() == "off", "the other thread's block is not over"
        leave.set()
        thread.join(20)
        assert mode() == "on"

    def test_reload_flags(
        self, junction: dispatch.Junction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "flags.json"
        monkeypatch.setattr(control.environment, "flags_file", path)
        for content, percent, problems in (
            ({"features": {NAME: {"percent": 25, "include": ["m"]}}}, 25, 0),
            ({"features": {NAME: {"percent": 250}}}, 25, 1),
            ({"features": {NAME: {"percent": 50}}}, 50, 0),
        ):
            path.write_bytes(orjson.dumps(content))
            assert control.flags is not None
            control.flags._runtime = {}  # what fresh_account said would win over the file
            accel.reload_flags()
            status = accel.status()
            assert status.features[NAME]["percent"] == percent
            assert len(status.problems) == problems
        assert status.features[NAME]["include"] == []


def test_a_fork_while_another_thread_changes_flags(junction: dispatch.Junction) -> None:
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with control._lock:
            locked.set()
            release.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(20)

    def change() -> tuple[bool, str]:
        # In the child the lock's holder does not exist; waiting for it would be for ever.
        worker = threading.Thread(target=accel.set_flag, args=(NAME, "off"), daemon=True)
        worker.start()
        worker.join(10)
        return worker.is_alive(), mode()

    try:
        assert in_a_fork(change) == [False, "off"]
    finally:
        release.set()
        thread.join(20)
    assert mode() == "on"
