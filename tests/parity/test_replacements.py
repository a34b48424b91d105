"""Names that somebody replaces at run time: the replacement is honoured, and called as often as without accel."""

import functools
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
from accel.features import FEATURES
from accel.features.replaced import original_of
from accel.features.token_counting import prompts, resolver, trimming
from accel.fingerprint import live
from support.calls import calls_of, strict
from support.oddities import Characters
from support.original import without_seams
from support.work import MODELS, TEXT, WORK

COUNTER = resolver.COUNTER
REPLACED = {"declined: a LiteLLM function was replaced"}
SEAMS = {seam.attribute: seam for seam in FEATURES["token_counting"].seams}
_ALL_BOUND = {**resolver.BOUND, **prompts._READ}
BOUND = {
    "_get_exact_count_function": resolver.BOUND,
    "token_counter": _ALL_BOUND,
    "messages_reach_token_count": _ALL_BOUND,
    "process_messages": {**_ALL_BOUND, **trimming._BOUND},
}
# For each name that native code stands for, by definition or by an import: the seams that must notice.
NOTICED: dict[str, set[str]] = {}
for attribute, seam in SEAMS.items():
    for name in {*seam.reproduces[1:], *BOUND.get(attribute, ())}:
        if inspect.isroutine(live(name)):
            NOTICED.setdefault(name, set()).add(attribute)


def counted() -> list[int]:
    return [litellm.token_counter(model, text=TEXT) for model in MODELS]


@contextmanager
def replaced(name: str, **settings: Any) -> Iterator[Any]:
    module, _, path = name.partition(":")
    owner, _, attribute = path.rpartition(".")
    holder = live(f"{module}:{owner}") if owner else sys.modules[module]
    with mock.patch.object(holder, attribute, **settings) as double:
        yield double


@contextmanager
def spied(name: str) -> Iterator[list[str]]:
    """The calls of the function by that name."""
    original = original_of(live(name))
    calls: list[str] = []

    @functools.wraps(original)
    def double(*arguments: Any, **keywords: Any) -> Any:
        calls.append(name)
        return original(*arguments, **keywords)

    with replaced(name, new=double):
        yield calls


@pytest.mark.parametrize("name", sorted(NOTICED))
def test_a_replaced_name_is_called_as_by_litellm(name: str) -> None:
    with strict():
        expected = {seam: WORK[seam]() for seam in SEAMS}
    ours = {}
    with spied(name) as calls:
        for seam in SEAMS:
            with calls_of(seam=seam) as account:
                assert WORK[seam]() == expected[seam], seam
            if seam in NOTICED[name]:
                assert (account.native, account.python.keys()) == (0, REPLACED), seam
            ours[seam] = len(calls)
            calls.clear()
    theirs = {}
    with without_seams(), spied(name) as calls:
        for seam in SEAMS:
            assert WORK[seam]() == expected[seam], seam
            theirs[seam] = len(calls)
            calls.clear()
    assert {seam: ours[seam] for seam in NOTICED[name]} == {seam: theirs[seam] for seam in NOTICED[name]}
    with strict():
        assert {seam: WORK[seam]() for seam in SEAMS} == expected


def test_most_names_are_on_the_way_of_the_work() -> None:
    """Else the test above would compare nothing with nothing.

    The others are called by another binding of theirs, or once only, for what they made is kept.
    """
    called = 0
    with without_seams():
        for name in NOTICED:
            with spied(name) as calls:
                for seam in NOTICED[name]:
                    WORK[seam]()
            called += bool(calls)
    assert called >= len(NOTICED) * 3 / 4


@pytest.mark.parametrize("name", [name for name in prompts._READ if "Anthropic" in name])
def test_a_replaced_class_is_read_as_by_litellm(name: str) -> None:
    class Other:
        """A block in which nothing is required and nothing counted."""

        __required_keys__: frozenset[str] = frozenset()
        __annotations__: dict[str, Any] = {}

    with strict():
        usual = WORK["token_counter"]()
    with replaced(name, new=Other), calls_of(seam="token_counter") as calls:
        ours = WORK["token_counter"]()
    assert (calls.native, calls.python.keys()) == (0, REPLACED)
    with without_seams(), replaced(name, new=Other):
        assert ours == WORK["token_counter"]() != usual


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
    with (
        mock.patch.object(target, "encode", return_value=[0] * 99) as encode,
        calls_of(seam="token_counter") as whole,
        calls_of(seam="_get_exact_count_function") as exact,
    ):
        assert litellm.token_counter("gpt-4o", text=TEXT) == 99
    encode.assert_called_once()
    for calls in (whole, exact):
        assert (calls.native, calls.python) == (0, {"declined: tiktoken's encode was replaced": 1})
    with strict():
        assert litellm.token_counter("gpt-4o", text=TEXT) == usual


@pytest.mark.parametrize("attribute", SEAMS)
def test_somebody_else_has_the_seams_name(attribute: str) -> None:
    double = mock.Mock(return_value="theirs")
    with replaced(f"{SEAMS[attribute].module}:{attribute}", new=double), calls_of(seam=attribute) as calls:
        rows = accel.status().features["token_counting"]["seams"]
        (row,) = (row for row in rows if row["target"] == SEAMS[attribute].target)
        assert (row["state"], row["reason"]) == ("skipped", "somebody else replaced the name")
        assert live(SEAMS[attribute].target)("anything") == "theirs"
    double.assert_called_once_with("anything")
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


@pytest.mark.parametrize("attribute", SEAMS)
def test_signatures_stay(attribute: str) -> None:
    seam = live(SEAMS[attribute].target)
    assert inspect.signature(seam) == inspect.signature(original_of(seam))
    names = inspect.signature(seam, follow_wrapped=False).parameters
    assert list(names) == list(inspect.signature(original_of(seam)).parameters)
