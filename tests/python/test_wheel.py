"""The wheel: what is in it, what is not, and that it works where it is installed."""

import fcntl
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import orjson
import pytest

from accel import native
from accel.features import FEATURES
from support.processes import run_python

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `make wheel` builds it. What was compiled before is used again."""
    out = tmp_path_factory.mktemp("wheel")
    maturin = Path(sysconfig.get_path("scripts")) / "maturin"
    command = [
        str(maturin) if maturin.exists() else "maturin",
        "build",
        "--release",
        "--locked",
        "--out",
        str(out),
    ]
    # Two test processes that build at once would take each other's files.
    with (ROOT / "target" / "wheel-test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert built.returncode == 0, built.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and behind it the packages of this one; gives its interpreter."""
    directory = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    packages = next((directory / "lib").glob("python*")) / "site-packages"
    # Not by a `.pth` in the other environment: that would run its editable install of accel.
    paths = [path for path in sys.path if "site-packages" in path]
    (packages / "behind.pth").write_text("\n".join(paths))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return directory / "bin" / "python"


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_holds_one_package_and_its_metadata(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops == {"accel", f"litellm_accel-{native.VERSION}.dist-info"}
    assert not [name for name in names if name.endswith((".pth", ".pyc"))]
    assert not [name for name in names if "tests/" in name or "_panic" in name]


def test_it_holds_all_that_is_needed(names: set[str]) -> None:
    for wanted in ("_accel.pyi", "py.typed", "fingerprints.json", "bootstrap/sitecustomize.py", "cli.py"):
        assert f"accel/{wanted}" in names
    sources = {str(path.relative_to(ROOT / "python")) for path in (ROOT / "python" / "accel").rglob("*.py")}
    assert sources <= names
    assert [name for name in names if name.startswith("accel/_accel.") and name.endswith((".so", ".pyd"))]


def test_it_is_one_for_every_python_from_3_10(wheel: Path) -> None:
    assert "-cp310-abi3-" in wheel.name


def test_installed_it_works_and_cannot_be_made_to_panic(installed: Path) -> None:
    code = """
import accel, orjson
from accel import _accel
flags = orjson.loads(_accel.DEFAULT_FLAGS)
print(accel.__file__, accel.status().native["loaded"], hasattr(_accel, "_panic_for_test"), *flags["features"])
"""
    ended = run_python(code, python=str(installed), environ=clean_environment())
    assert ended.returncode == 0, ended.stderr
    file, *rest = ended.stdout.split(maxsplit=1)
    assert Path(file).is_relative_to(installed.parents[1])
    assert rest == [f"True False {' '.join(FEATURES)}\n"]


def test_the_doctor_finds_every_seam_exact(installed: Path) -> None:
    command = [str(installed), "-m", "accel", "doctor", "--json"]
    ended = subprocess.run(command, env=clean_environment(), capture_output=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    document = orjson.loads(ended.stdout)
    seams = [seam for feature in document["features"].values() for seam in feature["seams"]]
    assert seams
    assert {seam["state"] for seam in seams} == {"applied"}
    assert document["self_check"]


def clean_environment() -> dict[str, str]:
    """This environment without accel's settings and without a path to its sources."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ACCEL_", "PYTHONPATH"))}
    return {**own, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
