"""The proxy's search for a feature that a path is the first to need, with accel and without."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import litellm.proxy.proxy_server
import pytest
from litellm.proxy import _lazy_features
from litellm.proxy._lazy_features import LAZY_FEATURES, LazyFeature, LazyFeatureMiddleware
from starlette.datastructures import State

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled

assert litellm.proxy.proxy_server  # as in the proxy, everything is imported
SEAM = "LazyFeatureMiddleware.__call__"
PREFIXES = [prefix for feature in LAZY_FEATURES for prefix in feature.path_prefixes]
SUFFIXES = [suffix for feature in LAZY_FEATURES for suffix in feature.path_suffixes]


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        yield


class App:
    """FastAPI's, as far as the middleware knows it."""

    def __init__(self) -> None:
        self.state = State()


class World:
    """A middleware, and what it did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, features: Any = LAZY_FEATURES, root: str = "") -> None:
        self.done: list[Any] = []
        self.app = App()
        monkeypatch.setenv("SERVER_ROOT_PATH", root)
        self.middleware = LazyFeatureMiddleware(self.answer, self.app, features)  # type: ignore[arg-type]
        monkeypatch.setattr(_lazy_features, "_force_load", loader(self))
        monkeypatch.setattr(_lazy_features, "_eager_route_wins", lambda app, feature, scope: False)

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.done.append(("answers", scope["type"]))
        if "fail" in scope.get("path", ""):
            raise LookupError("of the application")

    def ask(self, scope: Any) -> None:
        try:
            asyncio.run(self.middleware(scope, None, None))  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001  # compared
            self.done.append((type(error), str(error)))


def scopes(seed: str, number: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(seed)
    ordinary = ["/v1/chat/completions", "/health", "", "/", "/fail", "/apiv2/v1/models", "x", "/V1/AGENTS", "/ä"]
    for _ in range(number):
        path = chance.choice([*ordinary, chance.choice(PREFIXES), chance.choice(SUFFIXES)])
        path = (
            chance.choice(["", "", "/api", "/v1", "/x"])
            + path
            + chance.choice(["", "", "/more", chance.choice(SUFFIXES)])
        )
        scope = {"type": chance.choice(["http", "http", "http", "websocket", "lifespan"]), "path": path}
        if chance.random() < 0.4:
            scope["root_path"] = chance.choice(["", "/", "/api", "/api/", "/v1", "api"])
        if chance.random() < 0.05:
            del scope["path"]
        yield scope


@pytest.mark.parametrize("root", ["", "/api", "/api/", "/"])
def test_the_same_is_loaded(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    ours, theirs = World(monkeypatch, root=root), World(monkeypatch, root=root)
    with calls_of("overhead", SEAM) as calls:
        for number, scope in enumerate(scopes(root, scaled(600))):
            if number % 60 == 0:
                for world in (ours, theirs):
                    world.app.state.lazy_loaded = set()
            # Each loads into its own world.
            monkeypatch.setattr(_lazy_features, "_force_load", loader(ours))
            ours.ask(scope)
            monkeypatch.setattr(_lazy_features, "_force_load", loader(theirs))
            with accel.disabled():
                theirs.ask(scope)
            assert ours.done == theirs.done, scope
    assert calls.native > 200
    assert calls.python
    assert calls.failed == 0
    assert any(step[0] == "loads" for step in ours.done)
    assert (LookupError, "of the application") in ours.done


def loader(world: World) -> Any:
    async def load(app: Any, feature: LazyFeature, features: Any) -> None:
        world.done.append(("loads", feature.name))
        app.state.lazy_loaded.add(feature.module_path)

    return load


CHAT = {"type": "http", "path": "/v1/chat/completions"}


def test_an_ordinary_path_is_answered_natively(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    with calls_of("overhead", SEAM) as calls:
        world.ask(CHAT)
    assert (calls.native, calls.python) == (1, {})


def test_a_path_of_a_loaded_feature_is_answered_natively(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    with calls_of("overhead", SEAM) as calls:
        for _ in range(2):
            world.ask({"type": "http", "path": "/v1/messages"})
    assert (calls.native, calls.python) == (2, {})
    loads = [step for step in world.done if step[0] == "loads"]
    assert len(loads) == len(set(loads)) > 0
    assert world.done[len(loads) :] == [("answers", "http")] * 2


def test_a_route_that_wins_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    asked: list[str] = []
    monkeypatch.setattr(
        _lazy_features, "_eager_route_wins", lambda app, feature, scope: asked.append(feature.name) or True
    )
    for _ in range(2):
        world.ask({"type": "http", "path": "/openai/deployments/a/chat/completions"})
    ours = asked[:]
    asked.clear()
    with accel.disabled():
        for _ in range(2):
            world.ask({"type": "http", "path": "/openai/deployments/a/chat/completions"})
    assert ours == asked
    assert ours


def test_a_failure_to_load_is_the_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)

    async def fails(app: Any, feature: LazyFeature, features: Any) -> None:
        raise LookupError(feature.name)

    monkeypatch.setattr(_lazy_features, "_force_load", fails)
    with calls_of("overhead", SEAM) as calls:
        world.ask({"type": "http", "path": "/v1/messages"})
    ours, world.done = world.done, []
    with accel.disabled():
        world.ask({"type": "http", "path": "/v1/messages"})
    assert ours == world.done
    assert calls.failed == 0


def test_features_of_ones_own_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = replace(LAZY_FEATURES[0], name="mine", path_prefixes=("/v1/chat",))
    world = World(monkeypatch, features=(mine,))
    with calls_of("overhead", SEAM) as calls:
        world.ask(CHAT)
    assert calls.native == 0
    assert world.done == [("loads", "mine"), ("answers", "http")]


def test_a_replaced_question_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    asked: list[str] = []
    monkeypatch.setattr(LazyFeature, "matches", lambda self, path: asked.append(path) or False)
    with calls_of("overhead", SEAM) as calls:
        world.ask(CHAT)
    assert calls.native == 0
    assert len(asked) == len(LAZY_FEATURES)


def test_a_class_derived_from_it_is_litellms(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(LazyFeatureMiddleware):
        pass

    world = World(monkeypatch)
    world.middleware.__class__ = Mine
    with calls_of("overhead", SEAM) as calls:
        world.ask(CHAT)
    assert calls.native == 0
    assert world.done == [("answers", "http")]


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"type": "http", "path": None},
        {"type": "http", "path": b"/agents"},
        {"type": "http", "path": "/a", "root_path": 7},
    ],
    ids=str,
)
def test_what_is_no_scope(monkeypatch: pytest.MonkeyPatch, scope: Any) -> None:
    world = World(monkeypatch)
    world.ask(scope)
    ours, world.done = world.done, []
    with accel.disabled():
        world.ask(scope)
    assert ours == world.done


def test_a_state_that_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.app.state = State()
    world.ask(CHAT)
    ours, world.done = world.done, []
    with accel.disabled():
        world.ask(CHAT)
    assert ours == world.done
    assert ours[0][0] is AttributeError


def test_a_failing_application_is_no_failure_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    with calls_of("overhead", SEAM) as calls:
        world.ask({"type": "http", "path": "/fail"})
    assert (calls.native, calls.failed) == (1, 0)
    assert world.done == [("answers", "http"), (LookupError, "of the application")]
