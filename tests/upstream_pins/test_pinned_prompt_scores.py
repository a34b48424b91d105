"""How complex the complexity router takes a prompt to be: tier, score, signals, and which rule decided."""

from typing import Any
from unittest.mock import MagicMock

import pytest
from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter
from litellm.router_strategy.complexity_router.config import DEFAULT_TECHNICAL_KEYWORDS

from support.limiter import in_a_loop
from support.prompt_scores import TIERS

pytestmark = pytest.mark.usefixtures("side")

BOUNDARIES = {"simple_medium": 0.2, "medium_complex": 0.4, "complex_reasoning": 0.8}
RICE = "wash the rice and dry it {} put it on the stove with some salt in the water"
WEIGHED = "Let's think step by step and weigh the options; implement the algorithm in rust"
SMALL_TALK = "bye, think carefully about the pros and cons"


def router(**config: Any) -> Any:
    return ComplexityRouter("auto", MagicMock(), {"tiers": TIERS, "tier_boundaries": BOUNDARIES, **config})


def scored(prompt: str, system: str | None = None, **config: Any) -> tuple[str, float, list[str]]:
    tier, score, signals = router(**config).classify(prompt, system)
    return tier.value, score, signals


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("What is a prime number?", ("SIMPLE", -0.15000000000000002, ["short (5 tokens)", "simple (what is)"])),
        ("tell of trees " * 180, ("SIMPLE", 0.1, ["long (630 tokens)"])),
        ("", ("SIMPLE", -0.1, ["short (0 tokens)"])),
        ("explain " * 2_000, ("SIMPLE", 0.1, ["long (4000 tokens)"])),
        ("Was ist 日本語? Größe ∑∏∫ 🎉", ("SIMPLE", -0.1, ["short (6 tokens)"])),
    ],
    ids=["short", "long", "empty", "very long", "beyond ASCII"],
)
def test_the_length_of_a_prompt(prompt: str, expected: tuple[str, float, list[str]]) -> None:
    assert scored(prompt) == expected


def test_what_is_long_is_a_setting() -> None:
    prompt = "tall trees and deep rivers of the north " * 3
    assert scored(prompt) == ("SIMPLE", 0.0, [])
    assert scored(prompt, token_thresholds={"simple": 5, "complex": 20}) == ("SIMPLE", 0.1, ["long (30 tokens)"])


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Mind how the return of geese comes with the rain of the north, once a year", (0.15, ["code (return)"])),
        (
            "Please write a small function in rust for a sum of numbers, no more than that",
            (0.3, ["code (function, rust)"]),
        ),
        (
            "Please Debug the Python API: its endpoint awaits the database and fails, again",
            (0.3, ["code (debug, api, endpoint)"]),
        ),
        (
            "Compare these two plans for me and evaluate their price in the long run of things",
            (0.175, ["reasoning (evaluate)"]),
        ),
        ("Mind the latency while the trees are growing in the garden of mine, of course", (0.0, [])),
        (
            "Mind the latency on the gpu while the trees are growing in the garden of mine",
            (0.125, ["technical (latency, gpu)"]),
        ),
        (
            "Set up tcp between gpu and cpu, mind the latency of each node and its memory",
            (0.4, ["code (node)", "technical (latency, memory, cpu)"]),
        ),
        ("hello there, how is your day going and what did you eat for dinner", (-0.05, ["simple (hello)"])),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_keywords_of_each_kind(prompt: str, expected: tuple[float, list[str]]) -> None:
    assert scored(prompt)[1:] == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("the capital of a digital country fights terrorism in a classical and emerged way", []),
        ("what the entry of this application is, and how many, we are not yet told here", ["simple (how many)"]),
        (
            "the api of git has an error in a class that we want to merge with the other one",
            ["code (class, error, api)"],
        ),
    ],
    ids=["inside words", "inside of a word, and a phrase", "words"],
)
def test_a_keyword_is_a_whole_word(prompt: str, expected: list[str]) -> None:
    assert scored(prompt)[2] == expected


@pytest.mark.parametrize(
    ("prompt", "several"),
    [
        ("First " + RICE.format(", THEN"), True),
        ("First " + RICE.format(",\nthen"), False),
        ("2. " + RICE.format("and"), True),
        ("a) " + RICE.format("and"), True),
        ("Step\n4: " + RICE.format("and"), True),
        ("Steps: " + RICE.format("and"), False),
    ],
)
def test_several_steps(prompt: str, several: bool) -> None:
    assert scored(prompt) == (("SIMPLE", 0.015, ["multi-step"]) if several else ("SIMPLE", 0.0, []))


def test_more_than_three_questions() -> None:
    rest = "all about the rice and the stove and the salt and me, if it may be"
    assert scored(f"why? how? where? when? {rest}")[1:] == (0.01, ["4 questions"])
    assert scored(f"why? how? where? {rest}")[1:] == (0.0, [])


