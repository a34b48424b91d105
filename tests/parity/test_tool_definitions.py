"""`_format_function_definitions` of random tools: with accel as without."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support.calls import calls_of, strict
from support.chance import Chance
from support.comparison import SEAMS, Call, compare
from support.original import outcome, without_seams
from support.scale import scaled
from support.tools import Tools

SEAM = "_format_function_definitions"
CALLS_PER_SHARD = 4_000
KNOWN_REASONS = {
    "declined: LiteLLM raises",
    "declined: deeply nested",
    "declined: enum is not a list",
    "declined: lone surrogate",
    "declined: not plain data",
    "declined: odd list of required properties",
    "declined: list or dict in place of a text",
    "declined: tools are not a list",
}


def stream(seed: str) -> Iterator[Call]:
    tools = Tools(Chance(seed))
    while True:
        yield Call(f"{SEAMS[SEAM]}:{SEAM}", {"tools": tools.several()})


@pytest.mark.parametrize("shard", range(3))
def test_random_tools(shard: int, record_property: Callable[[str, object], None]) -> None:
    number = scaled(CALLS_PER_SHARD)
    compared = compare(lambda: stream(f"tools {shard}"), number)
    calls = compared.by_seam[SEAM]
    assert calls.total == number
    assert calls.python.keys() <= KNOWN_REASONS
    if number >= CALLS_PER_SHARD:
        assert calls.native > number * 0.6, calls
        assert calls.python.keys() >= KNOWN_REASONS - {"declined: deeply nested"}, calls
        assert compared.outcomes["str"] > number * 0.8, compared
    record_property("tools", f"{compared}")


def formatted(tools: Any) -> tuple[str, Any]:
    return outcome(counter_module._format_function_definitions, tools)


def with_property(schema: dict[str, Any], **around: Any) -> list[Any]:
    return [{"name": "f", "parameters": {"type": "object", "properties": {"p": schema}, **around}}]


NATIVE: dict[str, list[Any]] = {
    "nothing": [],
    "no names": [{}, {"name": ""}, {"name": None}, {"function": {}}, {"function": {"name": 0}}, "bad", None, 7],
    "names that are no text": [{"name": 7}, {"name": True}, {"name": 1.5}],
    "descriptions that are no text": [{"name": "f", "description": 7}, {"name": "f", "description": 0}],
    "many lines": with_property({"type": "string", "description": "one\ntwo"}),
    "enum of everything": with_property({"type": "string", "enum": ["a", 1, None, True, 1.5, 1e22, -0.0, "漢"]}),
    "enum of a number": with_property({"type": "integer", "enum": [1, 2]}),
    "enum of a boolean": with_property({"type": "boolean", "enum": [True]}),
    "empty enum": with_property({"type": "string", "enum": []}),
    "required of none": with_property({"type": "string"}, required=None),
    "required of odd": with_property({"type": "string"}, required=[None, 7, ["p"], "p"]),
    "an object in an array": with_property(
        {"type": "array", "items": {"type": "object", "properties": {"q": {"type": "null"}}, "required": ["q"]}}
    ),
    "empty objects": with_property({"type": "object"}) + with_property({"type": "object", "properties": {}}),
    "types that are no text": with_property({"type": ["string", "null"]}) + with_property({}),
    "Gemini's": [{"function_declarations": [{"name": "f"}, "bad"], "functionDeclarations": [{"name": "g"}]}],
    "Gemini's, camel": [{"function_declarations": [], "functionDeclarations": [{"name": "g"}]}],
    "Gemini's, empty": [{"function_declarations": None, "functionDeclarations": [], "name": "f"}],
    "Gemini's, odd": [{"function_declarations": "odd", "name": "f"}],
    "Anthropic's": [{"name": "f", "input_schema": {"properties": {"p": {"type": "number"}}}}],
    "no mapping": [{"name": "f", "input_schema": "bad", "parameters": 7}],
}


@pytest.mark.parametrize("tools", NATIVE.values(), ids=NATIVE)
def test_shapes_that_are_native(tools: list[Any]) -> None:
    with strict():
        ours = formatted(tools)
    with without_seams():
        assert ours == formatted(tools)
    assert ours[0] == "str"


@pytest.mark.parametrize("levels", [1, 2, 62, 63, 64, 65, 66, 200])
@pytest.mark.parametrize("kind", ["object", "array"])
def test_schemas_as_deep(kind: str, levels: int) -> None:
    schema: dict[str, Any] = {"type": "string", "description": "deep"}
    for _ in range(levels):
        if kind == "object":
            schema = {"type": "object", "properties": {"p": schema}}
        else:
            schema = {"type": "array", "items": schema}
    with calls_of(seam=SEAM) as calls:
        ours = formatted(with_property(schema))
    with without_seams():
        assert ours == formatted(with_property(schema))
    assert calls.python.keys() <= {"declined: deeply nested"}
    assert calls.native == (levels <= 64)
