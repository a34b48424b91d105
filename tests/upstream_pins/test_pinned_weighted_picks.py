"""The usual strategy: by chance, and by weight where somebody gives one."""

import random
from collections import Counter
from inspect import isawaitable
from typing import Any

import pytest
from litellm.router_strategy import simple_shuffle

from support.limiter import HELLO, in_a_loop
from support.routes import names, picked, routed, row

pytestmark = pytest.mark.usefixtures("side")


async def shares(router: Any, model: str = "m", *, synchronous: bool = True) -> Counter[str]:
    random.seed(5)
    return Counter([await picked(router, model, synchronous=synchronous) for _ in range(1_000)])


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_a_weight_counts_whoever_stands_first(synchronous: bool) -> None:
    router = routed(row("d"), row("e", weight=1), row("f", weight=99))
    found = await shares(router, synchronous=synchronous)
    assert (found["d"], found["f"] > 950) == (0, True)
    assert sum(found.values()) == 1_000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"weight": 5}),
        ({}, {"rpm": 5}),
        ({}, {"tpm": 5}),
        ({"rpm": 6}, {"rpm": 1440}),
        ({"tpm": 5}, {"tpm": 90}),
        ({"rpm": 5, "tpm": 900}, {"rpm": 90, "tpm": 9}),
        ({"weight": 1, "rpm": 900}, {"weight": 20, "rpm": 9}),
        ({"rpm": 0, "tpm": 5}, {"rpm": 0, "tpm": 90}),
    ],
)
@in_a_loop
async def test_without_weights_requests_and_then_tokens_a_minute_are_weights(first: Any, second: Any) -> None:
    assert (await shares(routed(row("d", **first), row("e", **second))))["e"] > 890
    if "weight" not in second:
        router = routed({**row("d"), **first}, {**row("e"), **second})
        assert (await shares(router))["e"] > 890, "given beside the parameters"


@in_a_loop
async def test_without_any_all_are_alike() -> None:
    for rows in ((row("d"), row("e")), (row("d"), row("e", weight=0))):
        found = await shares(routed(*rows))
        assert 430 < found["d"] < 570


SELECTORS = (
    "get_available_deployment",
    "async_get_available_deployment",
    "get_available_deployment_for_pass_through",
    "async_get_available_deployment_for_pass_through",
)


@pytest.mark.parametrize("selector", SELECTORS)
@in_a_loop
async def test_weights_of_a_request_go_before_the_deployments(selector: str) -> None:
    teams = (("usual", "a", False), ("own", "a", False), ("paused", "a", True), ("foreign", "b", False))
    rows = [
        row(
            name,
            group=f"internal {name}",
            weight=100 if name == "usual" else 0,
            use_in_pass_through=True,
            info={"team_id": team, "team_public_model_name": "m", "blocked": blocked},
        )
        for name, team, blocked in teams
    ]
    router = routed(*rows)
    for weights, expected in (
        ({"m": {"usual": 0, "own": 100, "paused": 100, "foreign": 100}}, "own"),
        ({"m": {"usual": 100, "own": 0}}, "usual"),
        ({"m": {"foreign": 100}}, "usual"),
        ({"m": {"paused": 100}}, "usual"),
        (None, "usual"),
    ):
        request = {"metadata": {"user_api_key_team_id": "a"}, "_router_weights": weights}
        found = getattr(router, selector)(model="m", request_kwargs=request)
        found = await found if isawaitable(found) else found
        assert found["model_info"]["id"] == expected


def test_weights_of_a_request_are_kept_to() -> None:
    router = routed(row("d"), row("e"))
    random.seed(5)
    request = {"_router_weights": {"m": {"d": 80, "e": 20}}}
    found = Counter(
        names([router.get_available_deployment(model="m", request_kwargs=dict(request))])[0] for _ in range(1_000)
    )
    assert 750 < found["d"] < 850


@in_a_loop
async def test_a_group_and_its_alias_have_their_own_weights() -> None:
    router = routed(
        row("d", tpm=1),
        row("e", tpm=99),
        row("alone", group="other", tpm=1),
        model_group_alias={"alias": "m"},
    )
    assert await shares(router, "other") == {"alone": 1_000}
    assert (await shares(router, "alias"))["e"] > 890
    assert router.get_available_deployment("alias", messages=HELLO)["model_name"] == "m"


@in_a_loop
async def test_chance_is_pythons_and_is_asked_once_of_the_deployments(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    choice, choices = random.choice, random.choices

    def one(deployments: Any) -> Any:
        asked.append(names(deployments))
        return deployments[-1]

    def weighed(deployments: Any, weights: Any) -> Any:
        asked.append((names(deployments), list(weights)))
        return choices(deployments, weights=weights)

    monkeypatch.setattr(simple_shuffle.random, "choice", one)
    monkeypatch.setattr(simple_shuffle.random, "choices", weighed)
    assert await picked(routed(row("d"), row("e"))) == "e"
    await picked(routed(row("d"), row("e", weight=4), row("f", weight=2)))
    assert asked == [["d", "e"], (["d", "e", "f"], [0.0, 1.0, 0.5])]
    monkeypatch.setattr(simple_shuffle.random, "choice", choice)
    monkeypatch.setattr(simple_shuffle.random, "choices", choices)
    router = routed(row("d"), row("e"), row("f"))
    random.seed(3)
    found = [await picked(router, synchronous=bool(turn % 2)) for turn in range(20)]
    random.seed(3)
    assert found == [random.choice("def") for _ in range(20)]