def test_two_markers_of_reasoning_decide_where_the_score_is_not_simple() -> None:
    signals = ["code (let, algorithm, implement)", "reasoning (step by step, let's think, weigh the options)"]
    assert scored(WEIGHED) == ("REASONING", 0.55, signals)
    assert router()._score_and_classify(WEIGHED)[3] == "reasoning_override"
    tier, score, signals = scored(SMALL_TALK)
    assert (tier, score) == ("SIMPLE", 0.09999999999999999)
    assert signals == ["short (11 tokens)", "reasoning (think carefully, pros and cons)", "simple (bye)"]
    assert router()._score_and_classify(SMALL_TALK)[3] == "heuristic_scorer"


def test_from_which_score_on_markers_decide() -> None:
    assert scored(SMALL_TALK, reasoning_override_min_score=0.0)[0] == "REASONING"
    assert scored(WEIGHED, reasoning_override_min_score=0.55)[0] == "REASONING"
    assert scored(WEIGHED, reasoning_override_min_score=0.56)[0] == "COMPLEX"
    for lowest, tier in ((0.55, "REASONING"), (0.6, "SIMPLE")):
        boundaries = {"simple_medium": lowest, "medium_complex": 0.7, "complex_reasoning": 0.8}
        assert scored(WEIGHED, tier_boundaries=boundaries)[0] == tier


def test_the_system_prompt_does_not_count() -> None:
    prompt = "What is a prime number?"
    assert scored(prompt, "Think step by step, show your work, and debug the python api.") == scored(prompt)


def test_boundaries_are_a_setting() -> None:
    low = {"simple_medium": -0.5, "medium_complex": -0.3, "complex_reasoning": 0.0}
    assert scored("hello there, how is your day going and what did you eat", tier_boundaries=low)[0] == "COMPLEX"
    assert scored("2. " + RICE, tier_boundaries=low)[0] == "REASONING"


GARDEN = "Diagnose Kafka and UDP for the trees of my garden, as we have said before now"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, DEFAULT_TECHNICAL_KEYWORDS),
        ({"custom_technical_keywords": None}, DEFAULT_TECHNICAL_KEYWORDS),
        ({"custom_technical_keywords": []}, DEFAULT_TECHNICAL_KEYWORDS),
        ({"custom_technical_keywords": ["zebra", "ape"]}, [*DEFAULT_TECHNICAL_KEYWORDS, "zebra", "ape"]),
        (
            {"technical_keywords": [], "custom_technical_keywords": ["udp"]},
            [*DEFAULT_TECHNICAL_KEYWORDS, "udp"],
        ),
        ({"technical_keywords": ["q", "r"], "custom_technical_keywords": ["udp"]}, ["q", "r", "udp"]),
    ],
)
def test_ones_own_come_after_the_others(config: dict[str, Any], expected: list[str]) -> None:
    assert router(**config).technical_keywords == expected


def test_case_makes_no_difference_between_two() -> None:
    found = router(custom_technical_keywords=["TCP", "udp", "UDP", "kafka"]).technical_keywords
    assert [one.lower() for one in found] == [*DEFAULT_TECHNICAL_KEYWORDS, "udp", "kafka"]


def test_ones_own_count() -> None:
    assert scored(GARDEN) == ("SIMPLE", 0.0, [])
    found = scored(GARDEN, custom_technical_keywords=["UDP", "Kafka"])
    assert found == ("SIMPLE", 0.125, ["technical (UDP, Kafka)"])


def test_a_rule_for_characters_that_are_written_without_spaces() -> None:
    rules = [{"keywords": ["发票", "api"], "tier": "COMPLEX"}]
    one = router(keyword_tier_rules=rules)
    assert one._lexical_tier_override("我需要开发票").matched_keyword == "发票"
    assert one._lexical_tier_override("capital") is None
    assert one._lexical_tier_override("我的api很慢") is None
    assert one._lexical_tier_override("the API is slow").tier == "COMPLEX"


@in_a_loop
async def test_a_request_goes_to_the_model_of_its_tier() -> None:
    one = router()
    talk = [{"role": "user", "content": WEIGHED}, {"role": "assistant", "content": "Well."}]
    for messages, model in (
        ([{"role": "user", "content": "hello"}], "small"),
        ([{"role": "system", "content": WEIGHED}, {"role": "user", "content": "hello"}], "small"),
        (talk, "huge"),
        ([*talk, {"role": "user", "content": "hello"}], "small"),
        ([{"role": "user", "content": [{"type": "text", "text": WEIGHED}]}], "huge"),
    ):
        answer = await one.async_pre_routing_hook("auto", {}, messages)
        assert (answer.model, answer.messages) == (model, messages)
