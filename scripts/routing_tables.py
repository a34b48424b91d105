"""The tables about the Router and about what remains of a request, from `benches/results/routing.json` and
`proxy_python.json`.
"""

from __future__ import annotations

from typing import Any

from durations import duration

_SIZES = (1, 10, 100, 1000)


def picks_table(result: dict[str, Any]) -> str:
    """One line for each strategy, a column for each number of deployments: how an asynchronous pick got faster."""
    cells: dict[str, dict[int, str]] = {}
    for kind in ("picks", "pre-call checks"):
        for row in result["rows"][kind]:
            cells.setdefault(row["row"], {})[row["deployments"]] = _faster(row["async"])
    lines = [f"| strategy | {' | '.join(f'{size:,} deployments' for size in _SIZES)} |", "|---|--:|--:|--:|--:|"]
    lines += [f"| {name} | {' | '.join(by.get(size, '') for size in _SIZES)} |" for name, by in cells.items()]
    return "\n".join(lines)


def calls_table(result: dict[str, Any]) -> str:
    """One line for each call that is no pick."""
    lines = ["| call | LiteLLM | accel | accel / LiteLLM |", "|---|--:|--:|--:|"]
    for kind in ("usage accounting", "complexity router", "acompletion"):
        for row in result["rows"][kind]:
            plain, accel = row["us"]["litellm"], row["us"]["accel"]
            about = ", ".join(_about(name, row[name]) for name in row if name not in ("row", "us", "share"))
            cells = [f"{row['row']}, {about}", duration(plain), duration(accel), f"**{accel / plain:.3f}**"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def remains_table(result: dict[str, Any]) -> str:
    """As `make profile-proxy` printed it."""
    return "\n".join(result["table"])


def _faster(us: dict[str, float]) -> str:
    return f"{duration(us['litellm'])} → {duration(us['accel'])} (**{us['faster']:.1f}×**)"


def _about(name: str, value: Any) -> str:
    if name == "limits":
        return f"with a limit ({', '.join(value)})" if value else "no limits"
    return f"N = {value}" if name == "deployments" else f"{name} of {value}"
