"""Start-up module of processes below `accel run`: has accel imported just before LiteLLM.

Python imports it by itself because `accel run` puts its directory in front of PYTHONPATH. It runs in
every Python process below, so it costs next to nothing where LiteLLM is never imported, and an
existing `sitecustomize` further down the path runs first, as if this one were not there.
"""

# Only what every Python has loaded by now: `typing` and `importlib` would cost ten times this module.
import os
import sys
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_HOST = "litellm"


class _Finder:
    """Waits in `sys.meta_path` for the first real import of LiteLLM."""

    def __init__(self) -> None:
        self._searching: set[int] = set()  # threads; a finder behind us may search from the start again

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "ModuleSpec | None":
        """LiteLLM's own spec with a loader that imports accel first; None for every other name."""
        thread = get_ident()
        if name != _HOST or thread in self._searching:
            return None
        self._searching.add(thread)
        try:
            spec = _find(name)
        finally:
            self._searching.discard(thread)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment]
        return spec


class _Loader:
    """Imports accel, then lets LiteLLM load as accel's own import hooks want it.

    This happens in the loader because a finder runs under Python's global import lock, where importing
    a package can deadlock with another thread's import, and changes of `sys.meta_path` come too late.
    """

    def __init__(self, loader: "Any", finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
            _import_accel()
        found = _find(spec.name)
        spec.loader = self._loader if found is None else found.loader
        return spec.loader.create_module(spec) if spec.loader is not None else None

    def exec_module(self, module: "ModuleType") -> None:
        self._loader.exec_module(module)


def _find(name: str) -> "ModuleSpec | None":
    for finder in list(sys.meta_path):
        search = getattr(finder, "find_spec", None)  # finders of the oldest kind have none
        spec: ModuleSpec | None = search(name, None) if search is not None else None
        if spec is not None:
            return spec
    return None


def _import_accel() -> None:
    try:
        import accel  # noqa: F401
    except (KeyboardInterrupt, SystemExit):
        raise
    # Our start must not keep LiteLLM from starting.
    except BaseException as error:  # noqa: BLE001  # a Rust panic is no Exception
        if isinstance(error, ModuleNotFoundError) and error.name == "accel":
            reason = f"accel is not installed in the environment {sys.prefix}"
        else:
            reason = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"accel: not active in process {os.getpid()} ({reason}); LiteLLM runs as it is\n")


def _run_existing() -> None:
    """Execute the `sitecustomize` that this one hides. Its errors pass on to `site`, which handles them."""
    here = os.path.dirname(os.path.abspath(__file__))
    entries = [os.path.abspath(entry) for entry in sys.path]
    # Only what comes after us: two start-up modules that look before themselves would find each other.
    rest = sys.path[entries.index(here) + 1 :] if here in entries else []
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


try:
    _run_existing()
finally:
    if os.environ.get("ACCEL_RUN") == "1" and os.environ.get("ACCEL_ENABLED") != "0":
        sys.meta_path.insert(0, _Finder())
