"""Seams go in and come out: every holder gets the same objects back, whoever imported what in between."""

import importlib
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any
from unittest import mock

import litellm
import litellm.utils
import pytest
from litellm import _lazy_imports
from litellm.litellm_core_utils import token_counter as counter_module

import accel
from accel.features import FEATURES
from accel.features.replaced import original_of
from accel.fingerprint import live
from support.calls import calls_of, strict
from support.work import WORK

FEATURE = FEATURES["token_counting"]
TARGETS = [seam.target for seam in FEATURE.seams]
BINDINGS = [binding for seam in FEATURE.seams for binding in (seam.target, *seam.holders)]
COMPRESSION = "litellm.compression.compress"


@pytest.fixture(autouse=True)
def loaded() -> Iterator[None]:
    """Every holder holds something; afterwards all seams are in."""
    importlib.import_module(COMPRESSION)
    importlib.import_module("litellm.llms.openai.common_utils")
    litellm.token_counter("gpt-4o", text="t")
    litellm.utils.is_prompt_caching_valid_prompt("gpt-4o", [{"role": "user", "content": "c"}])
    accel.unpatch()
    accel.patch()
    yield
    accel.patch()


def bound() -> dict[str, Any]:
    return {binding: live(binding) for binding in BINDINGS}


def states() -> set[tuple[str, str | None]]:
    rows = accel.status().features["token_counting"]["seams"]
    return {(row["state"], row["reason"]) for row in rows}


def test_every_holder_gets_its_own_object_back() -> None:
    ours = bound()
    assert all(original_of(value) is not value for value in ours.values())
    accel.unpatch()
    plain = bound()
    assert plain == {binding: original_of(value) for binding, value in ours.items()}
    for _ in range(3):
        accel.patch()
        again = bound()
        assert all(original_of(again[binding]) is plain[binding] is not again[binding] for binding in BINDINGS)
        assert states() == {("applied", None)}
        accel.patch()
        assert bound() == again, "patching twice changes nothing"
        accel.unpatch()
        accel.unpatch()
        assert bound() == plain
        assert all(
            type(value) is FunctionType and value.__module__.startswith("litellm") for value in plain.values()
        )


def test_every_binding_of_a_counter_is_known() -> None:
    """No module of LiteLLM holds a replaced function that is in no list."""
    accel.unpatch()
    held = {id(live(target)) for target in TARGETS}
    found = {
        f"{name}:{attribute}"
        for name, module in list(sys.modules.items())
        if name.startswith("litellm") and module is not None
        for attribute, value in list(vars(module).items())
        if id(value) in held
    }
    assert found == set(BINDINGS)


@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_the_work_is_the_same_in_and_out(order: str) -> None:
    expected = {seam: WORK[seam]() for seam in WORK}
    names = list(WORK) if order == "forwards" else list(WORK)[::-1]
    for _ in range(2):
        accel.unpatch("token_counting")
        with calls_of() as calls:
            assert {seam: WORK[seam]() for seam in names} == expected
        assert calls.total == 0
        accel.patch("token_counting")
        with strict():
            assert {seam: WORK[seam]() for seam in names} == expected


@pytest.mark.parametrize("name", [COMPRESSION, "litellm.llms.openai.common_utils"])
@pytest.mark.parametrize("patched", [True, False])
def test_a_holder_is_imported_in_between(patched: bool, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It binds what it finds, accel's or LiteLLM's, and is put right at the next change."""
    accel.patch() if patched else accel.unpatch()
    monkeypatch.delitem(sys.modules, name)
    holder = importlib.import_module(name)
    assert holder.token_counter is counter_module.token_counter
    accel.unpatch()
    original = counter_module.token_counter
    assert holder.token_counter is original is original_of(original)
    accel.patch()
    assert holder.token_counter is counter_module.token_counter is not original


@pytest.mark.parametrize("cache", ["_token_counter_new_func", "_messages_reach_token_count_func"])
@pytest.mark.parametrize("patched", [True, False])
def test_a_lazy_holder_is_filled_in_between(patched: bool, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    get, attribute = {
        "_token_counter_new_func": (_lazy_imports.get_token_counter_new, "token_counter"),
        "_messages_reach_token_count_func": (
            _lazy_imports.get_messages_reach_token_count,
            "messages_reach_token_count",
        ),
    }[cache]
    accel.patch() if patched else accel.unpatch()
    monkeypatch.setattr(_lazy_imports, cache, None)
    assert get() is getattr(counter_module, attribute)
    accel.unpatch()
    assert get() is original_of(get()) is getattr(counter_module, attribute)
    accel.patch()
    assert get() is not original_of(get())


@pytest.mark.parametrize("binding", BINDINGS)
def test_somebody_elses_function_in_a_holder_stays(binding: str) -> None:
    module, _, attribute = binding.partition(":")
    double = mock.Mock()
    with mock.patch.object(sys.modules[module], attribute, double):
        if binding not in TARGETS:
            assert ("applied", f"not replaced: {binding}") in states()
        accel.unpatch()
        assert live(binding) is double
        assert all(live(other) is original_of(live(other)) for other in BINDINGS if other != binding)
    # The mock has put accel's back where it found it.
    assert live(binding) is not original_of(live(binding))
    accel.patch()
    assert states() == {("applied", None)}
    accel.unpatch()
    assert all(live(other) is original_of(live(other)) for other in BINDINGS)


def test_the_other_feature_has_no_seams() -> None:
    before = bound()
    accel.unpatch("token_memo")
    accel.patch("token_memo")
    assert bound() == before
    with pytest.raises(KeyError):
        accel.unpatch("no such feature")
