"""What this process was told: flags put into force, and changed at run time.

Thread-safe. Settings hold for the whole process, not for one thread.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import orjson

from accel import dispatch, native
from accel.errors import FlagError
from accel.features import FEATURES
from accel.flags import Defaults, Environment
from accel.layers import OVERLAY, Flags

_log: Final = logging.getLogger("accel")
_lock = threading.RLock()

environment: Final = Environment(frozenset(FEATURES))
flags: Flags | None = None
"""None without the native module, which holds the defaults."""


def start() -> None:
    """Read the flags and make the guards. Does nothing without the native module."""
    global flags
    if environment.log_level is not None:
        _log.setLevel(environment.log_level.upper())
        if not _log.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
            _log.addHandler(handler)
    for problem in environment.problems:
        _log.error("%s", problem)
    if native.module is None:
        return
    flags = Flags(Defaults.model_validate(orjson.loads(native.module.DEFAULT_FLAGS)), environment)
    flags.load_file()
    dispatch.open_junctions(flags.seed, strict=environment.strict)
    apply()
    if hasattr(os, "register_at_fork"):  # absent on Windows, where nothing forks
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    global _lock
    # A thread that held the lock while its process forked does not exist here to release it.
    _lock = threading.RLock()
    dispatch.renew_all()
    apply()


def apply() -> None:
    """Put what the flags come to into the guards."""
    with _lock:
        for name, junction in dispatch.junctions.items():
            assert flags is not None
            flag = flags.effective(name)
            junction.settings = flag.settings
            junction.guard.configure(
                flag.mode, flag.percent, flag.verify_percent, list(flag.include), list(flag.exclude)
            )


def set_flag(
    feature: str,
    mode: Literal["off", "shadow", "on"] | None = None,
    percent: float | None = None,
    verify_percent: float | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    settings: dict[str, float] | None = None,
) -> None:
    """Change a feature's settings in this process, until it ends. What is None stays as it is.

    Shares are percent, 0 to 100 in steps of 0.001; `include` and `exclude` name models, key aliases
    or key hashes; token counting knows the model only, its memo and the request lane none of them, windows of
    limits the key hash. `settings` are the feature's own numbers. Raises `FlagError` for an unknown feature or
    a bad value, changing nothing.
    """
    given = {
        "mode": mode,
        "percent": percent,
        "verify_percent": verify_percent,
        "include": include,
        "exclude": exclude,
        "settings": settings,
    }
    with _lock:
        if flags is None:
            return
        flags.set_runtime(feature, {key: value for key, value in given.items() if value is not None})
        apply()


def reload_flags() -> None:
    """Read `ACCEL_FLAGS` again. A bad file changes nothing and is told in `status().problems`."""
    with _lock:
        if flags is not None:
            flags.load_file()
            apply()


def set_overlay(content: Any, where: str) -> None:
    """Take the flag overlay that `accel run` shares between its processes. A bad one changes nothing."""
    with _lock:
        if flags is not None:
            flags.set_overlay(content, where)
            apply()


def refuse_overlay(problem: str) -> None:
    """Tell in `status().problems` that the overlay could not be read; what held before stays."""
    with _lock:
        if flags is not None:
            flags.complain(OVERLAY, problem)


@contextmanager
def disabled(*features: str) -> Iterator[None]:
    """Switch these features (all without a name) off inside the block, for every thread of the process.

    Blocks may be nested, and overlap in threads and tasks: a feature is off until the last one ends.
    What `set_flag` says inside holds afterwards. Raises `FlagError` for an unknown feature.
    """
    chosen = features or tuple(FEATURES)
    for name in chosen:
        if name not in FEATURES:
            raise FlagError(f"unknown feature {name!r}; known: {', '.join(sorted(FEATURES))}")
    if flags is None:
        yield
        return
    with _lock:
        for name in chosen:
            flags.pause(name)
        apply()
    try:
        yield
    finally:
        with _lock:
            for name in chosen:
                flags.resume(name)
            apply()


def reset_errors(feature: str | None = None) -> None:
    """Close the breaker of one feature, or of all; a latched one too. Raises `KeyError` for an unknown name."""
    for name in FEATURES if feature is None else (FEATURES[feature].name,):
        # Without the native module there is no junction, and nothing to close.
        if name in dispatch.junctions:
            dispatch.junctions[name].guard.reset_errors()
