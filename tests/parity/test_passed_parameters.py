"""Parameters that go to the provider as they are, against LiteLLM's: results, order, errors, what is changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import litellm
import litellm.main
import litellm.utils
import pytest

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled

NAME = "add_provider_specific_params_to_optional_params"
LISTED = ["model", "messages", "temperature", "user", "tools"]


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        yield


def came_to(function: Any, arguments: dict[str, Any]) -> tuple[Any, ...]:
    try:
        result = function(**arguments)
    except Exception as error:  # noqa: BLE001  # an answer, compared with the other side's
        return type(error), str(error), repr(arguments)
    return repr(result), result is arguments.get("optional_params"), repr(arguments)


def same(arguments: dict[str, Any]) -> tuple[Any, ...]:
    seam = getattr(litellm.utils, NAME)
    with calls_of("overhead", NAME) as calls:
        ours = came_to(seam, copy.deepcopy(arguments))
    assert calls.native == calls.total == 1
    assert ours == came_to(seam.__wrapped__, copy.deepcopy(arguments))
    return ours


def test_random_parameters() -> None:
    chance, names = Random(11), [*LISTED, "extra_body", "cache_control_injection_points", "top_k", "x", "y", ""]
    values = [None, None, None, 0, "", False, "text", {"a": None}, [1]]
    providers = ["openai", "azure", "litellm_proxy", "groq", "anthropic", "", None]
    for _ in range(scaled(400)):
        passed = {name: chance.choice(values) for name in chance.sample(names, chance.randint(0, len(names)))}
        optional = {name: chance.choice(values) for name in chance.sample(names, chance.randint(0, 3))}
        dropped = chance.choice((None, [], ["x"], ["model", 3], ["extra_body"]))
        same(
            {
                "optional_params": optional,
                "passed_params": passed,
                "custom_llm_provider": chance.choice(providers),
                "openai_params": chance.choice((LISTED, [])),
                "additional_drop_params": dropped,
            }
        )


class Odd(dict[str, Any]):
    """Gives other values than it holds."""

    def __getitem__(self, name: str) -> Any:
        return f"odd {name}"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("listed", [None, (), ("x",), frozenset(LISTED), "xyz", 3])
@pytest.mark.parametrize("passed", [{"x": None}, {"x": 1}, Odd(x=None, y=1), None, [], ["x"]], ids=ascii)
def test_other_kinds(provider: str, listed: Any, passed: Any) -> None:
    same(
        {
            "optional_params": {},
            "passed_params": passed,
            "custom_llm_provider": provider,
            "openai_params": listed,
        }
    )


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_one_dictionary_for_both(provider: str) -> None:
    results = []
    for function in (getattr(litellm.utils, NAME), getattr(litellm.utils, NAME).__wrapped__):
        both: dict[str, Any] = {"x": 1, "y": None}
        results.append(came_to(function, dict.fromkeys(("optional_params", "passed_params"), both)
            | {"custom_llm_provider": provider, "openai_params": []}))  # fmt: skip
    assert results[0] == results[1]


def test_every_call_comes_here() -> None:
    assert getattr(litellm.main, NAME) is getattr(litellm, NAME) is getattr(litellm.utils, NAME)
    with calls_of("overhead", NAME) as calls:
        litellm.completion(model="gpt-4o-mini", messages=[{"role": "user", "content": "x"}], mock_response="y")
    assert calls.native == calls.total > 0


def test_mocks_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm.utils, "ensure_extra_body_is_safe", lambda extra_body: {"mock": extra_body})
    ours = getattr(litellm.utils, NAME)({}, {"x": 1, "y": None}, "openai", [])
    assert ours == {"extra_body": {"mock": {"x": 1}}}
