"""Native code that fails in the Router: LiteLLM's answer, and what was counted is counted once."""

from __future__ import annotations

import asyncio
import copy
import datetime
import inspect
import random
from collections.abc import Callable, Iterator
from typing import Any

import litellm
import pytest
from litellm import Router
from litellm.caching.dual_cache import DualCache
from litellm.router_strategy import lowest_cost, lowest_latency, lowest_tpm_rpm, lowest_tpm_rpm_v2

from accel import _accel, native
from accel.features.routing import FEATURE
from accel.fingerprint import live
from support.junctions import calls, make
from support.live import kept_flags
from support.routers import on

MINUTE = datetime.datetime(2026, 1, 1, 12, 30)
DEPLOYMENT: dict[str, Any] = {
    "model_name": "g",
    "litellm_params": {"model": "openai/gpt-4o", "api_key": "k", "tpm": 50, "rpm": 7},
    "model_info": {"id": "d0"},
}
USED = {
    "deployment_id": "d0",
    "deployment_name": "openai/gpt-4o",
    "model_group": "g",
    "total_tokens": 12,
    "rpm_increment": 1,
    "parent_otel_span": None,
}
LOGGED = {
    "call_type": "acompletion",
    "standard_logging_object": {"total_tokens": 12},
    "litellm_params": {
        "metadata": {"model_group": "g", "deployment": "openai/gpt-4o"},
        "model_info": {"id": "d0"},
    },
}
COOLING = {"exception_received": "x", "status_code": "500", "timestamp": 2e10, "cooldown_time": 60.0}
MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture(autouse=True)
def same_minute(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(litellm.router, "get_utc_datetime", lambda: MINUTE)
    with kept_flags(), on():
        yield


V2 = lowest_tpm_rpm_v2.LowestTPMLoggingHandler_v2


class World:
    """What a call may read and change."""

    def __init__(self) -> None:
        self.router = Router(model_list=[copy.deepcopy(DEPLOYMENT)])
        self.cooldowns = self.router.cooldown_cache
        self.cooldowns.in_memory_cache.set_cache("deployment:d0:cooldown", dict(COOLING), ttl=60)
        self.group = self.router.model_list
        self.cache = DualCache()
        self.map: dict[str, Any] = {}
        self.request: dict[str, Any] = {"metadata": {}}

    def handler(self, kind: Any) -> Any:
        if kind is not V2:
            return kind(router_cache=self.cache)
        made = V2.__new__(V2)  # without the task that its making starts
        made.router_cache = self.cache
        return made

    def changed(self) -> Any:
        kept = [self.router.cache, self.cache, self.cooldowns.cooldown_store]
        return [cache.in_memory_cache.cache_dict for cache in kept], self.map, self.request, self.group


Call = Callable[[World, Any], Any]
SCENES: dict[str, tuple[str, Call]] = {
    "_drop_strategy_markers": ("callable_deployments", lambda w, f: f(w.router, "g", w.group)),
    "_filter_reserved_deployments": ("unreserved_deployments", lambda w, f: f(w.router, "g", w.group, None)),
    "filter_team_based_models": ("teamless_deployments", lambda w, f: f(w.group, w.request)),
    "_filter_cooldown_deployments": ("deployments_outside", lambda w, f: f(w.router, w.group, ["d1"])),
    "_filter_blocked_deployments": ("unblocked_deployments", lambda w, f: f(w.router, w.group)),
    "get_order_filtered_deployments": ("first_in_order", lambda w, f: f(w.group)),
    "get_all_deployments": ("group_deployments", lambda w, f: f(w.router, "g")),
    "get_deployments_for_tag": ("none_sets", lambda w, f: f(w.router, "g", w.group, w.request)),
    "get_model_ids": ("deployment_ids", lambda w, f: f(w.router)),
    "async_get_active_cooldowns": ("are_texts", lambda w, f: f(w.cooldowns, ["d0", "d1"], None)),
    "get_active_cooldowns": ("are_texts", lambda w, f: f(w.cooldowns, ["d0", "d1"], None)),
    "_increment_deployment_usage": ("any_holds", lambda w, f: f(w.router, **USED)),
    "deployment_callback_on_success": (
        "FieldKinds",
        lambda w, f: f(w.router, copy.deepcopy(LOGGED), None, MINUTE, MINUTE),
    ),
    "_pre_call_checks": (
        "FieldKinds",
        lambda w, f: f(w.router, "g", w.group, MESSAGES, request_kwargs=w.request),
    ),
    "_pre_call_checks_need_token_count": ("FieldKinds", lambda w, f: f(w.router, "g", w.group)),
    "simple_shuffle": ("shuffle_weights", lambda w, f: f(lambda model: None, w.group, "g", w.request)),
    "_get_available_deployments": (
        "lowest_latency",
        lambda w, f: f(
            w.handler(lowest_latency.LowestLatencyLoggingHandler), "g", w.group, MESSAGES, None, w.request, w.map
        ),
    ),
    "async_get_available_deployments": (
        "lowest_cost",
        lambda w, f: f(w.handler(lowest_cost.LowestCostLoggingHandler), "g", w.group, MESSAGES),
    ),
    "get_available_deployments": (
        "lowest_usage",
        lambda w, f: f(w.handler(lowest_tpm_rpm.LowestTPMLoggingHandler), "g", w.group, MESSAGES),
    ),
    "_common_checks_available_deployment": (
        "lowest_window_usage",
        lambda w, f: f(w.handler(V2), "g", w.group, ["d0:x"], [3], ["d0:x"], [None], MESSAGES),
    ),
    "usage_counter_keys": ("usage_window_keys", lambda w, f: f(w.handler(V2), w.group)),
}
"""By the seam's function: what fails of the native module, and a call."""
SWALLOWED = {"_pre_call_checks", "_pre_call_checks_need_token_count"}
"""They decline where anything was raised, for what LiteLLM logs of it LiteLLM must do."""
SEAMS = {seam.attribute.rpartition(".")[2]: seam for seam in FEATURE.seams}


class Broken:
    """The native module with one name whose work, done or not, ends in an exception."""

    def __init__(self, name: str, error: BaseException, *, late: bool) -> None:
        self._name, self._error, self._late = name, error, late
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(_accel, name)
        if name != self._name:
            return found
        return BrokenKinds(self) if name == "FieldKinds" else self.failing(found)

    def failing(self, work: Any) -> Any:
        def fails(*arguments: Any) -> Any:
            self.failures += 1
            if self._late:
                work(*arguments)
            raise self._error

        return fails


class BrokenKinds:
    """Makes tables that answer nothing."""

    def __init__(self, broken: Broken) -> None:
        self._broken = broken

    def __getattr__(self, name: str) -> Any:
        return getattr(_accel.FieldKinds, name)

    def __call__(self, *arguments: Any) -> Any:
        made, failing = _accel.FieldKinds(*arguments), self._broken.failing
        return type("Table", (), {"fit": staticmethod(failing(made.fit)), "is_plain": staticmethod(made.is_plain)})


def outcome(scene: Call, function: Any) -> Any:
    world = World()
    random.seed(3)
    answer = scene(world, function)
    if inspect.isawaitable(answer):

        async def awaited() -> Any:
            return await answer

        answer = asyncio.run(awaited())
    return repr(answer), repr(world.changed())


ERRORS = [ValueError("broken"), _accel.PanicException("broken")]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", ERRORS, ids=["raised", "panicked"])
@pytest.mark.parametrize("name", SCENES)
def test_litellm_answers(name: str, error: BaseException, late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_name, scene = SCENES[name]
    seam, original = SEAMS[name], live(SEAMS[name].target).__wrapped__
    broken, junction = Broken(broken_name, error, late=late), make(replayable=FEATURE.replayable)
    with monkeypatch.context() as patch:
        patch.setattr(native, "module", broken)
        replacement = seam.build(junction, original)
    assert outcome(scene, replacement) == outcome(scene, original)
    assert broken.failures == 1, "the test breaks nothing"
    declined = name in SWALLOWED and isinstance(error, Exception)
    assert calls(junction).get("failed_by") == (None if declined else {type(error).__name__: 1})


def test_every_short_seam_is_broken_here() -> None:
    others = {"copy", "_score_and_classify", "_keyword_matches"}
    # These are LiteLLM's own functions with one expression replaced.
    others |= {"_is_prompt_management_model", "_handle_mock_testing_rate_limit_error"}
    assert set(SCENES) == {seam.attribute.rpartition(".")[2] for seam in FEATURE.seams} - others


def test_what_redis_refuses_is_raised_and_counted_by_nobody_twice() -> None:
    world, tries = World(), 0

    async def refused(**_: Any) -> Any:
        nonlocal tries
        tries += 1
        raise ConnectionError("refused")

    world.router.cache.async_increment_cache_pipeline = refused  # type: ignore[method-assign]
    with pytest.raises(ConnectionError, match="refused"):
        asyncio.run(world.router._increment_deployment_usage(**USED))
    assert tries == 1


def test_a_call_that_litellm_refuses_fails_as_litellms_does() -> None:
    seam, junction = SEAMS["simple_shuffle"], make(replayable=FEATURE.replayable)
    shuffle = seam.build(junction, live(seam.target).__wrapped__)
    with pytest.raises(TypeError):
        shuffle(World().group)

    def unknown(model: str) -> str:
        raise KeyError(model)

    with pytest.raises(KeyError, match="g"):
        shuffle(unknown, World().group, "g", {})
