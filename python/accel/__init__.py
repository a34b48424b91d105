"""accel makes an existing LiteLLM install fast: import it before `litellm`, and change nothing else.

The import arms hooks on LiteLLM's modules and imports none of them. It never raises: what cannot be
made faster stays LiteLLM's own Python, and `status()` says why.
"""

from typing import TYPE_CHECKING, Any

from accel import control, endpoint, native, seams
from accel.control import disabled, reload_flags, reset_errors, set_flag
from accel.errors import AccelError, FlagError
from accel.seams import patch, unpatch

if TYPE_CHECKING:
    from accel.report import (
        Status,
        export_performance_data,
        get_performance_stats,
        get_recommendations,
        status,
    )

__version__ = native.VERSION

__all__ = [
    "AccelError",
    "FlagError",
    "Status",
    "__version__",
    "disabled",
    "export_performance_data",
    "get_performance_stats",
    "get_recommendations",
    "patch",
    "reload_flags",
    "reset_errors",
    "set_flag",
    "status",
    "unpatch",
]

# Loaded when first asked for: most processes import accel and never ask how it is.
_REPORTS = frozenset(
    {"Status", "export_performance_data", "get_performance_stats", "get_recommendations", "status"}
)


def __getattr__(name: str) -> Any:
    if name not in _REPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from accel import report

    return getattr(report, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_REPORTS})


control.start()
if control.environment.enabled:
    seams.arm()
    endpoint.arm()
    if control.environment.flags_file or control.environment.state_directory:
        from accel import refresh

        refresh.start()
