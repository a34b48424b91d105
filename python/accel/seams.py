"""Find, fingerprint, install, uninstall: the only place that sets attributes of other people's modules."""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any, Final

import wrapt

from accel import control, dispatch, fingerprint, native
from accel.features import FEATURES, Feature, Seam
from accel.features.names import owner
from accel.features.replaced import original_of, remember
from accel.fingerprint import live

_log: Final = logging.getLogger("accel")
_lock = threading.RLock()


@dataclass
class _Installed:
    place: Any
    """What the owner held: the original, or the static method around it."""
    replacement: Callable[..., Any]


class _Static(staticmethod):  # type: ignore[type-arg]
    """One of accel's own; Python's cannot be referred to weakly."""

    __slots__ = ("__weakref__",)


_WRAPPED: Final = ".__wrapped__"
_installed: Final[dict[str, _Installed]] = {}
_wanted: Final[set[str]] = set()
_refusals: Final[dict[str, str]] = {}
_hooked: Final[set[str]] = set()
_executed: Final[set[str]] = set()
late = "litellm" in sys.modules
"""Whether LiteLLM had been imported before accel."""


def arm() -> None:
    """Patch every feature as soon as its modules have been imported, or now if they have been."""
    patch()
    if late:
        _log.info("late: litellm was imported before accel; patched what can be patched")


def patch(*features: str) -> None:
    """Install the seams of these features (all without a name). Idempotent.

    Seams whose modules have not been imported wait for them. Raises `KeyError` for an unknown name.
    """
    with _lock:
        for feature in _chosen(features):
            for seam in feature.seams:
                _wanted.add(seam.target)
                for module in sorted(seam.modules - _hooked):
                    # Runs now if the module has been imported, else right after it is.
                    _hooked.add(module)
                    wrapt.register_post_import_hook(_on_import, module)
        _settle()


def unpatch(*features: str) -> None:
    """Take the seams of these features (all without a name) out; the names get the same objects back."""
    with _lock:
        for feature in _chosen(features):
            for seam in feature.seams:
                _wanted.discard(seam.target)
                _refusals.pop(seam.target, None)
                installed = _installed.pop(seam.target, None)
                # Somebody who replaced the name after us wins; theirs stays.
                if installed is not None:
                    _rebind(seam, installed.place, installed.place)


def states(feature: Feature) -> list[dict[str, str | None]]:
    """Each seam's target, state (`applied`, `skipped`, `waiting`) and reason, read from the live attributes."""
    with _lock:
        return [_state(seam) for seam in feature.seams]


def _chosen(names: Iterable[str]) -> list[Feature]:
    return [FEATURES[name] for name in names] or list(FEATURES.values())


def _on_import(module: ModuleType) -> None:
    with _lock:
        _executed.add(module.__name__)
        _settle()


def _settle() -> None:
    """Install every wanted seam whose modules are all there."""
    for feature in FEATURES.values():
        for seam in feature.seams:
            if seam.target in _wanted and seam.target not in _installed and not _missing(seam):
                _install(feature, seam)
    fingerprint.forget_sources()


def _missing(seam: Seam) -> list[str]:
    return sorted(seam.modules - _executed)


def _install(feature: Feature, seam: Seam) -> None:
    try:
        reason = _refusal(seam)
        if reason is None:
            # Ours may be there still: a mock puts back what it found, whatever became of that in between.
            original = original_of(_live(seam.target))
            replacement = seam.build(dispatch.junctions[feature.name].branch(seam.target), original)
            if callable(original):
                functools.update_wrapper(replacement, original)
    except Exception as error:  # noqa: BLE001  # it would break the import of LiteLLM that we are called in
        reason = f"not judged: {type(error).__name__}: {error}"
    if reason is None:
        remember(replacement, original)
        place, after = _place(seam.target, original), replacement
        if place is not original:
            after = _Static(replacement)
            remember(after, place)
        _rebind(seam, place, after)
        _installed[seam.target] = _Installed(place, replacement)
        _refusals.pop(seam.target, None)
        _log.info("%s: %s patched", feature.name, seam.target)
    else:
        # Often one reason keeps all seams out; it is said once.
        if reason not in _refusals.values():
            _log.warning("%s: %s not patched: %s", feature.name, seam.target, reason)
        _refusals[seam.target] = reason


def _refusal(seam: Seam) -> str | None:
    """Why the seam must not be installed; None if every reproduced body is known."""
    if not control.environment.enabled:
        return "ACCEL_ENABLED=0"
    if native.module is None:
        return native.reason
    version = litellm_version()
    if version not in fingerprint.supported_versions():
        return f"LiteLLM {version} is not a supported release"
    for member in seam.known:
        try:
            found = fingerprint.of_object(_known(member))
        except AttributeError:
            found = None
        except OSError:
            return f"{member}: its source cannot be read"
        if found not in fingerprint.known(member):
            return f"{member} is not the function of {_release_of(member)}"
    return None


def _known(member: str) -> Any:
    """What the member is; a seam of ours that is in already stands for what it replaced, decorations included."""
    decorated = member.removesuffix(_WRAPPED)
    found = original_of(live(decorated))
    return found if decorated == member else found.__wrapped__


def _release_of(member: str) -> str:
    package = member.partition(".")[0]
    return f"LiteLLM {litellm_version()}" if package == "litellm" else f"a release of {package} that accel knows"


@functools.cache
def litellm_version() -> str | None:
    """The installed LiteLLM's version; None without one."""
    try:
        return metadata.version("litellm")
    except metadata.PackageNotFoundError:
        return None


def _live(binding: str) -> Any:
    """The object that `module:qualname` is; None if it is not there."""
    try:
        return live(binding)
    except (AttributeError, KeyError):
        return None


def _place(binding: str, original: Any) -> Any:
    """The static method around the original, as its class holds it; of everything else the original."""
    held = original_of(vars(owner(binding)).get(binding.rpartition(".")[2]))
    return held if isinstance(held, staticmethod) and held.__func__ is original else original


def _rebind(seam: Seam, original: Any, after: Any) -> None:
    """Give every binding of the original, or of ours for it, the object `after`; somebody else's stays theirs."""
    for binding in (seam.target, *seam.holders):
        try:
            holder = owner(binding)
        except (AttributeError, KeyError):
            continue
        name = re.split("[:.]", binding)[-1]
        if original_of(vars(holder).get(name)) is original:
            setattr(holder, name, after)


def _state(seam: Seam) -> dict[str, str | None]:
    installed = _installed.get(seam.target)
    if installed is not None:
        if _live(seam.target) is installed.replacement:
            return _row(seam, "applied", _elsewhere(seam, installed) or ("late" if late else None))
        return _row(seam, "skipped", "somebody else replaced the name")
    if seam.target not in _wanted:
        return _row(seam, "skipped", "not asked for")
    if native.module is None:
        return _row(seam, "skipped", native.reason)
    if seam.target in _refusals:
        return _row(seam, "skipped", _refusals[seam.target])
    return _row(seam, "waiting", f"not imported yet: {', '.join(_missing(seam))}")


def _elsewhere(seam: Seam, installed: _Installed) -> str | None:
    """Which other bindings are not ours, if any."""
    others = []
    for binding in seam.holders:
        value = _live(binding)
        if value is not None and value is not installed.replacement:
            others.append(binding)
    return f"not replaced: {', '.join(others)}" if others else None


def _in_child() -> None:
    global _lock
    # Another thread may have held it while the process forked, and that thread is not in the child.
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # absent on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)


def _row(seam: Seam, state: str, reason: str | None) -> dict[str, str | None]:
    return {"target": seam.target, "state": state, "reason": reason}
