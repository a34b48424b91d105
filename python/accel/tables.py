"""What ran where, as tables of a status that was read, never of what was remembered."""

from typing import Any

from rich.console import Console
from rich.table import Column, Table


def print_status(console: Console, status: dict[str, Any]) -> None:
    """Calls, seams and fronts of every feature. `status` is the JSON of `GET /accel/status`."""
    calls = Table(
        "feature", "mode", "share", "breaker", "native", "python, by reason", "failed", "mismatched",
        title="what ran where", title_justify="left",
    )  # fmt: skip
    seams = Table(
        "feature",
        Column("seam", overflow="fold"),
        "state",
        "native",
        "python",
        "reason",
        title="seams",
        title_justify="left",
    )
    fronts = Table(
        "feature", "state", "held", "accepted", "handed over", "returned", "reason",
        title="fronts of servers", title_justify="left",
    )  # fmt: skip
    for name, feature in status["features"].items():
        counted = feature["calls"]
        reasons = ", ".join(f"{reason} {number}" for reason, number in counted["python"].items()) or "0"
        calls.add_row(
            name,
            feature["mode"],
            f"{feature['percent']} %",
            _breaker_of(feature),
            str(counted["native"]),
            reasons,
            str(counted["failed"]),
            str(counted["mismatched"]),
        )
        for seam in feature["seams"]:
            share = seam["calls"]
            counts = (str(share["native"]), str(sum(share["python"].values())))
            seams.add_row(name, seam["target"], seam["state"], *counts, seam.get("reason") or "")
        if front := feature.get("front"):
            # A process without a front has nothing to count.
            numbers = (str(front.get(key, "")) for key in ("held", "accepted", "handed_over", "returned"))
            fronts.add_row(name, front["state"], *numbers, front["reason"] or "")
    console.print(calls)
    console.print(seams)
    if fronts.row_count:
        console.print(fronts)


def native_calls(status: dict[str, Any]) -> int:
    """How many calls of all seams went native."""
    return sum(seam["calls"]["native"] for feature in status["features"].values() for seam in feature["seams"])


def _breaker_of(feature: dict[str, Any]) -> str:
    breaker = feature["breaker"]
    return str(breaker["state"]) if isinstance(breaker, dict) else str(breaker)
