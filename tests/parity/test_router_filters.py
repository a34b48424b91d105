"""The Router's passes over a group's deployments against LiteLLM's: members, order, types, errors, overrides."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import litellm.router
import pytest
from litellm import Router
from litellm.router_strategy import tag_based_routing
from litellm.router_utils import common_utils

from accel import _accel
from support.calls import calls_of
from support.live import kept_flags
from support.routers import SIZES, bare, came_to, on, pool, router
from support.scale import scaled


@pytest.fixture(autouse=True)
def native() -> Iterator[None]:
    with kept_flags(), on():
        yield


ROUTER = router(1)
REQUESTS: list[Any] = [
    None,
    {},
    {"metadata": None},
    {"metadata": {}},
    {"metadata": {"user_api_key_team_id": "t1"}},
    {"litellm_metadata": {"user_api_key_team_id": "t2"}, "metadata": {}},
    {"metadata": {"model_group": "g", "user_api_key_auth": type("Auth", (), {"user_role": "proxy_admin"})()}},
    {"metadata": "odd"},
]
FILTERS: dict[str, Any] = {
    "_drop_strategy_markers": lambda call, pool, chance: call(ROUTER, "g", pool),
    "_filter_reserved_deployments": lambda call, pool, chance: call(
        ROUTER, model="g", healthy_deployments=pool, request_team_id=chance.choice((None, "t1"))
    ),
    "_filter_cooldown_deployments": lambda call, pool, chance: call(
        ROUTER, pool, chance.choice(([], [], ["d1"], ["d0", "d1", "d1"], [None], ("d0",)))
    ),
    "_filter_blocked_deployments": lambda call, pool, chance: call(ROUTER, healthy_deployments=pool),
}
FUNCTIONS: dict[str, Any] = {
    "filter_team_based_models": (
        common_utils,
        lambda call, pool, chance: call(healthy_deployments=pool, request_kwargs=chance.choice(REQUESTS)),
    ),
    "get_order_filtered_deployments": (
        litellm.utils,
        lambda call, pool, chance: call(pool, chance.choice((None, None, 1))),
    ),
}


def both(holder: Any, name: str, call: Any, deployments: Any, seed: int) -> None:
    before = copy.deepcopy(repr(deployments))
    seam = came_to(call, getattr(holder, name), deployments, Random(seed))
    own = came_to(call, bare(holder, name), deployments, Random(seed))
    assert seam == own
    assert repr(deployments) == before


CASES = [(Router, name, call) for name, call in FILTERS.items()] + [
    (module, name, call) for name, (module, call) in FUNCTIONS.items()
]


@pytest.mark.parametrize(("holder", "name", "call"), CASES, ids=lambda case: case if isinstance(case, str) else "")
class TestFilters:
    def test_members_and_errors(self, holder: Any, name: str, call: Any) -> None:
        chance = Random(name)
        for number in range(scaled(2_500)):
            size = chance.choice(SIZES[:4]) if number % 50 else chance.choice(SIZES)
            deployments: Any = pool(chance, size, odd=chance.choice((0.0, 0.0, 0.02, 0.3)))
            if not number % 7 and name in ("_drop_strategy_markers", "_filter_reserved_deployments"):
                deployments = tuple(deployments)
            both(holder, name, call, deployments, number)

    @pytest.mark.parametrize("odd", [{}, None, 5, "ab", ({},), [None], [[]], ["a"]], ids=repr)
    def test_no_list_of_deployments(self, holder: Any, name: str, call: Any, odd: Any) -> None:
        for seed in range(8):
            both(holder, name, call, odd, seed)

    def test_it_runs_natively(self, holder: Any, name: str, call: Any) -> None:
        deployments = [
            {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o"}, "model_info": {"id": f"d{n}"}}
            for n in range(5)
        ]
        attribute = name if holder is not Router else f"Router.{name}"
        with calls_of("routing", attribute) as calls:
            for seed in (1, 2, 3):
                came_to(call, getattr(holder, name), deployments, Random(seed))
        assert calls.native > 0
        assert calls.total == 3

    def test_the_same_list_where_no_order_is_set(self, holder: Any, name: str, call: Any) -> None:
        deployments = [{"litellm_params": {}, "model_info": {}}]
        assert litellm.utils.get_order_filtered_deployments(deployments) is deployments  # type: ignore[arg-type]


def test_debug_lines_are_litellms(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "LiteLLM Router"):
        assert ROUTER._filter_cooldown_deployments([], ["d1"]) == []
    assert any("d1" in record.getMessage() for record in caplog.records)


class Mine(Router):
    @staticmethod
    def _is_strategy_marker_deployment(deployment: Any) -> bool:
        return deployment["model_info"]["id"] == "d1"

    def should_include_deployment(self, model_name: str, model: Any, team_id: str | None = None) -> bool:
        return model["model_info"]["id"] == "d0"  # type: ignore[no-any-return]


class TestOverrides:
    def test_a_subclass_has_its_own(self) -> None:
        mine = Mine(model_list=copy.deepcopy(ROUTER.model_list))
        deployments = [{"litellm_params": {}, "model_info": {"id": f"d{number}"}} for number in range(3)]
        kept = [deployments[0], deployments[2]]
        assert mine._drop_strategy_markers("g", deployments) == kept  # type: ignore[arg-type]
        reserved = mine._filter_reserved_deployments("g", deployments, None)  # type: ignore[arg-type]
        assert reserved == tuple(kept)
        assert len(mine.get_all_deployments("g")) == 1

    def test_an_instance_has_its_own(self) -> None:
        mine: Any = router(2)
        mine._is_strategy_marker_deployment = lambda deployment: False
        deployments = [{"litellm_params": {"model": "auto_router/x"}, "model_info": {"id": "d"}}]
        assert mine._drop_strategy_markers("g", deployments) == deployments
        mine.should_include_deployment = lambda **_: False
        assert mine.get_all_deployments("g") == []

    def test_a_replaced_helper_is_called(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm.router, "classify_strategy_router_model", lambda model: None)
        deployments = [{"litellm_params": {"model": "auto_router/x"}, "model_info": {"id": "d"}}]
        assert ROUTER._drop_strategy_markers("g", deployments) == deployments  # type: ignore[arg-type]
        monkeypatch.setattr(litellm.utils, "get_deployment_order", lambda deployment: len(deployment))
        assert litellm.utils.get_order_filtered_deployments([{"a": 1, "b": 2}, {}]) == [{}]


class TestListing:
    def test_groups(self) -> None:
        chance = Random(11)
        for number in range(scaled(600)):
            mine = copy.copy(ROUTER)
            mine.model_list = pool(chance, chance.choice(SIZES[:5]), odd=chance.choice((0.0, 0.05)))
            mine.model_name_to_deployment_indices = {}
            mine.team_model_to_deployment_indices = {}
            for index, deployment in enumerate(mine.model_list):
                try:
                    mine.model_name_to_deployment_indices.setdefault(deployment["model_name"], []).append(index)
                except KeyError:
                    continue
            if number % 5 == 0:
                mine.model_name_to_deployment_indices["g"] = [0, 3, -1, True, 0]
            if number % 11 == 0:
                mine.team_model_to_deployment_indices = {("t1", "g"): [0]}
            for name in ("g", "h", "none", None):
                for named in ({}, {"team_id": "t1"}, {"team_id": "t2"}, {"model_alias": "a"}):
                    arguments = {"model_name": name, **named}
                    own = came_to(bare(Router, "get_all_deployments"), mine, **arguments)
                    if "model_alias" in named:
                        continue  # copies
                    assert came_to(mine.get_all_deployments, **arguments) == own

    def test_edits_are_seen_at_once(self) -> None:
        mine = router(3)
        assert len(mine.get_all_deployments("g")) == 3
        mine.model_list[1]["model_name"] = "other"
        assert len(mine.get_all_deployments("g")) == 2
        mine.delete_deployment("d0")
        assert [one["model_info"]["id"] for one in mine.get_all_deployments("g")] == ["d2"]

    def test_the_other_name_is_replaced_too(self) -> None:
        assert Router._get_all_deployments is Router.get_all_deployments

    def test_ids(self) -> None:
        chance = Random(3)
        for _ in range(scaled(300)):
            mine = copy.copy(ROUTER)
            mine.model_list = pool(chance, chance.choice(SIZES[:5]), odd=0.05)
            mine.model_id_to_deployment_index_map = {
                chance.choice((f"d{index}", f"d{index}", index)): chance.choice((index, index, 0))
                for index in range(len(mine.model_list) + chance.choice((0, 0, 1)))
            }
            assert came_to(mine.get_model_ids) == came_to(bare(Router, "get_model_ids"), mine)
            assert came_to(mine.get_model_ids, "g") == came_to(bare(Router, "get_model_ids"), mine, "g")

    def test_threads(self) -> None:
        mine = router(100)
        with ThreadPoolExecutor(4) as threads, calls_of("routing", "Router.get_all_deployments") as calls:
            found = list(threads.map(lambda _: mine.get_all_deployments("g"), range(200)))
        assert all(one == mine.model_list for one in found)
        assert calls.native == 200


class TestTags:
    @pytest.mark.parametrize(
        "request_kwargs", [None, {}, {"enable_tag_filtering": True}, {"metadata": {}}], ids=repr
    )
    def test_off_and_on(self, request_kwargs: Any) -> None:
        chance = Random(5)
        seam: Any = tag_based_routing.get_deployments_for_tag
        for _ in range(scaled(150)):
            mine = router(4, enable_tag_filtering=chance.random() < 0.2)
            for one in mine.model_list:
                if chance.random() < 0.1:
                    one["model_info"]["enable_tag_filtering"] = chance.choice((True, False, None))
            healthy = mine.model_list[:3] if chance.random() < 0.9 else []
            arguments = {
                "llm_router_instance": mine,
                "model": chance.choice(("g", "none")),
                "healthy_deployments": healthy,
                "request_kwargs": request_kwargs,
            }
            own = came_to(asyncio.run, seam.__wrapped__(**arguments))
            found = came_to(asyncio.run, litellm.router.get_deployments_for_tag(**arguments))
            assert found == own

    def test_it_runs_natively(self) -> None:
        mine = router(3)
        with calls_of("routing", "get_deployments_for_tag") as calls:
            found = asyncio.run(
                litellm.router.get_deployments_for_tag(
                    llm_router_instance=mine, model="g", healthy_deployments=mine.model_list, request_kwargs={}
                )
            )
        assert found is mine.model_list
        assert calls.native == 1


class Endless:
    """Says that it holds more than any memory."""

    def __len__(self) -> int:
        return 2**50

    def __iter__(self) -> Iterator[Any]:
        return iter(())


@pytest.mark.parametrize("odd", [Endless(), range(2**50), {}, None, 5], ids=lambda odd: type(odd).__name__)
@pytest.mark.parametrize("native", ["callable_deployments", "unreserved_deployments"])
def test_no_room_is_made_for_what_is_no_list(native: str, odd: Any) -> None:
    assert getattr(_accel, native)(odd, "auto_router/") is NotImplemented


class Meddler(str):
    """A key of `model_info` which, when it is compared, changes the Router's index."""

    __slots__ = ("index",)
    index: dict[str, int]

    def __hash__(self) -> int:
        return hash("id")

    def __eq__(self, other: object) -> bool:
        self.index[f"more-{len(self.index)}"] = 0
        return False


def test_an_index_that_changes_while_ids_are_read_is_no_panic() -> None:
    index, key = {"d0": 0, "d1": 0}, Meddler("odd")
    key.index = index
    found = _accel.deployment_ids([{"model_info": {key: 1}}], index)
    assert found == []
    assert len(index) > 2, "nothing was compared"


def test_ids_that_cannot_be_looked_for_are_litellms() -> None:
    class Refuses(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return hash("id")

        def __eq__(self, other: object) -> bool:
            raise ValueError("not to be compared")

    assert _accel.deployment_ids([{"model_info": {Refuses("odd"): 1}}], {"d0": 0}) is NotImplemented
