"""The score of a prompt by one pass over it against LiteLLM's own: values, types, texts of signals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any
from unittest.mock import MagicMock

import litellm
import pytest
from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter
from litellm.router_strategy.quality_router.quality_router import QualityRouter

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.original import outcome, without_seams
from support.prompt_scores import DEFAULTS, KEYWORD, ODD, SCORE, TIERS, alike, config_of, prompt_of, router
from support.scale import scaled


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield


def test_prompts_by_chance_on_default_keywords() -> None:
    chance, one = Random(5), router()
    prompts = [prompt_of(chance, list(DEFAULTS)) for _ in range(scaled(4_000))]
    assert alike([(one, text) for text in prompts]).native == len(prompts)


def test_prompts_by_chance_on_keywords_by_chance() -> None:
    chance, pairs = Random(6), []
    for _ in range(scaled(250)):
        one = router(**config_of(chance))
        own = [*one.code_keywords, *one.reasoning_keywords, *one.technical_keywords, *one.simple_keywords]
        pairs += [(one, prompt_of(chance, own)) for _ in range(32)]
    assert alike(pairs).native == len(pairs)


def test_long_prompts() -> None:
    chance, one = Random(7), router()
    prompts = ["a" * 40_000, "api" * 3_000, "hi 字" * 2_000, "é" * 9_000, "first" * 2_000, "step\n" * 2_000]
    prompts += ["1" * 3_000 + ". ", "".join(prompt_of(chance, list(DEFAULTS)) for _ in range(60))]
    assert alike([(one, text) for text in prompts]).native == len(prompts)


def test_a_verified_call_finds_no_difference() -> None:
    accel.set_flag("routing", verify_percent=100)
    chance, one = Random(8), router(keyword_tier_rules=[{"keywords": ["api", "发票", "a b"], "tier": "COMPLEX"}])
    with calls_of("routing") as calls:
        for _ in range(200):
            text = prompt_of(chance, list(DEFAULTS))
            one.classify(text)
            one._lexical_tier_override(text)
    assert (calls.failed, calls.mismatched) == (0, 0)
    assert calls.native >= 200


class Text(str):
    def lower(self) -> str:
        return "python api"


@pytest.mark.parametrize("prompt", [Text("hello"), "api \ud800 python", b"api", None, 1], ids=repr)
def test_what_is_no_plain_text_is_litellms(prompt: Any) -> None:
    one = router()
    with calls_of("routing", SCORE) as calls:
        here = outcome(one.classify, prompt)
    assert calls.native == 0
    with without_seams():
        assert outcome(one.classify, prompt) == here


def test_the_system_prompt_is_not_scored() -> None:
    one = router()
    assert one._score_and_classify("hello", "python api") == one._score_and_classify("hello")
    assert one._score_and_classify(prompt="hello", system_prompt=None) == one._score_and_classify("hello")


class TestOneKeyword:
    def test_by_chance(self) -> None:
        chance, one = Random(10), router()
        pairs = []
        for _ in range(scaled(5_000)):
            keyword = chance.choice([*ODD, *DEFAULTS])
            pairs.append((prompt_of(chance, [keyword, "api"]).lower(), keyword))
        with calls_of("routing", KEYWORD) as calls:
            found = [one._keyword_matches(*pair) for pair in pairs]
        assert calls.native == len(pairs)
        with without_seams():
            assert [one._keyword_matches(*pair) for pair in pairs] == found
        assert {type(one) for one in found} == {bool}
        assert 0.1 < sum(found) / len(found) < 0.9

    @pytest.mark.parametrize(
        ("text", "keyword"),
        [
            ("\ud800 api", "api"),
            ("\ud800 a b", "a b"),
            ("api", "\ud800"),
            (Text("api"), "api"),
            ("api", Text("x")),
            ("api", 1),
        ],
    )
    def test_odd_arguments(self, text: Any, keyword: Any) -> None:
        here = outcome(router()._keyword_matches, text, keyword)
        with without_seams():
            assert outcome(router()._keyword_matches, text, keyword) == here

    def test_rules_take_the_first_that_is_there(self) -> None:
        rules = [
            {"keywords": ["zebra", "Kafka", "api"], "tier": "MEDIUM"},
            {"keywords": ["发票"], "tier": "REASONING"},
        ]
        one = router(keyword_tier_rules=rules)
        for text in ("a KAFKA api", "kafkas", "我需要开发票 kafka", ""):
            with calls_of("routing", KEYWORD) as calls:
                here = one._lexical_tier_override(text)
            assert calls.native > 0
            with without_seams():
                assert one._lexical_tier_override(text) == here

    def test_a_subclass_searches_natively_too(self) -> None:
        subclass = type("Mine", (ComplexityRouter,), {})
        one = subclass("auto", MagicMock(), {"tiers": TIERS})
        with calls_of("routing", KEYWORD) as calls:
            here = one.classify("write a python api")
        assert calls.native == len(DEFAULTS)
        with without_seams():
            assert one.classify("write a python api") == here


PROMPTS = (
    "hi",
    "Write a python api. First think step by step, then evaluate latency of tcp.",
    "我需要开发票 api",
    "?" * 9,
)


def deployments() -> Any:
    return litellm.Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "none"},
                "model_info": {"litellm_routing_preferences": {"quality_tier": quality}},
            }
            for quality, name in enumerate(TIERS.values(), start=1)
        ]
    )


def test_what_the_router_is_told() -> None:
    models = deployments()
    complexity = ComplexityRouter("auto", models, {"tiers": TIERS})
    quality = QualityRouter("auto", models, quality_router_config={"available_models": list(TIERS.values())})

    def told() -> list[Any]:
        async def ask(one: Any, text: str) -> Any:
            request: dict[str, Any] = {}
            answer = await one.async_pre_routing_hook("auto", request, [{"role": "user", "content": text}])
            return answer, request

        return [asyncio.run(ask(one, text)) for one in (complexity, quality) for text in PROMPTS]

    with calls_of("routing", SCORE) as calls:
        here = told()
    assert calls.native == 2 * len(PROMPTS)
    with without_seams():
        assert told() == here
