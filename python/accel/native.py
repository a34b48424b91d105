"""The only importer of the native module, and the only one that knows whether it is there."""

from __future__ import annotations

from typing import Any, Final

VERSION: Final = "0.1.0"
"""The version of this Python layer; it works with the native module of the same version only."""


def _load() -> tuple[Any, str | None]:
    try:
        # Not `from accel import _accel`: where the file is missing that complains of a circular import.
        import accel._accel as _accel
    except Exception as error:  # noqa: BLE001  # whatever is wrong with the file, LiteLLM must go on
        return None, f"native module not loaded: {type(error).__name__}: {error}"
    found = getattr(_accel, "__version__", "unknown")
    if found != VERSION:
        return None, f"native module has version {found}, this accel is {VERSION}"
    return _accel, None


module, reason = _load()
"""The native module or None, and why it is None."""
