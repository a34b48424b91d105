"""What accel can truthfully say of itself, read at the moment it is asked."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from accel import control, dispatch, fingerprint, native, seams, shadow
from accel.features import FEATURES


@dataclass(frozen=True)
class Status:
    """A snapshot. `features` maps a feature's name to its mode, shares, breaker, calls and seams.

    `calls.native` counts the calls of the feature's seams that native code answered, `calls.python` those
    that were left to Python, by reason. Each seam has its own share under `seams[].calls`. What a seam
    declines may go on to an inner one, which counts it too: a prompt declined as a whole, its texts
    counted natively.
    """

    version: str
    native: dict[str, Any]
    litellm: dict[str, Any]
    features: dict[str, dict[str, Any]]
    problems: list[str]
    mismatches: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The same, JSON-ready."""
        return asdict(self)


def status() -> Status:
    """The state of this process. Never raises; with no native module it says why."""
    version = seams.litellm_version()
    return Status(
        version=native.VERSION,
        native={"loaded": native.module is not None, "reason": native.reason},
        litellm={
            "version": version,
            "supported": _is_supported(version),
            "late": seams.late,
        },
        features={name: _feature(name) for name in FEATURES},
        problems=list(control.flags.problems if control.flags else control.environment.problems),
        mismatches=shadow.mismatches(),
    )


def _is_supported(version: str | None) -> bool:
    try:
        return version in fingerprint.supported_versions()
    except (OSError, ValueError):  # the seams' reasons say what is wrong with the table
        return False


def _feature(name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = [dict(row) for row in seams.states(FEATURES[name])]
    junction = dispatch.junctions.get(name)
    if junction is None or not control.environment.enabled:
        reason = native.reason if native.module is None else "ACCEL_ENABLED=0"
        for row in rows:
            row.update(state="skipped", reason=reason, calls=_no_calls())
        return {
            "mode": "off",
            "percent": 0,
            "verify_percent": 0,
            "breaker": {"state": "closed"},
            "calls": _no_calls(),
            "seams": rows,
            **FEATURES[name].details(reason),
        }
    for row in rows:
        row["calls"] = junction.branch(str(row["target"])).guard.status()["calls"]
    absent = next((str(row["reason"]) for row in rows if row["state"] == "skipped"), None)
    return {**junction.guard.status(), **_own(name, junction), "seams": rows, **FEATURES[name].details(absent)}


def _own(name: str, junction: dispatch.Junction) -> dict[str, Any]:
    """A feature's own numbers, and which other feature answers in its stead just now."""
    own: dict[str, Any] = {"settings": dict(junction.settings)} if junction.settings else {}
    others = FEATURES[name].yields_to
    if others:
        on = [other for other in (name, *others) if dispatch.junctions[other].guard.status()["mode"] == "on"]
        own["yields_to"] = on[1] if on[:1] == [name] and len(on) > 1 else None
    return own


def _no_calls() -> dict[str, Any]:
    return {"native": 0, "python": {}, "failed": 0, "mismatched": 0}


def get_performance_stats() -> dict[str, dict[str, Any]]:
    """Per feature: latencies of real calls in ns, native and Python, and their counts."""
    return {
        name: {"latency_ns": feature.get("latency_ns", {}), "calls": feature["calls"]}
        for name, feature in status().features.items()
    }


def get_recommendations() -> list[str]:
    """What an operator may want to do, each with the observation that it rests on."""
    found = []
    for name, feature in status().features.items():
        found += _advice(name, feature)
        found += [f"{name}: {line}" for line in FEATURES[name].advice(feature)]
    return found


def _advice(name: str, feature: dict[str, Any]) -> list[str]:
    advice = []
    for row in feature["seams"]:
        if row["state"] == "skipped":
            advice.append(f"{name}: {row['target']} runs in Python: {row['reason']}")
    if feature["breaker"]["state"] != "closed":
        advice.append(
            f"{name}: breaker is {feature['breaker']['state']}; read the log and `mismatches`, then reset_errors()"
        )
    if feature["mode"] == "shadow" and not feature["calls"]["mismatched"]:
        compared = feature["calls"].get("verified", 0)
        advice.append(f"{name}: {compared} shadow calls were equal; mode 'on' would use native answers")
    latency = feature.get("latency_ns", {})
    fast, slow = latency.get("native", {}), latency.get("python", {})
    if min(fast.get("count", 0), slow.get("count", 0)) >= 1000 and fast["p50"] > slow["p50"]:
        advice.append(f"{name}: native p50 {fast['p50']} ns is above Python's {slow['p50']} ns here")
    return advice


def export_performance_data(path: str | Path) -> None:
    """Write the performance figures to `path`: JSON or CSV by its suffix. Raises `ValueError` for another one."""
    target = Path(path)
    stats = get_performance_stats()
    if target.suffix == ".json":
        target.write_bytes(orjson.dumps(stats, option=orjson.OPT_INDENT_2))
    elif target.suffix == ".csv":
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(["feature", "path", "count", "mean_ns", "p50_ns", "p99_ns"])
        for name, feature in stats.items():
            for side, latency in feature["latency_ns"].items():
                row = [latency.get(key) for key in ("count", "mean", "p50", "p99")]
                writer.writerow([name, side, *row])
        target.write_text(buffer.getvalue(), encoding="utf-8")
    else:
        raise ValueError(f"{target}: the suffix must be .json or .csv")
