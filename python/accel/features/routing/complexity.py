"""How complex LiteLLM's complexity router takes a prompt to be: all its keywords in one pass."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing.keywords import Searches
from accel.features.seam import Junction, Seam

_MODULE: Final = "litellm.router_strategy.complexity_router.complexity_router"
_CLASS: Final = f"{_MODULE}:ComplexityRouter"
_CJK: Final = f"{_MODULE}:_CJK_CHARACTER"
_KEYWORD: Final = f"{_CLASS}._keyword_matches"
_STEPS: Final = ("_keyword_matches", "_score_keyword_match", "_score_multi_step")
"""Methods that the score calls and that are not called here."""
_SCORE: Final = (
    f"{_CLASS}._score_and_classify",
    *(f"{_CLASS}.{step}" for step in _STEPS),
    _CJK,
)
_MULTI_STEP: Final = [
    re.compile(r"first.*?then", re.IGNORECASE),
    re.compile(r"step\s*\d", re.IGNORECASE),
    re.compile(r"\d+\.\s"),
    re.compile(r"[a-z]\)\s", re.IGNORECASE),
]
"""What a router is made with, and native code looks for."""
_LISTS: Final = {
    "code_keywords": ("codePresence", "code", 1, 2, 0.5, 1.0),
    "reasoning_keywords": ("reasoningMarkers", "reasoning", 1, 2, 0.7, 1.0),
    "technical_keywords": ("technicalTerms", "technical", 2, 4, 0.5, 1.0),
    "simple_keywords": ("simpleIndicators", "simple", 1, 2, -1.0, -1.0),
}
"""Of each list its dimension, its name in the signal, how many matches count or count more, and how much."""


def _is_phrase(keyword: str) -> bool:
    # ASCII is not asked for: LiteLLM's pattern has none of it.
    return " " in keyword or (not keyword.isascii() and _cjk(keyword))


def _cjk(keyword: str) -> bool:
    return sys.modules[_MODULE]._CJK_CHARACTER.search(keyword) is not None


def _scoring(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    module: Any = sys.modules[_MODULE]
    names, searches, router_class = Names(_SCORE, {}), Searches(_is_phrase), module.ComplexityRouter

    def is_plain(own: dict[str, Any]) -> bool:
        patterns = own.get("_multi_step_patterns")
        return (
            not any(step in own for step in _STEPS)
            and type(patterns) is list
            and all(type(pattern) is re.Pattern for pattern in patterns)
            and patterns == _MULTI_STEP
        )

    def of_keywords(
        matches: list[str], name: str, label: str, low: int, high: int, low_score: float, high_score: float
    ) -> Any:
        if len(matches) < low:
            return module.DimensionScore(name, 0, None)
        score = high_score if len(matches) >= high else low_score
        return module.DimensionScore(name, score, f"{label} ({', '.join(matches[:3])})")

    def of_steps(found: bool) -> Any:
        score, signal = (0.5, "multi-step") if found else (0, None)
        return module.DimensionScore("multiStepPatterns", score, signal)

    def _score_and_classify(self: Any, prompt: Any, system_prompt: Any = None) -> Any:
        if type(self) is not router_class or type(prompt) is not str or not names.intact():
            return NotImplemented
        own = vars(self)
        search = searches.of(self, *map(own.get, _LISTS)) if is_plain(own) else None
        if search is None:
            return NotImplemented
        user_text = prompt.lower()
        found = search.find(user_text)
        if found is None:
            return NotImplemented
        matches, steps = found
        estimated_tokens = self._estimate_tokens(prompt)
        of_lists = [of_keywords(there, *how) for there, how in zip(matches, _LISTS.values(), strict=True)]
        dimensions = [
            self._score_token_count(estimated_tokens),
            *of_lists,
            self._score_multi_step(user_text) if steps is None else of_steps(steps),
            self._score_question_complexity(prompt),
        ]
        custom_dimensions = self._score_custom_dimensions(prompt, user_text)
        every = (*dimensions, *(one for one, _ in custom_dimensions))
        signals = tuple([one.signal for one in every if one.signal is not None])
        weights = self.config.dimension_weights
        # Sums in LiteLLM's order: of floats it decides.
        weighted_score = sum(one.score * weights.get(one.name, 0) for one in dimensions) + sum(
            one.score * weight for one, weight in custom_dimensions
        )
        boundaries = self._effective_tier_boundaries()
        tier = module.ComplexityTier
        clears_override_floor = weighted_score >= self._effective_reasoning_override_min_score()
        _, reasoning, _, _ = matches
        if len(reasoning) >= 2 and clears_override_floor:
            return tier.REASONING, weighted_score, signals, "reasoning_override"
        if weighted_score < boundaries["simple_medium"]:
            reached = tier.SIMPLE
        elif weighted_score < boundaries["medium_complex"]:
            reached = tier.MEDIUM
        elif weighted_score < boundaries["complex_reasoning"]:
            reached = tier.COMPLEX
        else:
            reached = tier.REASONING
        return reached, weighted_score, signals, "heuristic_scorer"

    return junction.lightly(_score_and_classify, original, reads=True)


def _matching(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names, has_whole_word = Names((_KEYWORD, _CJK), {}), native.module.has_whole_word

    def _keyword_matches(self: Any, text: Any, keyword: Any) -> Any:  # LiteLLM's signature
        if type(text) is not str or type(keyword) is not str or not names.intact():
            return NotImplemented
        lowered = keyword.lower()
        # Python's own search of a text is quick, and without the text there is no word either.
        if lowered not in text:
            return False
        if _is_phrase(lowered):
            return True
        found = has_whole_word(text, lowered)
        return NotImplemented if found is None else found

    return junction.lightly(_keyword_matches, original, reads=True)


SEAMS: Final = (
    Seam(module=_MODULE, attribute="ComplexityRouter._score_and_classify", reproduces=_SCORE, build=_scoring),
    Seam(
        module=_MODULE, attribute="ComplexityRouter._keyword_matches", reproduces=(_KEYWORD, _CJK), build=_matching
    ),
)
