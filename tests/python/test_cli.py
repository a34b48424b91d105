"""The command `accel`, and what importing accel costs."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest

from accel import __version__
from support.fresh import copy_of_accel, environ, told_by
from support.processes import HOST


def accel(*arguments: str, path: tuple[Path, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accel", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environ(*path, **variables),
        check=False,
    )


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """Variables under which no run of this user is found."""
    return {"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}


class TestDoctor:
    def test_all_is_well(self) -> None:
        ended = accel("doctor", "--json")
        assert (ended.returncode, ended.stderr) == (0, "")
        document = orjson.loads(ended.stdout)
        assert document["native"]["loaded"] is True
        assert document["litellm"] == {"version": "1.106.2", "supported": True, "late": False}
        states = [row["state"] for feature in document["features"].values() for row in feature["seams"]]
        assert set(states) == {"applied"}
        assert len(document["self_check"]) >= 12
        assert all(check["accel"] == check["litellm"] for check in document["self_check"])
        assert {check["litellm"] > 0 for check in document["self_check"] if check["chars"]} == {True}
        assert document["features"]["token_counting"]["calls"]["native"] == len(document["self_check"])
        assert (document["not_importable"], document["recommendations"], document["problems"]) == ([], [], [])
        assert document["features"]["request_lane"]["front"] == {
            "state": "none",
            "reason": "uvicorn has started no server since accel was imported",
        }

    @pytest.mark.parametrize(("package", "code"), [("uvicorn", 0), ("litellm", 1)])
    def test_what_is_not_installed_counts_only_where_it_is_litellm(
        self, tmp_path: Path, package: str, code: int
    ) -> None:
        (tmp_path / "sitecustomize.py").write_text(f"""
import sys
hidden = {package!r}
for finder in sys.meta_path:
    search = getattr(finder, "find_spec")
    def find_spec(name, path=None, target=None, search=search):
        return None if name.partition(".")[0] == hidden else search(name, path, target)
    found = getattr(finder, "find_distributions", lambda *_: ())
    methods = {{"find_spec": staticmethod(find_spec), "find_distributions": staticmethod(found)}}
    sys.meta_path[sys.meta_path.index(finder)] = type("Finder", (), methods)
""")
        ended = accel("doctor", path=(tmp_path,))
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert f"No module named '{package}'" in ended.stdout
        assert "fronts of servers" in ended.stdout

    def test_for_people_without_the_native_module(self, tmp_path: Path) -> None:
        package = copy_of_accel(tmp_path)
        for library in (package / "accel").glob("_accel.*so"):
            library.unlink()
        ended = accel("doctor", path=(package,))
        assert ended.returncode == 1
        assert "native module not loaded: ModuleNotFoundError" in ended.stdout
        assert "skipped" in ended.stdout
        assert "self-check: 0 of 0" in ended.stdout


class TestOtherCommands:
    def test_version(self) -> None:
        ended = accel("--version")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"accel {__version__}\n", "")

    def test_status_with_no_run(self, nowhere: dict[str, str]) -> None:
        ended = accel("status", **nowhere)
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert ended.stderr == (
            "accel: no process of an `accel run` has reported; was LiteLLM started by `accel run`?\n"
        )

    def test_status_of_a_url_that_does_not_answer(self) -> None:
        ended = accel("status", "http://127.0.0.1:1", "--json")
        assert (ended.returncode, ended.stdout) == (1, "[]\n")
        assert ended.stderr.startswith("accel: http://127.0.0.1:1: ")
        assert "Traceback" not in ended.stderr

    @pytest.mark.parametrize("url", ["127.0.0.1:4000", "nonsense", "file:///etc/hostname"])
    def test_status_of_what_is_no_url(self, url: str) -> None:
        ended = accel("status", url)
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr

    @pytest.mark.parametrize("body", [b"{}", b"[]", b"Welcome", b"null"])
    def test_status_of_another_server(self, body: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer((HOST, 0), Handler) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            ended = accel("status", f"http://{HOST}:{server.server_port}", no_proxy="*")
            thread.join(20)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"accel: http://{HOST}:")
        assert "Traceback" not in ended.stderr

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("token_counting", "off"), "accel: no such run is live"),
            (("token_counting", "25%", "--pid", "1"), "accel: no such run is live"),
            (("token_counting", "banana"), "accel: token_counting must be off, shadow, on or a percentage"),
            (("token_counting", "0.0001%"), "accel: token_counting must be off, shadow, on or a percentage"),
            (("nonsense", "off"), "invalid choice: 'nonsense'"),
            (("token_counting",), "the following arguments are required: value"),
        ],
    )
    def test_flags(self, nowhere: dict[str, str], arguments: tuple[str, ...], said: str) -> None:
        ended = accel("flags", *arguments, **nowhere)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr

    @pytest.mark.parametrize("arguments", [(), ("nonsense",)])
    def test_no_such_command(self, arguments: tuple[str, ...]) -> None:
        ended = accel(*arguments)
        assert ended.returncode == 2
        assert "usage: accel" in ended.stderr


def test_importing_accel_is_cheap_and_quiet() -> None:
    told = told_by("""
import socket, threading
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
import accel, time
tell(
    modules=sorted({name.partition(".")[0] for name in sys.modules}),
    threads=[thread.name for thread in threading.enumerate()],
    opened=opened,
)
""")
    heavy = {"litellm", "openai", "tiktoken", "tokenizers", "fastapi", "httpx", "aiohttp", "rich", "uvicorn"}
    assert heavy & set(told.facts["modules"]) == set()
    assert told.facts["threads"] == ["MainThread"]
    assert told.facts["opened"] == []
    assert told.stderr == ""


def test_with_a_flag_file_it_watches_in_one_daemon_thread(tmp_path: Path) -> None:
    (tmp_path / "flags.json").write_text('{"features": {}}')
    told = told_by(
        "import accel, threading; tell(threads=[(t.name, t.daemon) for t in threading.enumerate()[1:]])",
        ACCEL_FLAGS=str(tmp_path / "flags.json"),
    )
    assert told.facts["threads"] == [["accel-ticker", True]]
