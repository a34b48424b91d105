"""The start-up module: accel before LiteLLM, in every process, and nothing else changed.

`litellm` and `accel` are small stand-ins here, so that only the start-up module is tested.
"""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from accel.run import BOOTSTRAP
from support.processes import HOST, ManagedProcess, answers, free_port, run_python

ACCEL = """
import sys, wrapt
late = "litellm" in sys.modules
hooked = []
wrapt.register_post_import_hook(hooked.append, "litellm")
wrapt.register_post_import_hook(hooked.append, "litellm.inner")
"""
SEEN = """
import sys, litellm, litellm.inner
accel = sys.modules.get("accel")
print(accel is not None and (accel.late, [module.__name__ for module in accel.hooked]))
print(litellm.__spec__.loader.__class__.__module__ != "sitecustomize", litellm.__file__, litellm.value)
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A directory with stand-ins for `litellm` and `accel`."""
    directory = tmp_path / "lib"
    for package, files in {
        "litellm": {"__init__.py": "value = 42", "inner.py": ""},
        "accel": {"__init__.py": ACCEL},
    }.items():
        (directory / package).mkdir(parents=True)
        for name, text in files.items():
            (directory / package / name).write_text(text)
    return directory


def environment(*path: Path, **variables: str) -> dict[str, str]:
    """What `accel run` passes on, with these directories behind the bootstrap's."""
    result = {name: value for name, value in os.environ.items() if not name.startswith("ACCEL_")}
    result["PYTHONPATH"] = os.pathsep.join(map(str, [BOOTSTRAP, *path]))
    result["ACCEL_RUN"] = "1"
    return {**result, **variables}


class TestImport:
    def test_accel_comes_just_before_litellm_and_its_hooks_fire(self, library: Path) -> None:
        ended = run_python(SEEN, environ=environment(library))
        assert ended.stderr == ""
        init = library / "litellm" / "__init__.py"
        assert ended.stdout.splitlines() == ["(False, ['litellm', 'litellm.inner'])", f"True {init} 42"]

    def test_other_imports_do_not_wake_accel(self, library: Path) -> None:
        ended = run_python("import sys, json, http; print('accel' in sys.modules)", environ=environment(library))
        assert ended.stdout == "False\n"

    def test_looking_for_litellm_does_not_wake_accel_nor_miss_it(self, library: Path) -> None:
        code = f"""
import importlib.util, sys
spec = importlib.util.find_spec("litellm")
print(spec.origin, spec.loader.get_filename("litellm") == spec.origin, "accel" in sys.modules)
{SEEN}"""
        ended = run_python(code, environ=environment(library))
        init = library / "litellm" / "__init__.py"
        assert ended.stdout.splitlines()[:2] == [
            f"{init} True False",
            "(False, ['litellm', 'litellm.inner'])",
        ]

    def test_running_litellm_as_a_module(self, library: Path) -> None:
        (library / "litellm" / "__main__.py").write_text("import sys; print('accel' in sys.modules)")
        environ = environment(library)
        ended = subprocess.run([sys.executable, "-m", "litellm"], env=environ, capture_output=True, text=True)
        assert (ended.stdout, ended.stderr) == ("True\n", "")

    def test_imports_of_many_threads_at_once(self, library: Path) -> None:
        code = """
import threading
names = ("wrapt", "litellm", "litellm.inner") * 5
threads = [threading.Thread(target=__import__, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(30)
import sys
print(sys.modules["accel"].late, len(sys.modules["accel"].hooked))
"""
        assert run_python(code, environ=environment(library)).stdout == "False 2\n"

    @pytest.mark.parametrize("variables", [{"ACCEL_RUN": ""}, {"ACCEL_RUN": "0"}, {"ACCEL_ENABLED": "0"}])
    def test_the_gate(self, library: Path, variables: dict[str, str]) -> None:
        ended = run_python(SEEN, environ=environment(library, **variables))
        assert ended.stdout.splitlines()[0] == "False"

    def test_an_absent_litellm_stays_absent(self, library: Path) -> None:
        for file in (library / "litellm").iterdir():
            file.unlink()
        (library / "litellm").rmdir()
        code = """
import sys
sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry]
try:
    import litellm
except ModuleNotFoundError as error:
    print(error)
"""
        assert run_python(code, environ=environment(library)).stdout == "No module named 'litellm'\n"


