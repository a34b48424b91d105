"""The private state directory: who may be trusted, who lives, and what a bad file does."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from accel.state import (
    OverlayReader,
    ProcessIdentity,
    StateError,
    create_run,
    live_runs,
    parent_directory,
    read_snapshots,
    remove_snapshot,
    remove_stale_runs,
    write_overlay,
    write_snapshot,
)
from accel.state.files import write_json
from support.processes import run_python, wait_until

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="this system has no /proc")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.fixture
def ended() -> ProcessIdentity:
    """A process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return ProcessIdentity(process.pid, 1, ProcessIdentity.of_self().namespace)


@pytest.fixture
def living() -> Iterator[ProcessIdentity]:
    """Another process that lives."""
    code = """
import sys, orjson
from accel.state import ProcessIdentity
print(orjson.dumps(ProcessIdentity.of_self().to_json()).decode(), flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield ProcessIdentity.from_json(orjson.loads(process.stdout.readline()))
        process.stdin.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestParent:
    def test_is_private_and_below_the_runtime_directory(self, environ: dict[str, str], tmp_path: Path) -> None:
        parent = parent_directory(environ)
        assert parent == tmp_path / "accel"
        assert mode_of(parent) == 0o700
        assert parent_directory(environ) == parent

    @pytest.mark.parametrize("runtime", ["", "relative", "/nonexistent-runtime-directory"])
    def test_falls_back_to_the_temporary_directory(
        self, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        assert parent_directory({"XDG_RUNTIME_DIR": runtime}) == tmp_path / f"accel-{os.getuid()}"

    def test_refuses_a_symbolic_link(self, environ: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        (tmp_path / "accel").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StateError, match="symbolic link"):
            parent_directory(environ)

    def test_refuses_a_file(self, environ: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "accel").touch()
        with pytest.raises(StateError, match="accel"):
            parent_directory(environ)

    def test_refuses_a_directory_that_others_can_enter(self, environ: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "accel").mkdir()
        (tmp_path / "accel").chmod(0o755)
        with pytest.raises(StateError, match="0755"):
            parent_directory(environ)

    def test_refuses_another_user(
        self, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        stranger = os.getuid() + 1
        (tmp_path / f"accel-{stranger}").mkdir(mode=0o700)
        monkeypatch.setattr(os, "getuid", lambda: stranger)
        with pytest.raises(StateError, match="belongs to user"):
            parent_directory(environ)


class TestRuns:
    def test_a_run_is_private_and_live(self, environ: dict[str, str]) -> None:
        run = create_run(environ, ["litellm"])
        assert mode_of(run.directory) == 0o700
        assert mode_of(run.directory / "run.json") == 0o600
        assert live_runs(environ) == [run]

    @needs_proc
    def test_a_reused_pid_is_not_taken_for_the_run(self, environ: dict[str, str]) -> None:
        run = create_run(environ, ["litellm"])
        other = replace(run.process, start_ticks=1)
        write_json(run.directory / "run.json", {"process": other.to_json(), "command": ["litellm"]})
        assert live_runs(environ) == []

    def test_stale_runs_are_removed_and_live_ones_kept(
        self, environ: dict[str, str], ended: ProcessIdentity
    ) -> None:
        stale = create_run(environ, ["litellm"])
        write_json(stale.directory / "run.json", {"process": ended.to_json(), "command": ["litellm"]})
        live = create_run(environ, ["litellm"])
        assert not stale.directory.exists()
        assert remove_stale_runs(environ) == 0
        assert live_runs(environ) == [live]

    def test_a_worker_that_outlives_its_starter_keeps_the_run(
        self, environ: dict[str, str], ended: ProcessIdentity
    ) -> None:
        run = create_run(environ, ["gunicorn"])
        write_json(run.directory / "run.json", {"process": ended.to_json(), "command": ["gunicorn"]})
        write_snapshot(run.directory, {})
        assert remove_stale_runs(environ) == 0
        remove_snapshot(run.directory)
        assert remove_stale_runs(environ) == 1

    @needs_proc
    def test_a_run_of_another_container_is_left_alone(
        self, environ: dict[str, str], ended: ProcessIdentity
    ) -> None:
        run = create_run(environ, ["litellm"])
        elsewhere = replace(ended, namespace="pid:[1]")
        write_json(run.directory / "run.json", {"process": elsewhere.to_json(), "command": ["litellm"]})
        assert remove_stale_runs(environ) == 0

    @pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"process": {"pid": "1"}, "command": []}'])
    def test_an_unreadable_record_is_neither_live_nor_in_the_way(
        self, environ: dict[str, str], record: bytes
    ) -> None:
        run = create_run(environ, ["litellm"])
        (run.directory / "run.json").write_bytes(record)
        assert live_runs(environ) == []
        assert remove_stale_runs(environ) == 0, "it may just be coming into being"
        os.utime(run.directory, (0, 0))
        assert remove_stale_runs(environ) == 1


class TestSnapshots:
    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        assert write_snapshot(tmp_path, {"features": {"token_counting": 3}}) is None
        assert write_snapshot(tmp_path, {"features": {"token_counting": 4}}) is None
        found = read_snapshots(tmp_path)
        assert found.problems == ()
        assert [snapshot.body for snapshot in found.live] == [{"features": {"token_counting": 4}}]
        assert found.live[0].process == ProcessIdentity.of_self()
        assert mode_of(tmp_path / f"{os.getpid()}.json") == 0o600
        assert [path.name for path in tmp_path.iterdir()] == [f"{os.getpid()}.json"]

    def test_every_live_process_is_there_and_dead_ones_are_dropped(
        self, tmp_path: Path, ended: ProcessIdentity, living: ProcessIdentity
    ) -> None:
        for process in (ended, living):
            write_json(tmp_path / f"{process.pid}.json", {"process": process.to_json(), "body": {}})
        assert [snapshot.process for snapshot in read_snapshots(tmp_path).live] == [living]
        assert not (tmp_path / f"{ended.pid}.json").exists()

    @pytest.mark.parametrize("content", [b"", b'{"process"', b"[]", b"{}", b'{"process": {"pid": 1}, "body": 3}'])
    def test_a_bad_file_is_reported_and_hides_no_other(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "7.json").write_bytes(content)
        write_snapshot(tmp_path, {})
        found = read_snapshots(tmp_path)
        assert [snapshot.process.pid for snapshot in found.live] == [os.getpid()]
        assert len(found.problems) == 1
        assert found.problems[0].startswith("7.json: ")

    def test_a_missing_directory_is_reported_by_writer_and_reader(self, tmp_path: Path) -> None:
        assert write_snapshot(tmp_path / "gone", {}) is not None
        assert read_snapshots(tmp_path / "gone").problems

    def test_a_value_that_json_cannot_hold_is_reported(self, tmp_path: Path) -> None:
        assert "cannot write" in (write_snapshot(tmp_path, {"value": object()}) or "")
        assert list(tmp_path.iterdir()) == []

    def test_a_reader_never_sees_half_a_file(self, tmp_path: Path) -> None:
        code = f"""
