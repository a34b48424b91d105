"""Functions made from LiteLLM's source with edits, and what the edits call, each against what it stands for."""

from __future__ import annotations

import copy
import inspect
import traceback
from functools import partial
from random import Random
from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils import litellm_logging, logging_utils
from litellm.litellm_core_utils.llm_cost_calc import utils as costs
from litellm.types.utils import LlmProviders, ModelResponse, Usage

from accel.features.overhead.bridge import Bridge
from accel.features.overhead.logged import Lengths, Parameters, Responses, Secrets
from accel.features.overhead.providers import Providers
from accel.features.overhead.thresholds import Thresholds
from accel.features.overhead.trimmed import Edit, trimmed
from accel.features.replaced import original_of
from support.scale import scaled


def sample(first: int, *rest: int, last: int = 3) -> tuple[int, list[str]]:
    """A text."""
    total = first + sum(rest) + last
    return total, sorted(locals())


def around(inner: int) -> Any:
    def within(one: int) -> int:
        return one + inner

    return within


class Helper:
    def twice(self, value: int) -> int:
        return 2 * value


class Base:
    def value(self) -> int:
        return 1


class Derived(Base):
    def value(self) -> int:
        return super().value() + 1


class TestTrimmed:
    def test_an_expression(self) -> None:
        made = trimmed(sample, [Edit("sum(rest)", "accel_.twice(sum(rest))")], Helper())
        assert made(1, 2, last=4) == (9, sample(1, 2, last=4)[1])
        assert made(1)[0] == sample(1)[0]
        assert inspect.signature(made) == inspect.Signature.from_callable(made)
        assert made.__globals__ is sample.__globals__

    def test_statements(self) -> None:
        made = trimmed(sample, [Edit("total = first + sum(rest) + last", "total = 0")])
        assert made(1)[0] == 0

    def test_variables_around(self) -> None:
        within = around(5)
        made = trimmed(within, [Edit("one + inner", "one - inner")])
        assert made(7) == 2
        assert trimmed(within, cells={"inner": 1})(1) == 2

    def test_methods_that_call_the_class_above(self) -> None:
        made = trimmed(Derived.value, [Edit("super().value() + 1", "super().value() + 2")])
        assert made(Derived()) == 3

    @pytest.mark.parametrize("edit", [Edit("nowhere()", "0"), Edit("sum(rest)", "0", times=2)])
    def test_what_is_not_there_is_refused(self, edit: Edit) -> None:
        with pytest.raises(ValueError, match="found"):
            trimmed(sample, [edit])

    @pytest.mark.parametrize("value", [len, object(), Derived])
    def test_only_functions(self, value: Any) -> None:
        with pytest.raises(ValueError, match="not a plain function"):
            trimmed(value)

    def test_lines_are_kept(self) -> None:
        made = trimmed(sample, [Edit("sum(rest)", "1 / 0")])
        with pytest.raises(ZeroDivisionError) as raised:
            made(1)
        frame = traceback.extract_tb(raised.value.__traceback__)[-1]
        assert frame.filename == __file__
        assert "total = first" in (frame.line or "")

    def test_litellms_entry_points_keep_their_lines(self) -> None:
        for name in ("completion", "acompletion"):
            whole = inspect.unwrap(original_of(getattr(litellm.main, name)))
            made = trimmed(whole, [Edit("kwargs.get('fallbacks', None)", "None")])
            lines = {line for _, _, line in whole.__code__.co_lines() if line}
            assert {line for _, _, line in made.__code__.co_lines() if line} - lines <= {
                whole.__code__.co_firstlineno + 2
            }


def fields(chance: Random) -> dict[str, Any]:
    names = [name for name in litellm.get_model_info("gpt-4o") if chance.random() < 0.8]
    for number in ("1k", "10", "128k", "200k", "272k"):
        for prefix in ("input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost"):
            for suffix in ("", "_priority", "_flex", "_batches"):
                if chance.random() < 0.2:
                    names.append(f"{prefix}_above_{number}_tokens{suffix}")
    if chance.random() < 0.1:
        names.append("input_cost_per_token_above_x_tokens")
    if chance.random() < 0.2:
        names.append(f"input_cost_per_token_above_{chance.choice(['nan', 'inf', '-1', ''])}_tokens")
    chance.shuffle(names)
    return {name: chance.choice([None, None, 1e-6, 2e-6, "3e-6", 0.0]) for name in names}


