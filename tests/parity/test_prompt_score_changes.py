"""The score of a prompt where somebody changes what it is made of: lists, steps, patterns, classes."""

from __future__ import annotations

import gc
import re
import threading
import weakref
from collections.abc import Iterator
from random import Random
from typing import Any
from unittest.mock import MagicMock, patch

import pytest
from litellm.router_strategy.complexity_router import complexity_router as module
from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.original import outcome, without_seams
from support.prompt_scores import SCORE, TIERS, alike, prompt_of, router


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield


class TestLists:
    TEXT = "write a kafka api and the zebra is quick"

    def test_one_changed_in_its_place(self) -> None:
        one = router(code_keywords=["api", "sql"])
        pairs = [(one, self.TEXT)]
        before = one.classify(self.TEXT)
        for change in (
            lambda: one.code_keywords.append("kafka"),
            lambda: one.code_keywords.__setitem__(0, "zebra"),
            one.code_keywords.clear,
            lambda: one.simple_keywords.remove("quick"),
            lambda: one.simple_keywords.insert(0, "quick"),
            lambda: setattr(one, "technical_keywords", ["is", "the"]),
        ):
            change()
            assert alike(pairs).native == 1
        assert one.classify(self.TEXT) != before

    @pytest.mark.parametrize("odd", ["tuple", "subclass", "word", "number"])
    def test_what_is_no_list_of_texts_is_litellms(self, odd: str) -> None:
        class Word(str):
            def lower(self) -> str:
                return "zebra"

        class Words(list):  # type: ignore[type-arg]
            def __iter__(self) -> Iterator[Any]:
                return iter(["zebra"])

        one = router()
        one.code_keywords = {
            "tuple": ("api",),
            "subclass": Words(["api"]),
            "word": [Word("api"), "kafka"],
            "number": [1],
        }[odd]
        with calls_of("routing", SCORE) as calls:
            here = outcome(one.classify, self.TEXT)
        assert calls.native == 0
        with without_seams():
            assert outcome(one.classify, self.TEXT) == here

    def test_routers_with_equal_lists(self) -> None:
        chance = Random(9)
        many = [router(code_keywords=["".join(["kaf", "ka"]), "api"]) for _ in range(40)]
        pairs = [(one, prompt_of(chance, ["kafka", "api", "hello"])) for one in many for _ in range(3)]
        assert alike(pairs).native == len(pairs)

    def test_a_router_is_let_go(self) -> None:
        one = router()
        one.classify("a")
        gone = weakref.ref(one)
        del one
        gc.collect()
        assert gone() is None


class TestOverrides:
    TEXT = "Step 1. write a python api"

    def both(self, one: Any) -> Any:
        with calls_of("routing", SCORE) as calls:
            here = outcome(one.classify, self.TEXT)
        with without_seams():
            assert outcome(one.classify, self.TEXT) == here
        return calls.native, here

    @pytest.mark.parametrize("method", ["_keyword_matches", "_score_keyword_match", "_score_multi_step"])
    def test_a_replaced_step_is_called(self, method: str) -> None:
        answers = {
            "_keyword_matches": lambda *_: True,
            "_score_keyword_match": lambda *_: (module.DimensionScore("codePresence", 0.25, "mine"), 2),
            "_score_multi_step": lambda *_: module.DimensionScore("multiStepPatterns", 9, "mine"),
        }
        plain = router().classify(self.TEXT)
        one = router()
        setattr(one, method, answers[method])
        assert self.both(one)[0] == 0
        assert one.classify(self.TEXT) != plain
        subclass = type("Mine", (ComplexityRouter,), {method: answers[method]})
        assert self.both(subclass("auto", MagicMock(), {"tiers": TIERS}))[0] == 0
        with patch.object(ComplexityRouter, method, side_effect=answers[method]) as mock:
            with calls_of("routing", SCORE) as calls:
                router().classify(self.TEXT)
            assert mock.called
            assert calls.native == 0
        assert self.both(router())[0] == 1

    @pytest.mark.parametrize(
        "method",
        ["_estimate_tokens", "_score_token_count", "_score_question_complexity", "_score_custom_dimensions"],
    )
    def test_the_other_steps_are_litellms_own(self, method: str) -> None:
        one, asked = router(), []
        own = getattr(one, method)
        setattr(one, method, lambda *arguments: asked.append(arguments) or own(*arguments))
        assert self.both(one)[0] == 1
        assert len(asked) == 2
        assert asked[0] == asked[1]

    def test_boundaries_may_be_anybodys(self) -> None:
        one = router()
        one._effective_tier_boundaries = lambda: dict.fromkeys(
            ("simple_medium", "medium_complex", "complex_reasoning"), -9
        )
        native, (_, (tier, *_)) = self.both(one)
        assert (native, tier) == (1, module.ComplexityTier.REASONING)

    def test_other_patterns_are_pythons(self) -> None:
        for patterns in (
            [re.compile("python")],
            [],
            (*router()._multi_step_patterns,),
            [MagicMock(search=lambda _text: True)] * 4,
            [re.compile(one.pattern) for one in router()._multi_step_patterns],
        ):
            one = router()
            one._multi_step_patterns = patterns
            assert self.both(one)[0] == 0
        one = router()
        one._multi_step_patterns = [re.compile(one.pattern, one.flags) for one in one._multi_step_patterns]
        assert self.both(one)[0] == 1

    def test_another_class_of_characters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one, text = router(), "rapids of pythons"
        assert not any("code" in signal for signal in one.classify(text)[2])
        monkeypatch.setattr(module, "_CJK_CHARACTER", re.compile("[a-z]"))
        with calls_of("routing", SCORE) as calls:
            assert "code (api, python)" in one.classify(text)[2]
        assert calls.native == 0

    def test_a_score_of_ones_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Score(module.DimensionScore):
            pass

        monkeypatch.setattr(module, "DimensionScore", Score)
        assert self.both(router())[0] == 1

    def test_half_a_router_is_litellms(self) -> None:
        one: Any = ComplexityRouter.__new__(ComplexityRouter)
        native, (kind, _) = self.both(one)
        assert (native, kind) == (0, "raised builtins.AttributeError")

    def test_what_fails_fails_alike(self) -> None:
        for weights in (None, {"codePresence": "x"}):
            one = router()
            one.config.__dict__["dimension_weights"] = weights
            here = outcome(one.classify, self.TEXT)
            assert here[0].startswith("raised ")
            with without_seams():
                assert outcome(one.classify, self.TEXT) == here


def test_threads_and_lists_that_change() -> None:
    one = router(code_keywords=["api", "kafka"])
    expected = {one.classify("a kafka api")[1]}
    one.code_keywords = ["api"]
    expected.add(one.classify("a kafka api")[1])
    wrong: list[Any] = []

    def ask() -> None:
        for _ in range(300):
            score = one.classify("a kafka api")[1]
            if score not in expected:
                wrong.append(score)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        one.code_keywords = ["api", "kafka"]
        one.code_keywords = ["api"]
    for thread in threads:
        thread.join()
    assert not wrong