class TestFailures:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("raise RuntimeError('broken')", "RuntimeError: broken"),
            ("class P(BaseException): ...\nraise P('as a panic')", "P: as a panic"),
            ("import no_such_dependency", "No module named 'no_such_dependency'"),
        ],
    )
    def test_a_broken_accel_is_one_line(self, library: Path, text: str, says: str) -> None:
        (library / "accel" / "__init__.py").write_text(text)
        ended = run_python(SEEN, environ=environment(library))
        assert ended.stdout.splitlines()[1].endswith("42")
        assert ended.stderr.count("\n") == 1
        assert ended.stderr.startswith("accel: not active in process ")
        assert says in ended.stderr

    def test_another_environment_is_one_line_and_only_with_litellm(self, library: Path, tmp_path: Path) -> None:
        (library / "accel" / "__init__.py").unlink()
        (library / "accel").rmdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "other")], check=True)
        python = str(tmp_path / "other" / "bin" / "python3")
        ended = run_python(SEEN, python=python, environ=environment(library))
        assert ended.stdout.splitlines()[0] == "False"
        assert ended.stderr.count("\n") == 1
        assert f"accel is not installed in the environment {tmp_path / 'other'}" in ended.stderr
        assert run_python("import json", python=python, environ=environment(library)).stderr == ""

    def test_an_exit_inside_accel_is_not_swallowed(self, library: Path) -> None:
        (library / "accel" / "__init__.py").write_text("raise SystemExit(9)")
        assert run_python("import litellm", environ=environment(library)).returncode == 9


class TestExistingStartUpModule:
    SHOW = "import sys; print(sys.modules['sitecustomize'].__file__, sys.modules['sitecustomize'].mark)"

    def test_runs_as_if_ours_were_not_there(self, library: Path) -> None:
        existing = library / "sitecustomize.py"
        existing.write_text("import sys; mark = __name__ + str(sys.modules[__name__].__file__ == __file__)")
        ended = run_python(f"{self.SHOW}\n{SEEN}", environ=environment(library))
        assert ended.stderr == ""
        assert ended.stdout.splitlines()[0] == f"{existing} sitecustomizeTrue"
        assert ended.stdout.splitlines()[1] == "(False, ['litellm', 'litellm.inner'])"

    @pytest.mark.parametrize("text", ["raise RuntimeError('theirs')", "def broken(:", "import no_such_module"])
    def test_its_failure_is_treated_as_site_treats_it(self, library: Path, text: str) -> None:
        (library / "sitecustomize.py").write_text(text)
        without = run_python("", environ={**environment(), "PYTHONPATH": str(library)})
        ended = run_python(SEEN, environ=environment(library))
        assert ended.stderr == without.stderr != ""
        assert ended.stdout.splitlines()[0] == "(False, ['litellm', 'litellm.inner'])"

    def test_two_bootstraps_do_not_chase_each_other(self, library: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        copy.mkdir()
        (copy / "sitecustomize.py").write_bytes((BOOTSTRAP / "sitecustomize.py").read_bytes())
        ended = run_python(SEEN, environ=environment(copy, library))
        assert ended.stderr == ""
        assert ended.stdout.splitlines()[0] == "(False, ['litellm', 'litellm.inner'])"


APP = """
import os, sys
import litellm

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    body = f"{os.getpid()} {sys.modules['accel'].late}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [f"{os.getpid()} {sys.modules['accel'].late}".encode()]
"""


class TestWorkers:
    """Servers with two workers, spawned and forked."""

    @pytest.mark.parametrize(
        "command",
        [
            ["uvicorn", "served:app", "--workers", "2", "--host", HOST, "--port", "{port}"],
            ["gunicorn", "served:wsgi", "--workers", "2", "--preload", "--bind", f"{HOST}:{{port}}"],
            ["gunicorn", "served:wsgi", "--workers", "2", "--bind", f"{HOST}:{{port}}"],
        ],
        ids=["uvicorn spawns", "gunicorn forks after loading", "gunicorn forks before loading"],
    )
    def test_every_worker_has_accel_in_time(self, library: Path, tmp_path: Path, command: list[str]) -> None:
        (library / "served.py").write_text(APP)
        port = free_port()
        arguments = [sys.executable, "-m", *(part.format(port=port) for part in command)]
        environ = environment(library)
        with ManagedProcess("server", arguments, log=tmp_path / "log", environ=environ) as server:
            url = f"http://{HOST}:{port}/"
            server.wait_until(lambda: answers(url), 120)
            seen: dict[str, str] = {}

            def both_answered() -> bool:
                with urllib.request.urlopen(url, timeout=60) as reply:
                    pid, late = reply.read().decode().split()
                seen[pid] = late
                return len(seen) == 2

            server.wait_until(both_answered, 120)
        assert set(seen.values()) == {"False"}

    def test_a_subprocess_inherits_it(self, library: Path) -> None:
        inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SEEN!r}], check=True)"
        ended = run_python(inner, environ=environment(library))
        assert ended.stdout.splitlines()[0] == "(False, ['litellm', 'litellm.inner'])"
