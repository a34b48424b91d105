"""accel makes an existing LiteLLM install fast: import it before `litellm`, and change nothing else.

The import arms hooks on LiteLLM's modules and imports none of them. It never raises: what cannot be
made faster stays LiteLLM's own Python, and `status()` says why.
"""

from accel import control, endpoint, native, refresh, seams
from accel.control import disabled, reload_flags, reset_errors, set_flag
from accel.errors import AccelError, FlagError
from accel.report import (
    Status,
    export_performance_data,
    get_performance_stats,
    get_recommendations,
    status,
)
from accel.seams import patch, unpatch

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

control.start()
if control.environment.enabled:
    seams.arm()
    endpoint.arm()
    refresh.start()
