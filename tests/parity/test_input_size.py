"""`_approximate_input_size` of random request bodies: with accel as without."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from litellm.proxy.spend_tracking import input_tokens

from support.bodies import FIELDS, Bodies
from support.calls import calls_of, strict
from support.comparison import compare
from support.original import outcome, without_seams
from support.scale import scaled

SEAM = "_approximate_input_size"
CALLS_PER_SHARD = 4_000
KNOWN_REASONS = {
    "declined: not plain data",
    "declined: deeply nested",
    "declined: not a dict",
    "declined: LiteLLM raises",
}


@pytest.mark.parametrize("shard", range(3))
def test_random_bodies(shard: int, record_property: Callable[[str, object], None]) -> None:
    number = scaled(CALLS_PER_SHARD)
    compared = compare(lambda: iter(Bodies(f"bodies {shard}")), number)
    calls = compared.by_seam.pop(SEAM)
    assert calls.total == number
    assert calls.python.keys() <= KNOWN_REASONS
    assert all(others.total == 0 for others in compared.by_seam.values())
    if number >= CALLS_PER_SHARD:
        assert calls.native > number * 0.6, calls
        assert calls.python.keys() == KNOWN_REASONS, calls
        assert compared.outcomes["int"] > number * 0.8, compared
    record_property("bodies", f"{compared}; {calls}")


def sized(body: Any) -> tuple[str, Any]:
    return outcome(input_tokens._approximate_input_size, body)


@pytest.mark.parametrize("field", [*FIELDS, "model"])
def test_each_field(field: str) -> None:
    body = {field: ["it's", {"a": None}]}
    with strict():
        ours = sized(body)
    with without_seams():
        assert ours == sized(body)
    assert ours == ("int", 0 if field == "model" else len(str(body[field])))


@pytest.mark.parametrize("part", range(17))
def test_every_character_within_quotes(part: int) -> None:
    """What is printable is Python's to say; surrogates too."""
    points = range(part * 0x10000, (part + 1) * 0x10000)
    bodies = [
        {"messages": [chr(point) + "'" + '"' * (point % 2) for point in points[start : start + 64]]}
        for start in range(0, 0x10000, 64)
    ]
    with strict():
        ours = [sized(body) for body in bodies]
    with without_seams():
        assert ours == [sized(body) for body in bodies]


@pytest.mark.parametrize("fields", [(), ("input",), ("messages", "messages"), ["model"], "messages", None, (7,)])
def test_other_fields(fields: Any) -> None:
    """Read at every call: whoever changes the constant gets what LiteLLM makes of it."""
    body = {"messages": "12345", "input": [1], "model": "gpt-4o", "m": "x"}
    with mock.patch.object(input_tokens, "_INPUT_SIZE_FIELDS", fields), calls_of(seam=SEAM) as calls:
        ours = sized(body)
    with without_seams(), mock.patch.object(input_tokens, "_INPUT_SIZE_FIELDS", fields):
        assert ours == sized(body)
    assert calls.failed == 0
