"""Makes `python/accel/fingerprints.json`: the bodies that each LiteLLM release has for what seams reproduce, and
those of uvicorn, redis-py and FastAPI.

Usage: fingerprints.py BASE [RELEASE …]
    BASE      the release that the parity tests ran against
    RELEASE   neighbours; one is kept where every reproduced body equals BASE's

Downloads the wheels from the package index, reads their sources and imports nothing of them.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import CodeType

import orjson

from accel import fingerprint
from accel.features import FEATURES
from accel.fingerprint import live

# Releases under LiteLLM for which scripts/check_library.py found 0 differences. tokenizers 0.21.0 and
# 0.21.1 differ: their Oniguruma knows an older Unicode.
LIBRARIES = {
    "tiktoken": ["0.8.0", "0.9.0", "0.10.0", "0.11.0", "0.12.0", "0.13.0", "0.14.0"],
    "tokenizers": ["0.21.2", "0.21.4", "0.22.0", "0.22.1", "0.22.2", "0.23.1", "0.23.2", "0.23.3"],
}

# Releases that tests/lane passed with; `LANE_UVICORN=/path/to/it` puts one before the installed one. Another one
# serves as well where each of its bodies is one of theirs.
# Releases of redis-py that tests/parity/test_caching_redis.py passed with.
REDIS = ["8.1.0"]

# Releases of FastAPI that tests/parity/test_overhead_dependencies.py passed with.
FASTAPI = ["0.165.0"]

UVICORN = ["0.54.0", "0.52.4", "0.50.0", "0.48.0", "0.40.0", "0.34.0"]


def members(package: str) -> list[str]:
    """Every `module:qualname` of the package that some feature reproduces or relies on."""
    found = {m for f in FEATURES.values() for seam in f.seams for m in seam.known}
    found |= {m for f in FEATURES.values() for m in f.relies_on}
    return sorted(member for member in found if member.partition(".")[0] == package)


def shared_members() -> set[str]:
    """Those without which a release is not supported at all."""
    found = {m for f in FEATURES.values() for seam in f.seams for m in seam.reproduces}
    return found | {m for f in FEATURES.values() for m in f.relies_on}


def download(package: str, release: str, folder: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(folder), f"{package}=={release}"], check=True)
    (wheel,) = folder.glob(f"{package}-{release}-*.whl")
    return zipfile.ZipFile(wheel)


def source_of(wheel: zipfile.ZipFile, module: str) -> bytes | None:
    path = module.replace(".", "/")
    names = set(wheel.namelist())
    for candidate in (f"{path}.py", f"{path}/__init__.py"):
        if candidate in names:
            return wheel.read(candidate)
    return None


def find_code(code: CodeType, qualname: str) -> CodeType | None:
    """The code object of a function or method, as the module's own code holds it; the last one of the name, for
    those before it are its overloads.
    """
    # There a decorated function has no wrapper yet.
    head, _, rest = qualname.removesuffix(".__wrapped__").partition(".")
    for constant in reversed(code.co_consts):
        if isinstance(constant, CodeType) and constant.co_name == head:
            return find_code(constant, rest) if rest else constant
    return None


def constant_source(source: bytes, name: str) -> str | None:
    """A module-level constant has no code object; two releases are compared by its source."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return ast.dump(node)
    return None


def release_table(package: str, wheel: zipfile.ZipFile) -> dict[str, str | None]:
    table: dict[str, str | None] = {}
    for member in members(package):
        module, _, name = member.partition(":")
        source = source_of(wheel, module)
        if source is None:
            table[member] = None
            continue
        code = find_code(compile(source, module, "exec", dont_inherit=True), name)
        if code is None:
            table[member] = constant_source(source, name)
        else:
            table[member] = fingerprint.of_code(code, fingerprint.split_lines(source))
    return table


def live_constants() -> dict[str, str]:
    """Fingerprints of the constants, from the BASE release that is installed here."""
    import importlib

    found = {}
    for member in members("litellm"):
        importlib.import_module(member.partition(":")[0])
        value = live(member)
        if not hasattr(value, "__code__") and not hasattr(value, "__wrapped__"):
            found[member] = fingerprint.of_object(value)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("releases", nargs="*")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tables = {}
        for release in [arguments.base, *arguments.releases]:
            with download("litellm", release, Path(folder)) as wheel:
                tables[release] = release_table("litellm", wheel)
        others: dict[str, list[str | None]] = {}
        for package, releases in (("uvicorn", UVICORN), ("redis", REDIS), ("fastapi", FASTAPI)):
            for release in releases:
                with download(package, release, Path(folder)) as wheel:
                    for member, digest in release_table(package, wheel).items():
                        digests = others.setdefault(member, [])
                        if digest not in digests:
                            digests.append(digest)
    base = tables[arguments.base]
    missing = [member for member, digest in base.items() if digest is None]
    missing += [member for member, digests in others.items() if digests[0] is None]
    if missing:
        print("not found:", *missing, file=sys.stderr)
        return 1
    kept, shared = [], shared_members()
    for release, table in tables.items():
        others_of_release = [member for member in base if table[member] != base[member]]
        changed = [member for member in others_of_release if member in shared]
        if len(changed) < len(others_of_release):
            print(release, "without the seams of", ", ".join(sorted({*others_of_release} - shared)))
        print(release, "kept" if not changed else f"left out: {len(changed)} changed: {', '.join(changed)}")
        if not changed:
            kept.append(release)
    content = {
        "litellm": kept,
        "libraries": LIBRARIES,
        "members": dict(sorted({**base, **others, **live_constants()}.items())),
    }
    fingerprint.TABLE.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
