"""Names that somebody replaces at run time: the replacement is honoured, and called as often as without accel."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import litellm
import pytest
import tiktoken
from litellm.litellm_core_utils import default_encoding
from litellm.litellm_core_utils import token_counter as counter_module

import accel
from accel.features import token_counting
from support.calls import calls_of, strict
from support.oddities import Characters
from support.original import MODEL_OF, without_seams

# Each tokenizer gives it another count.
TEXT = "Übergrößenträger, 漢字かな交じり文 — naïveté ١٢٣٤٥ reachable"
MODELS = (*MODEL_OF.values(), "no such model", None)
COUNTER = "litellm.litellm_core_utils.token_counter"
REPLACED = {"declined: a LiteLLM function was replaced"}

# All that native code stands for, each where it is defined and where it was bound by an import.
NAMES = sorted(
    name
    for name in {*token_counting._REPRODUCED[1:], *token_counting._BOUND}
    if callable(token_counting._live(name))
)


def counted() -> list[int]:
    return [litellm.token_counter(model, text=TEXT) for model in MODELS]


@contextmanager
def replaced(name: str, **settings: Any) -> Iterator[mock.Mock]:
    module, _, attribute = name.partition(":")
    with mock.patch.object(sys.modules[module], attribute, **settings) as double:
        yield double


@pytest.mark.parametrize("name", NAMES)
def test_a_replaced_name_is_called_as_by_litellm(name: str) -> None:
    original = token_counting._live(name)
    with strict():
        expected = counted()
    with replaced(name, wraps=original) as ours, calls_of() as calls:
        assert counted() == expected
    assert (calls.native, calls.python.keys()) == (0, REPLACED)
    with without_seams(), replaced(name, wraps=original) as theirs:
        assert counted() == expected
    assert ours.call_count == theirs.call_count
    with strict():
        assert counted() == expected


def test_most_names_are_on_the_way_of_these_models() -> None:
    """Else the test above would compare nothing with nothing.

    The others are called by another binding of theirs, or once only, for what they made is kept.
    """
    called = 0
    for name in NAMES:
        with without_seams(), replaced(name, wraps=token_counting._live(name)) as double:
            counted()
        called += double.called
    assert called >= len(NAMES) * 3 / 4


FAKE = {"type": "huggingface_tokenizer", "tokenizer": Characters()}
DOUBLES: dict[str, tuple[str, Any]] = {
    "another count": (f"{COUNTER}:_encoding_count", lambda _encoding, _text: 99),
    "another encoding": (f"{COUNTER}:get_encoding", lambda _name: tiktoken.get_encoding("p50k_base")),
    "another name": (f"{COUNTER}:openai_tokenizer_encoding_name", lambda _model: "p50k_base"),
    "another model": (f"{COUNTER}:_fix_model_name", lambda _model: "gpt-4o"),
    "another tokenizer": ("litellm.utils:select_tokenizer", lambda _model: FAKE),
    "another Claude tokenizer": (
        "litellm.utils:_load_huggingface_tokenizer",
        lambda _kind, _backend: Characters(),
    ),
    "another default": (f"{COUNTER}:get_default_encoding", lambda: tiktoken.get_encoding("p50k_base")),
    "another kind": ("litellm.utils:huggingface_tokenizer_kind", lambda _model: None),
    "other Anthropic models": ("litellm.utils:uses_anthropic_tokenizer", lambda _model: True),
    "another counter": (f"{COUNTER}:_get_exact_count_function", lambda _model, _custom=None: len),
    "another encoding of tiktoken": ("tiktoken:get_encoding", lambda _name: default_encoding.encoding),
    "another name of tiktoken": ("tiktoken:encoding_name_for_model", lambda _model: "o200k_base"),
}


@pytest.mark.parametrize(("name", "double"), DOUBLES.values(), ids=DOUBLES)
def test_the_answer_of_a_replacement_counts(name: str, double: Callable[..., Any]) -> None:
    with strict():
        usual = counted()
    with replaced(name, side_effect=double):
        ours = counted()
    with without_seams(), replaced(name, side_effect=double):
        theirs = counted()
    assert ours == theirs != usual
    with strict():
        assert counted() == usual


@pytest.mark.parametrize("holder", ["class", "object"])
def test_a_replaced_encode_of_tiktoken_is_called(holder: str) -> None:
    o200k = tiktoken.get_encoding("o200k_base")
    target: Any = tiktoken.Encoding if holder == "class" else o200k
    with strict():
        usual = litellm.token_counter("gpt-4o", text=TEXT)
    with mock.patch.object(target, "encode", return_value=[0] * 99) as encode, calls_of() as calls:
        assert litellm.token_counter("gpt-4o", text=TEXT) == 99
    encode.assert_called_once()
    assert (calls.native, calls.python) == (0, {"declined: tiktoken's encode was replaced": 1})
    with strict():
        assert litellm.token_counter("gpt-4o", text=TEXT) == usual


def test_somebody_else_has_the_seams_name() -> None:
    with mock.patch.object(counter_module, "_get_exact_count_function", return_value=len), calls_of() as calls:
        (row,) = accel.status().features["token_counting"]["seams"]
        assert (row["state"], row["reason"]) == ("skipped", "somebody else replaced the name")
        assert counted() == [len(TEXT)] * len(MODELS)
    assert calls.total == 0


def test_the_package_attribute_is_replaced() -> None:
    """`get_modified_max_tokens` asks the package for the counter."""
    arguments = ("gpt-4o", "gpt-4o", [{"role": "user", "content": TEXT}], 10, None, None)
    with mock.patch.object(litellm, "token_counter", return_value=17) as double, calls_of() as calls:
        assert counter_module.get_modified_max_tokens(*arguments) == 10
    double.assert_called_once()
    assert calls.total == 0


def test_private_helpers_called_directly() -> None:
    count = counter_module._get_exact_count_function(None, FAKE)
    assert count("twelve chars") == 12
    assert counter_module._get_exact_count_function("gpt-4o", custom_tokenizer=FAKE)(TEXT) == len(TEXT)
    assert counter_module._get_exact_count_function(model="gpt-4o")("") == 0
    assert counter_module._get_count_function("gpt-4o", FAKE)(TEXT) == len(TEXT)
    blocks = [{"type": "text", "text": "four"}, "and"]
    arguments = {"use_default_image_token_count": False, "default_token_count": None}
    assert counter_module._count_content_list(count_function=len, content_list=blocks, **arguments) == 7
    assert counter_module._get_tiktoken_count_function(len, 3)(TEXT) == len(TEXT)
    with pytest.raises(ValueError, match="Unsupported tokenizer type"):
        counter_module._get_exact_count_function("gpt-4o", {"type": "other"})
    signature = inspect.signature(counter_module._get_exact_count_function)
    assert signature == inspect.signature(counter_module._get_exact_count_function.__wrapped__)
