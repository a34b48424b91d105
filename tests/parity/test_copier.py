"""Native deep copies against Python's own: values, sharing, cycles, and what is left to Python."""

from __future__ import annotations

import copy
import sys
from collections import OrderedDict
from collections.abc import Iterator
from random import Random
from typing import Any

import litellm
import litellm.router
import pytest
from litellm.router_utils import pattern_match_deployments

import accel
from accel import native
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield


def plain(chance: Random, depth: int, shared: list[Any]) -> Any:
    """Plain data with parts that occur more than once."""
    kind = chance.randrange(12 if depth else 8)
    if kind < 8:
        return chance.choice(["", "с", 0, -1, 2**70, 1.5, float("inf"), True, False, None, b"raw", (), (1, "a")])
    if kind == 8 and shared:
        return chance.choice(shared)
    size = chance.randrange(5)
    made: Any
    if kind % 2:
        made = [plain(chance, depth - 1, shared) for _ in range(size)]
    else:
        keys = [chance.choice(["a", "b", 1, None, 2.5, b"k", True]) for _ in range(size)]
        made = {key: plain(chance, depth - 1, shared) for key in keys}
    shared.append(made)
    return made


def shape(value: Any, seen: dict[int, int]) -> Any:
    """The value with each container numbered, so that sharing shows."""
    if not isinstance(value, dict | list):
        return type(value), repr(value)
    if id(value) in seen:
        return "again", seen[id(value)]
    seen[id(value)] = len(seen)
    if isinstance(value, dict):
        return dict, [(repr(key), shape(one, seen)) for key, one in value.items()]
    return list, [shape(one, seen) for one in value]


def test_plain_data() -> None:
    chance = Random(7)
    for _ in range(scaled(4_000)):
        value = plain(chance, 5, [])
        found = native.module.deepcopy(value)
        assert shape(found, {}) == shape(copy.deepcopy(value), {})
        if isinstance(value, dict | list):
            assert found is not value


def test_cycles() -> None:
    value: Any = {"list": [1]}
    value["self"] = value
    value["list"].append(value)
    found = native.module.deepcopy(value)
    assert found["self"] is found
    assert found["list"][1] is found
    assert found["list"] is not value["list"]


class Text(str):
    pass


@pytest.mark.parametrize(
    "value",
    [OrderedDict(a=1), Text("a"), {Text("a"): 1}, {("a",): 1}, ([],), {1}, object(), [[object()]], lambda: 0, sys],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_left_to_python(value: Any) -> None:
    assert native.module.deepcopy(value) is NotImplemented


def test_nesting_is_left_to_python_where_it_may_run_out_of_stack() -> None:
    value: Any = []
    for _ in range(200):
        value = [value]
    assert native.module.deepcopy(value) is NotImplemented
    assert litellm.router.copy.deepcopy(value) == value


@pytest.mark.parametrize("module", [litellm.router, pattern_match_deployments], ids=lambda module: module.__name__)
class TestNames:
    def test_models_are_copied_natively(self, module: Any) -> None:
        info = litellm.get_model_info("gpt-4o")
        with calls_of("routing") as calls:
            found = module.copy.deepcopy(info)
        assert (calls.native, calls.failed) == (1, 0)
        assert found == info
        assert found is not info

    def test_an_object_is_copied_by_python(self, module: Any) -> None:
        value = {"client": OrderedDict(a=[1])}
        with calls_of("routing") as calls:
            found = module.copy.deepcopy(value)
        assert calls.native == 0
        assert type(found["client"]) is OrderedDict
        assert found["client"]["a"] is not value["client"]["a"]

    def test_a_memo_is_pythons(self, module: Any) -> None:
        value, memo = [[1]], {}
        found = module.copy.deepcopy(value, memo)
        assert memo[id(value)] is found

    def test_the_rest_of_the_module_is_pythons(self, module: Any) -> None:
        assert module.copy.copy is copy.copy
        assert module.copy.Error is copy.Error

    def test_a_replaced_function_wins(self, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module.copy, "deepcopy", lambda value: "mine")
        assert module.copy.deepcopy([1]) == "mine"
