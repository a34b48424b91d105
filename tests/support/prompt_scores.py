"""Prompts and routers by which LiteLLM's complexity router is compared with accel's way to its score."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import MagicMock

from litellm.router_strategy.complexity_router import complexity_router as module
from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

from support.calls import Calls, calls_of
from support.original import without_seams

SCORE = "ComplexityRouter._score_and_classify"
KEYWORD = "ComplexityRouter._keyword_matches"
DEFAULTS = (
    *module.DEFAULT_CODE_KEYWORDS,
    *module.DEFAULT_REASONING_KEYWORDS,
    *module.DEFAULT_TECHNICAL_KEYWORDS,
    *module.DEFAULT_SIMPLE_KEYWORDS,
)
ODD = [
    "",
    " ",
    "c++",
    "C#",
    ".net",
    "(a|b)*",
    "[a-z]",
    "\\b",
    "^$",
    "发票",
    "請求 api",
    "ÉTÉ",
    "straße",
    "İ",
    "ſo",
    "_x_",
]
BESIDE = [
    "",
    " ",
    "_",
    "-",
    ".",
    "'",
    "é",
    "字",
    "٣",
    "ß",
    "\u0301",
    "\u200d",
    "😀",
    "\n",
    "1",
    "A",
    "\u2003",
    "\x1c",
]
BETWEEN = [
    "First",
    "then",
    "Step",
    " 1",
    "2. ",
    "a) ",
    "?",
    "? ? ?",
    "\n",
    "ſtep 1",
    "İ",
    "これは",
    "Привет",
    "𝟙. ",
]
TIERS = {"SIMPLE": "small", "MEDIUM": "middle", "COMPLEX": "large", "REASONING": "huge"}


def router(**config: Any) -> Any:
    return ComplexityRouter("auto", MagicMock(), {"tiers": TIERS, **config})


def prompt_of(chance: Random, keywords: list[str]) -> str:
    """A text in which keywords stand between all sorts of neighbours."""
    parts = []
    for _ in range(chance.randrange(9)):
        if chance.random() < 0.6 and keywords:
            keyword = chance.choice(keywords)
            keyword = chance.choice((keyword, keyword.upper(), keyword.title(), keyword[:-1]))
            parts += [chance.choice(BESIDE), keyword, chance.choice(BESIDE)]
        else:
            parts.append(chance.choice(BETWEEN))
        parts.append(chance.choice((" ", " ", "", ", ")))
    return "".join(parts) * chance.choice((1, 1, 1, 1, 40))


def config_of(chance: Random) -> dict[str, Any]:
    """Lists of keywords, boundaries and weights by chance; often LiteLLM's."""
    config: dict[str, Any] = {}
    pool = [*ODD, *chance.sample(DEFAULTS, 12), "Kafka", "kafka", "kafka", "API"]
    for name in ("code_keywords", "reasoning_keywords", "technical_keywords", "simple_keywords"):
        config[name] = chance.choices(pool, k=chance.randrange(1, 8))
    if chance.random() < 0.5:
        config["custom_technical_keywords"] = chance.choices(pool, k=3)
    if chance.random() < 0.5:
        config["tier_boundaries"] = {"simple_medium": chance.random() / 3, "complex_reasoning": chance.random()}
        config["dimension_weights"] = {
            name: chance.random() for name in ("codePresence", "tokenCount", "technicalTerms")
        }
    if chance.random() < 0.3:
        config["reasoning_override_min_score"] = chance.choice((0.0, 0.3))
    if chance.random() < 0.3:
        config["token_thresholds"] = {"simple": 3, "complex": 20}
    if chance.random() < 0.5:
        named = [one for one in ("kafka", "发票", "c++", "a b") if chance.random() < 0.7] or ["kafka"]
        config["custom_dimensions"] = [{"name": "mine", "keywords": named, "weight": chance.random()}]
    return config


def shown(scored: tuple[Any, ...]) -> str:
    """With types, and each float as it is."""
    return repr([(type(part), part) for part in scored])


def alike(pairs: list[tuple[Any, str]]) -> Calls:
    """Score each prompt with its router, with accel and without; who answered."""
    with calls_of("routing", SCORE) as calls:
        found = [shown(one._score_and_classify(text)) for one, text in pairs]
    with without_seams():
        for (one, text), here in zip(pairs, found, strict=True):
            assert here == shown(one._score_and_classify(text)), (text, vars(one.config))
    assert (calls.failed, calls.mismatched) == (0, 0)
    return calls
