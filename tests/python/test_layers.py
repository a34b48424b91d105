"""The house, checked in its sources: who may import whom, and who may do what only one room may."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "accel"
RUST = sorted((ROOT / "src").rglob("*.rs"))
CORE = [path for path in RUST if "core" in path.relative_to(ROOT / "src").parts]
SOURCES = sorted(PACKAGE.rglob("*.py"))

# From the foundation up; a room imports from rows above its own, or from its own if it is a directory.
ROWS: tuple[tuple[str, ...], ...] = (
    ("errors", "native", "fingerprint", "shadow", "interpreters", "state", "tables", "ticker"),
    ("lane", "around"),
    ("features", "flags"),
    ("lightly",),
    ("dispatch", "layers"),
    ("control",),
    ("seams",),
    ("report",),
    ("proxy_config",),
    ("doctor", "endpoint", "fleet", "refresh", "run", "demo"),
    ("cli", "__init__"),
    ("__main__", "bootstrap"),
)
HEIGHT = {room: height for height, row in enumerate(ROWS) for room in row}

READS_ENVIRONMENT = {
    "flags.py": "reads every ACCEL_ variable",
    "run.py": "hands the environment on to the command that it starts",
    "cli.py": "says where runs keep their state (XDG_RUNTIME_DIR)",
    "fleet.py": "says where runs keep their state, and reads LITELLM_MASTER_KEY",
    "doctor.py": "keeps LiteLLM from asking the network for its price list, and looks where LiteLLM finds Redis",
    "demo/driver.py": "hands the environment on to the demonstration's proxy",
    "bootstrap/sitecustomize.py": "its gate, in processes where accel must not even be imported",
}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_bytes()))


def imported(path: Path) -> set[str]:
    """The modules that a source imports, at any depth; names taken from `accel` itself as modules."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            module = node.module or ""
            found |= {f"accel.{alias.name}" for alias in node.names} if module == "accel" else {module}
    return found


def rooms_imported(path: Path) -> set[str]:
    rooms = set()
    for module in imported(path):
        head, _, rest = module.partition(".")
        if head == "accel":
            rooms.add(rest.partition(".")[0] if rest else "__init__")
    return rooms


def test_every_room_has_a_row() -> None:
    assert {room_of(path) for path in SOURCES} == set(HEIGHT)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(path)
    for other in rooms_imported(path) - {"_accel"}:
        assert other == room or HEIGHT[other] < HEIGHT[room], f"{name_of(path)} imports {other}"


def test_the_chain_of_the_design() -> None:
    chain = ["errors", "native", "features", "dispatch", "seams", "__init__"]
    heights = [HEIGHT[room] for room in chain]
    assert heights == sorted(heights)
    allowed = {
        "errors": set(),
        "native": {"_accel"},
        "dispatch": {"native", "shadow", "errors", "features", "around", "lightly"},
    }
    for room, rooms in allowed.items():
        assert rooms_imported(PACKAGE / f"{room}.py") == rooms
    # A feature knows nothing of the guard and of whoever installs it.
    for path in (PACKAGE / "features").glob("*.py"):
        assert rooms_imported(path) <= {"errors", "native", "fingerprint", "features", "lane"}


def test_one_importer_of_the_native_module() -> None:
    assert [name_of(path) for path in SOURCES if "_accel" in rooms_imported(path)] == ["native.py"]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_accel_never_imports_litellm_when_it_is_imported(path: Path) -> None:
    """Nor what LiteLLM stands on. Inside a function, what is there already may be asked for its parts."""
    if room_of(path) == "demo":
        return  # programs of their own: a client and an upstream
    top = [node for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in top if isinstance(node, ast.ImportFrom)}
    heavy = ("litellm", "openai", "tiktoken", "tokenizers", "fastapi")
    assert [name for name in names if name.partition(".")[0] in heavy] == []


def test_one_setter_of_other_peoples_attributes() -> None:
    setters = set()
    for path in SOURCES:
        for node in nodes(path):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("setattr", "delattr")
            ):
                setters.add(name_of(path))
            if isinstance(node, ast.Attribute) and node.attr in ("__setattr__", "__dict__"):
                setters.add(name_of(path))
            # `sys.modules[…].name = …`, `vars(module)[…] = …` and the like
            if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
                owner = ast.unparse(node.value)
                assert not re.match(r"(sys\.modules\[|vars\(|globals\(|.*import)", owner), name_of(path)
    assert setters == {"seams.py"}


def test_who_reads_the_environment() -> None:
    readers = set()
    for path in SOURCES:
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and node.attr in (
                "environ",
                "environb",
                "getenv",
                "getenvb",
                "putenv",
            ):
                readers.add(name_of(path))
    assert readers == set(READS_ENVIRONMENT)


def test_who_reads_accels_variables() -> None:
    readers = set()
    for path in SOURCES:
        for node in nodes(path):
            is_load = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
            key = node.slice if is_load else node.args[0] if isinstance(node, ast.Call) and node.args else None
            getter = isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("get", "getenv")
            if (is_load or getter) and isinstance(key, ast.Constant) and str(key.value).startswith("ACCEL_"):
                readers.add(name_of(path))
    assert readers == {"flags.py", "bootstrap/sitecustomize.py"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_broad_handlers_have_their_reason(path: Path) -> None:
    lines = path.read_text().splitlines()
    for node in nodes(path):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"BaseException"}
        # What raises again swallows nothing.
        if caught & {"Exception", "BaseException"} and not isinstance(node.body[-1], ast.Raise):
            # Where the handler logs the traceback ruff wants no exemption, but the reason is told all the same.
            assert re.search(r"  # (noqa: BLE001  # )?\w.{9,}$", lines[node.lineno - 1]), (
                f"{name_of(path)}:{node.lineno}"
            )


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("Python", r"pyo3|\bpy\b"),
        ("the environment, files, sockets, processes", r"std::(env|fs|net|process|io)\b"),
        ("the wall clock", r"SystemTime|UNIX_EPOCH|chrono"),
        ("chance that nobody seeded", r"\brand::|getrandom|RandomState"),
        ("state of the process", r"(?m)^\s*(pub(\([^)]*\))?\s+)?static\s|thread_local!|lazy_static"),
        ("the lane", r"crate::lane"),
    ],
)
def test_the_core_knows_nothing_of(what: str, pattern: str) -> None:
    assert CORE
    assert [path for path in CORE if re.search(pattern, path.read_text())] == []


def test_nothing_of_ours_is_unsafe() -> None:
    assert "#![forbid(unsafe_code)]" in (ROOT / "src" / "lib.rs").read_text()
    assert [path for path in RUST if re.search(r"\bunsafe\b(?!_code)", path.read_text())] == []


@pytest.mark.parametrize("folder", ["src", "python", "tests", "scripts", "benches"])
def test_rooms_stay_small(folder: str) -> None:
    # The stub is one file, as the module that it describes is one.
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".rs", ".py")]
    assert [path.name for path in paths if len(path.read_text().splitlines()) > 400] == []
