"""The minute by which the Router's strategies count."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def now(names: dict[str, Any]) -> str | None:
    """The local time, as ISO 8601 has it; None where somebody replaced the clock of the module with these names.

    LiteLLM asks the clock once for each part of a date, and gets parts of two minutes if one ends in between.
    """
    return datetime.now().isoformat() if names["datetime"] is datetime else None


def dated(time: str) -> str:
    """`%Y-%m-%d-%H-%M`."""
    return f"{time[:10]}-{time[11:13]}-{time[14:16]}"


def of_day(time: str) -> str:
    """`%H-%M`."""
    return f"{time[11:13]}-{time[14:16]}"