class TestPrices:
    def test_equal(self) -> None:
        chance, seam = Random(3), costs._get_token_base_cost
        for _ in range(scaled(1_500)):
            model, usage = fields(chance), Usage(prompt_tokens=chance.choice([0, 5, 10, 1000, 150_000, 300_000]))
            arguments = (model, usage, chance.choice([None, "priority", "flex", "auto"]))
            inclusive = chance.random() < 0.5
            found = []
            for function in (original_of(seam), seam):
                try:
                    found.append(function(*copy.deepcopy(arguments), threshold_is_inclusive=inclusive))
                except (ValueError, TypeError) as error:
                    found.append((type(error), str(error)))
            assert found[0] == found[1], arguments

    def test_names_are_forgotten_beyond_a_number(self) -> None:
        helper = Thresholds()
        for start in range(0, 9000, 1000):
            model = {f"a{number}": 1 for number in range(start, start + 1000)} | {"a_above_1_tokens": 2}
            assert helper.keys(model, ("a_above_",), ("x",), "") == ["a_above_1_tokens"]
        assert len(helper._fields.known) <= 4096

    def test_what_is_no_number_stays_in_the_order(self) -> None:
        above = "input_cost_per_token_above_{}_tokens".format
        model: dict[str, Any] = {"input_cost_per_token": 1.0, "output_cost_per_token": 1.0}
        model |= {above(20): 20.0, above("nan"): None, above(10): 10.0}
        found = [
            function(model, Usage(prompt_tokens=30))
            for function in (original_of(costs._get_token_base_cost), costs._get_token_base_cost)
        ]
        assert found[0] == found[1]

    def test_other_prefixes(self) -> None:
        helper = Thresholds()
        model = {"a_above_1_tokens": 1, "b_above_1_tokens": 1}
        for prefix in "abab":
            assert helper.keys(model, (f"{prefix}_above_",), ("x",), "") == [f"{prefix}_above_1_tokens"]

    def test_names_that_are_no_text(self) -> None:
        with pytest.raises(AttributeError):
            Thresholds().keys({1: 1}, ("a",), ("x",), "")  # type: ignore[dict-item]


class TestHelpers:
    def test_providers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert list(Providers().providers(LlmProviders)) == [provider.value for provider in LlmProviders]
        assert Providers().providers([LlmProviders.OPENAI]) == ["openai"]

    def test_bridge(self) -> None:
        check = original_of(litellm.main.responses_api_bridge_check)
        helper = Bridge()
        chance = Random(4)
        names = [*chance.sample(sorted(litellm.model_cost), scaled(150)), "responses/gpt-4o", "none", "gpt-5.4"]
        for name in names:
            provider = chance.choice(
                ["openai", "azure", "xai", litellm.model_cost.get(name, {}).get("litellm_provider")]
            )
            asked = {"model": name, "custom_llm_provider": provider or "openai", "web_search_options": None}
            asked |= {"api_base": None, "tools": chance.choice([None, [{"type": "function", "function": {}}]])}
            whole, quick = check(**asked), helper.bridge(litellm.main.responses_api_bridge_check, **asked)
            assert (quick[0].get("mode"), quick[1]) == (whole[0].get("mode"), whole[1]), asked

    def test_secrets(self) -> None:
        redact, helper = litellm_logging.redact_string, Secrets()
        for text in ("", "plain", "Bearer sk-1234567890abcdefghij"):
            assert helper.redacted(redact, text) == redact(text)
        assert helper.redacted(lambda text: "mine", "") == "mine"

    def test_responses(self) -> None:
        check, helper = litellm.utils.check_coroutine, Responses()

        async def coroutine() -> None: ...

        class Own(ModelResponse):
            async def __call__(self) -> None: ...

        for value in (ModelResponse(), Own(), coroutine, {}, None):
            assert helper.is_coroutine(check, value) == check(value)
        assert helper.is_coroutine(lambda value: True, ModelResponse()) is True

    def test_parameters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kind, helper = litellm_logging.DynamicPromptManagementParamLiteral, Parameters()
        assert list(helper.parameters(kind)) == kind.list_all_params()
        monkeypatch.setattr(kind, "list_all_params", classmethod(lambda cls: ["mine"]))
        assert helper.parameters(kind) == ["mine"]

    def test_lengths(self) -> None:
        leaves, helper, chance = logging_utils._iter_string_leaves, Lengths(), Random(6)

        class Text(str): ...

        def tree(depth: int) -> Any:
            kind = chance.randrange(9 if depth else 6)
            if kind > 5:
                parts = [tree(depth - 1) for _ in range(chance.randrange(4))]
                return [parts, dict(enumerate(parts)), tuple(parts)][kind - 6]
            return ["text", "", None, 5, Text("abc"), b"bytes"][kind]

        for _ in range(scaled(1_000)):
            value = tree(4)
            expected = []
            for count in (
                lambda tree: sum(len(leaf) for leaf in leaves(tree)),
                partial(helper.characters, leaves),
            ):
                try:
                    expected.append(count(value))
                except TypeError as error:
                    expected.append(str(error))
            assert expected[0] == expected[1]
        assert helper.characters(lambda value: ["12"], "1") == 2
