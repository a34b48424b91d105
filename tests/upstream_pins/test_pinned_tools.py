"""Definitions of tools and the choice of one: how they are written out, and what that counts."""

from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support.pins import count, counts, counts_partly, native, pinned, user

SYSTEM = {"role": "system", "content": "Answer in one short sentence."}
FERRY = user("When does the ferry leave?")
STRING = {"type": "string"}


def tide(**parameters: Any) -> dict[str, Any]:
    function: dict[str, Any] = {"name": "tide", "description": "Times of high and low water."}
    if parameters:
        function["parameters"] = {"type": "object", **parameters}
    return {"type": "function", "function": function}


PLACE = {"type": "string", "description": "The harbour, eg: 'Cuxhaven'"}
FLAG = {"type": "string", "enum": ["DE", "NL"]}
SHIP = {"flag": FLAG, "name": {"type": "string", "description": "As painted"}}
UNIT = {"type": "string", "enum": ["m", "ft"], "description": "Of the depth"}
DAY = {"type": "integer", "description": "Day of the month"}
WHETHER = "Whether only spring tides are wanted, when the moon is new or full."

# A tool; its tokens beside a system message (13 alone) in gpt-3.5-turbo, beside a user's (13) in gpt-4o.
TOOLS: dict[str, tuple[dict[str, Any], int, int]] = {
    "described": (tide(properties={"place": PLACE}, required=["place"]), 58, 60),
    "no parameters": (tide(), 40, 43),
    "no description": (tide(properties={"place": STRING}, required=["place"]), 47, 50),
    "neither required nor described": (tide(properties={"place": STRING}), 47, 50),
    "integers to choose": (tide(properties={"step": {"type": "integer", "enum": [-1, 1]}}), 52, 55),
    "strings to choose": (tide(properties={"unit": UNIT, "day": DAY}, required=["unit", "day"]), 67, 68),
    "object": (
        tide(
            properties={
                "ship": {"type": "object", "description": "Which one", "properties": {"name": STRING}},
            },
            required=["ship"],
        ),
        56,
        58,
    ),
    "object and string": (
        tide(
            properties={
                "ship": {"type": "object", "description": "Which one", "properties": SHIP},
                "note": {"type": "string", "description": "May be left out"},
            },
            required=["ship"],
        ),
        81,
        83,
    ),
    "boolean": (
        tide(properties={"springs": {"type": "boolean", "description": WHETHER}}, required=["springs"]),
        65,
        66,
    ),
    "array": (
        tide(
            properties={"places": {"type": "array", "description": "Several harbours", "items": STRING}},
            required=["places"],
        ),
        52,
        54,
    ),
    "null": (
        tide(properties={"nothing": {"type": "null", "description": "Always null"}}, required=["nothing"]),
        51,
        53,
    ),
    "no type": (
        tide(properties={"anything": {"description": "Of any type"}}, required=["anything"]),
        52,
        54,
    ),
}
# Beyond what the tool itself counts: one for "none", seven and the name for a choice.
CHOICES: dict[str, tuple[Any, int]] = {
    "auto": ("auto", 0),
    "none": ("none", 1),
    "named": ({"type": "function", "function": {"name": "tide"}}, 9),
    "absent": (None, 0),
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_and_a_choice(name: str, choice: str) -> None:
    tool, expected, _ = TOOLS[name]
    tool_choice, more = CHOICES[choice]
    counts(expected + more, model="gpt-35-turbo", messages=[SYSTEM], tools=[tool], tool_choice=tool_choice)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_without_a_system_message(name: str) -> None:
    tool, _, expected = TOOLS[name]
    counts(expected, model="gpt-4o", messages=[FERRY], tools=[tool])


def test_how_a_tool_is_written_out() -> None:
    written = (
        "namespace functions {\n\n"
        "// Times of high and low water.\n"
        "type tide = (_: {\n"
        "// Which one\n"
        "ship: {\n"
        '  flag?: "DE" | "NL",\n'
        "  // As painted\n"
        "  name?: string,\n"
        "},\n"
        "// May be left out\n"
        "note?: string,\n"
        "}) => any;\n\n"
        "} // namespace functions"
    )
    tool = TOOLS["object and string"][0]
    assert counter_module._format_function_definitions([tool]) == written
    numbers = counter_module._format_function_definitions([TOOLS["integers to choose"][0]])
    assert 'step?: "-1" | "1",' in numbers
    with native():
        text = litellm.token_counter(model="gpt-4o", text=written)
        assert count(model="gpt-4o", messages=[FERRY], tools=[tool]) == 13 + text + 9


def test_the_spellings_of_gemini_and_anthropic_count_alike() -> None:
    tool = TOOLS["object and string"][0]
    function = tool["function"]
    anthropic = {
        "name": function["name"],
        "description": function["description"],
        "input_schema": function["parameters"],
    }
    for spelling in (
        tool,
        {"function_declarations": [function]},
        {"functionDeclarations": [function]},
        anthropic,
    ):
        counts_partly(85, model="gemini-2.5-pro", messages=[FERRY], tools=[spelling])


def test_what_litellm_makes_of_openai_tools_for_gemini_counts_alike() -> None:
    tool = tide(properties={"place": PLACE}, required=["place"])
    made = litellm.utils.get_optional_params(model="gemini-2.5-pro", custom_llm_provider="gemini", tools=[tool])[
        "tools"
    ]
    assert "function_declarations" in made[0]
    expected = litellm.token_counter(model="gemini-2.5-pro", messages=[FERRY], tools=[tool])
    counts_partly(expected, model="gemini-2.5-pro", messages=[FERRY], tools=made)


def test_what_is_no_mapping_is_no_tool() -> None:
    tools: list[Any] = ["bad", None, 7, TOOLS["object and string"][0]]
    counts_partly(85, model="gemini-2.5-pro", messages=[FERRY], tools=tools)


def test_an_array_must_say_of_what() -> None:
    tool = tide(properties={"places": {"type": "array"}})
    with pytest.raises(KeyError, match="items"):
        litellm.token_counter(model="gpt-4o", messages=[FERRY], tools=[tool])


LONG = "Tell the truth about the tides. " + "deep" * 100
STARTS: dict[str, Any] = {
    "system": SYSTEM,
    "blocks": user([{"type": "text", "text": "21 November"}]),
    "long": {"role": "system", "content": LONG},
    "long in a list": {"role": "system", "content": [LONG]},
    "long in a block": {"role": "system", "content": [{"type": "text", "text": LONG}]},
}


def called(name: str, arguments: str, **message: Any) -> dict[str, Any]:
    call = {"id": "x", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", **message, "tool_calls": [call]}


NEXT: dict[str, Any] = {
    "a short call": called("depth", '{"at":"pier"}'),
    "a call without content": called("depth", '{"at":"pier 3","of":"the inner harbour"}', content=None),
    "a user": user("Hi"),
    "a call beside a block": called("tide", '{"day":3}', content=[{"type": "text", "text": "one moment"}]),
}
# The tokens that each of these adds after anything.
ADDED = {"a short call": 10, "a call without content": 18, "a user": 5, "a call beside a block": 11}


@pytest.mark.parametrize("following", NEXT)
@pytest.mark.parametrize("start", STARTS)
def test_a_message_adds_its_own_tokens_and_no_others(start: str, following: str) -> None:
    """Beside the same tools: longer is more, and the whole is its parts without what was counted twice."""
    tools = [TOOLS["object"][0]]
    with native():
        alone = count(model="anthropic.claude-instant-v1", messages=[STARTS[start]], tools=tools)
        other = count(model="anthropic.claude-instant-v1", messages=[NEXT[following]], tools=tools)
    pinned(
        alone + ADDED[following],
        count,
        model="anthropic.claude-instant-v1",
        messages=[STARTS[start], NEXT[following]],
        tools=tools,
    )
    assert 0 < other < alone + ADDED[following]
