"""Bad settings of the environment: one clear line each, that feature off, and LiteLLM counts as it does alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.fresh import plain_counts, told_late_by

LOOK = """
import accel
tell(
    counts=counts(),
    problems=accel.status().problems,
    mode=feature()["mode"],
    native=feature()["calls"]["native"],
    state=seam()["state"],
)
"""


def looked(mode: str, **variables: str) -> list[str]:
    """The problems that the status tells; each must have been logged once, too."""
    told = told_late_by(LOOK, **variables)
    facts = told.facts
    assert facts["counts"] == plain_counts()
    assert facts["mode"] == mode
    assert (facts["native"] > 0) is (mode == "on")
    assert facts["state"] == "applied"
    problems: list[str] = facts["problems"]
    assert [told.stderr.count(problem) for problem in problems] == [1] * len(problems)
    return problems


def test_good_settings() -> None:
    assert looked("on") == []
    assert looked("off", ACCEL_TOKEN_COUNTING="off") == []
    assert looked("on", ACCEL_TOKEN_COUNTING="99.999%", ACCEL_ENABLED="yes", ACCEL_STRICT="0") == []


@pytest.mark.parametrize("value", ["banana", "101%", "0.0001%", "1e-9%", "25", ""])
def test_a_bad_feature_variable(value: str) -> None:
    (problem,) = looked("off", ACCEL_TOKEN_COUNTING=value)
    assert problem == (
        "ACCEL_TOKEN_COUNTING must be off, shadow, on or a percentage from 0% to 100% in steps of 0.001, "
        f"not {value!r}; token_counting stays off"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("not JSON", "not JSON: "),
        ('{"features": []}', 'must be {"features": {name: {setting: value}}}'),
        (
            '{"features": {"nonsense": {"mode": "on"}}}',
            "unknown feature 'nonsense'; known: ",
        ),
        (
            '{"features": {"token_counting": {"percent": 101}}}',
            "token_counting.percent: Input should be",
        ),
        (
            '{"features": {"token_counting": {"percent": 1e-9}}}',
            "token_counting.percent: must be a multiple",
        ),
        ('{"features": {"token_counting": {"mode": "maybe"}}}', "token_counting.mode: Input should be 'off', 'sh"),
    ],
)
def test_a_bad_flag_file(tmp_path: Path, content: Any, said: str) -> None:
    path = tmp_path / "flags.json"
    if content is not None:
        path.write_text(content)
    (problem,) = looked("off", ACCEL_FLAGS=str(path))
    assert problem.startswith(f"{path}: {said}")


def test_an_unknown_variable() -> None:
    (problem,) = looked("on", ACCEL_TOKEN_COUNTIN="off")
    assert problem.startswith("ACCEL_TOKEN_COUNTIN: unknown; known: ACCEL_CACHING, ACCEL_ENABLED, ")
    assert "ACCEL_TOKEN_COUNTING" in problem


def test_bad_switches() -> None:
    problems = looked("on", ACCEL_STRICT="maybe", ACCEL_LOG="loud")
    assert problems == [
        "ACCEL_STRICT must be 1 or 0, not 'maybe'; taken as 0",
        "ACCEL_LOG must be one of debug, info, warning, error, critical, not 'loud'",
    ]


def test_strict_raises_where_a_call_falls_back() -> None:
    told = told_late_by(
        """
import accel, litellm
good = litellm.token_counter(model="gpt-4o", text="Hello, world!")
try:
    litellm.token_counter(model="gpt-4o", text="\\ud800")
except accel.AccelError as error:
    tell(good=good, error=type(error).__name__, said=str(error))
""",
        ACCEL_STRICT="1",
    )
    assert told.facts == {
        "good": plain_counts()[1][1],
        "error": "FellBack",
        "said": "token_counting: declined: lone surrogate",
    }
