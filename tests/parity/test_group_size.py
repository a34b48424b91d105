"""Whether a group is one deployment, against LiteLLM's: every way in which a name stands for deployments."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import litellm
import pytest
from litellm import Router

import accel
from accel.features.routing.group_size import Groups
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled

PROMPTS, LIMITS = "_is_prompt_management_model", "_handle_mock_testing_rate_limit_error"


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags(), calls_of("routing") as calls:
        accel.set_flag("routing", mode="on", percent=100, verify_percent=0)
        yield
    assert calls.failed == 0


def deployment(name: str, model: str = "openai/gpt-4o-mini", **info: Any) -> dict[str, Any]:
    return {
        "model_name": name,
        "litellm_params": {"model": model, "api_key": "k", "num_retries": 7},
        "model_info": info,
    }


def made() -> Router:
    return Router(
        [
            deployment("one", "langfuse/x"),
            *[deployment("two", "langfuse/x") for _ in range(2)],
            *[deployment("many") for _ in range(20)],
            deployment("team", team_id="t", team_public_model_name="public"),
            deployment("wild/*"),
        ],
        model_group_alias={"alias": "one", "hidden": {"model": "many", "hidden": True}, "two": "many"},
    )


NAMES = ["one", "two", "many", "team", "public", "alias", "hidden", "wild/x", "none", "", None, 3]


def came_to(router: Router, name: Any, call: Any, own: Any = None) -> tuple[Any, ...]:
    function = getattr(Router, call) if own is None else own
    named: dict[str, Any] = {"model": name}
    if call == LIMITS:
        named = {"model_group": name, "kwargs": {"mock_testing_rate_limit_error": True, "x": 1}}
    try:
        return function(router, **named), repr(named)
    except Exception as error:  # noqa: BLE001  # an answer, compared with the other side's
        return type(error), str(error), getattr(error, "num_retries", None), repr(named)


def same(router: Router, name: Any, call: str) -> tuple[Any, ...]:
    with calls_of("routing", f"Router.{call}") as calls:
        ours = came_to(router, name, call)
    assert calls.native == calls.total == 1
    assert ours == came_to(router, name, call, getattr(Router, call).__wrapped__)
    return ours


@pytest.mark.parametrize("call", [PROMPTS, LIMITS])
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names(name: Any, call: str) -> None:
    router = made()
    before = copy.deepcopy(router.model_list)
    same(router, name, call)
    assert router.model_list == before


def test_what_is_asked() -> None:
    router = made()
    assert same(router, "one", PROMPTS)[0] is True
    assert same(router, "many", PROMPTS)[0] is False
    assert same(router, "one", LIMITS)[2] == 7
    assert same(router, "many", LIMITS)[2] is None


def test_a_group_of_many_is_not_listed() -> None:
    groups, router = Groups(), made()
    assert len(groups.few(router, "many")) == 2
    assert groups.few(router, "many")[0] is router.model_list[3]
    # Its name is an alias too.
    assert len(groups.few(router, "two")) == 22
    assert groups.few(router, "one") == router.get_model_list(model_name="one")


def test_changed_deployments() -> None:
    chance, changes = Random(3), [("model_name", "other"), ("model_info", None), ("model_info", {"team_id": "t"})]
    for _ in range(scaled(40)):
        router = made()
        if chance.random() < 0.3:
            router.delete_deployment(id=router.model_list[1]["model_info"]["id"])
        for changed in chance.sample(router.model_list[:8], 3):
            name, value = chance.choice(changes)
            changed[name] = value
        for name in ("one", "two", "many"):
            same(router, name, chance.choice((PROMPTS, LIMITS)))


class Another(Router):
    """Has one deployment, whatever is asked."""

    def get_model_list(self, *_arguments: Any, **_named: Any) -> Any:
        return [deployment("x", "langfuse/x")]


def test_a_subclass_is_asked() -> None:
    assert Another([deployment("many"), deployment("many")])._is_prompt_management_model("many") is True


@pytest.mark.parametrize("holder", ["class", "instance"])
def test_mocks_are_asked(monkeypatch: pytest.MonkeyPatch, holder: str) -> None:
    router = made()

    def listed(*_arguments: Any, **_named: Any) -> Any:
        return [deployment("x", "langfuse/x")]

    monkeypatch.setattr(Router if holder == "class" else router, "get_model_list", listed)
    assert router._is_prompt_management_model("many") is True


@pytest.mark.anyio
async def test_a_call_comes_here() -> None:
    router = made()
    messages: Any = [{"role": "user", "content": "x"}]
    with calls_of("routing", f"Router.{PROMPTS}") as prompts, calls_of("routing", f"Router.{LIMITS}") as limits:
        await router.acompletion(model="many", messages=messages, mock_response="y")
        with pytest.raises(litellm.RateLimitError):
            await router.acompletion(
                model="many", messages=messages, mock_testing_rate_limit_error=True, num_retries=0
            )
    assert prompts.native == prompts.total == 2
    assert limits.native == limits.total == 2


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
