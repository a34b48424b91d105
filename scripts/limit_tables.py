"""The tables about limits and caches, from `benches/results/limits.json` and `limit_accuracy.json`."""

from __future__ import annotations

from typing import Any

from durations import duration

_SIDES = ("litellm", "accel")


def lives_table(result: dict[str, Any]) -> str:
    """One line for each place and kind of key: what a whole request costs in the limiter."""
    lines = [
        "| counters in | key has | LiteLLM | accel | accel / LiteLLM | before the call, LiteLLM | accel "
        "| round trips, LiteLLM | accel |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in result["lives"]:
        before = row.get("before_call_cpu_us")
        cells = [row["place"], row["key"], *_against(row["cpu_us"])]
        cells += [duration(before[side]) if before else "" for side in _SIDES]
        trips = row.get("round_trips")
        cells += [f"{trips[side]['before_call']} + {_after(trips[side])}" if trips else "" for side in _SIDES]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def parts_table(result: dict[str, Any]) -> str:
    """One line for each operation, then what many keys take."""
    lines = ["| operation | LiteLLM | accel | accel / LiteLLM |", "|---|--:|--:|--:|"]
    lines += [f"| {' | '.join([row['what'], *_against(row['cpu_us'])])} |" for row in result["parts"]]
    plain, accel = (next(row for row in result["many_keys"] if row["side"] == side) for side in _SIDES)
    keys = f"{plain['keys']:,} keys"
    for what, name in (("a request of a new key", "new_key_cpu_us"), ("of a known key", "known_key_cpu_us")):
        times = {side: row[name] for side, row in zip(_SIDES, (plain, accel), strict=True)}
        lines.append(f"| {' | '.join([f'{keys}, {what}', *_against(times)])} |")
    for what, name in (("resident", "resident_bytes_per_key"), ("allocated by Python", "traced_bytes_per_key")):
        sizes = (f"{row[name]:,.0f} bytes" for row in (plain, accel))
        cells = [f"{keys}, memory of each, {what}", *sizes, f"**{accel[name] / plain[name]:.2f}**"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def accuracy_table(result: dict[str, Any]) -> str:
    """One line for each question: the right answer, the study's figure, and what was counted."""
    lines = [
        "| question | counters in | right | LiteLLM, by the study | LiteLLM and accel | with a feature |",
        "|---|---|--:|--:|--:|---|",
    ]
    for row in result["rows"]:
        got = dict(row["got"])
        plain, accel = (got.pop(side) for side in _SIDES)
        assert plain == accel, row
        study = "" if row["study"] is None else f"{row['study']:,}"
        features = ", ".join(f"`{name}`: **{count:,}**" for name, count in got.items())
        cells = [row["case"], row["place"], f"{row['right']:,}", study, f"{plain:,}", features]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _against(times: dict[str, float]) -> list[str]:
    plain, accel = (times[side] for side in _SIDES)
    return [duration(plain), duration(accel), f"**{accel / plain:.2f}**"]


def _after(trips: dict[str, int]) -> int:
    return trips["whole"] - trips["before_call"]