from pathlib import Path
from accel.state import write_snapshot
for number in range(2000):
    assert write_snapshot(Path({str(tmp_path)!r}), {{"filler": "x" * (number % 50) * 1000}}) is None
"""
        done: list[int] = []
        writer = threading.Thread(target=lambda: done.append(run_python(code).returncode))
        writer.start()
        problems: list[str] = []

        def read_until_done() -> bool:
            problems.extend(read_snapshots(tmp_path).problems)
            return bool(done)

        wait_until(read_until_done, 60)
        writer.join()
        assert (done, problems) == ([0], [])


class TestOverlay:
    def test_is_reported_when_it_changes(self, tmp_path: Path) -> None:
        reader = OverlayReader(tmp_path)
        assert reader.poll() is None
        for mode in ("off", "on", "off"):
            write_overlay(tmp_path, {"token_counting": {"mode": mode}})
            found = reader.poll()
            assert found is not None
            assert (found.flags, found.problem) == ({"token_counting": {"mode": mode}}, None)
            assert reader.poll() is None

    def test_removing_it_is_a_change(self, tmp_path: Path) -> None:
        write_overlay(tmp_path, {"token_counting": "off"})
        reader = OverlayReader(tmp_path)
        reader.poll()
        (tmp_path / "flags.json").unlink()
        found = reader.poll()
        assert found is not None
        assert (found.flags, found.problem) == ({}, None)
        assert reader.poll() is None

    @pytest.mark.parametrize("content", [b"", b'{"token', b"[1]", b"\xff"])
    def test_a_bad_file_is_a_problem_said_once(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "flags.json").write_bytes(content)
        reader = OverlayReader(tmp_path)
        found = reader.poll()
        assert found is not None
        assert found.problem
        assert "flags.json" in found.problem
        assert reader.poll() is None

    def test_a_failed_write_leaves_the_old_one(self, tmp_path: Path) -> None:
        write_overlay(tmp_path, {"token_counting": "off"})
        with pytest.raises(TypeError):
            write_overlay(tmp_path, {"token_counting": object()})
        found = OverlayReader(tmp_path).poll()
        assert found is not None
        assert found.flags == {"token_counting": "off"}
