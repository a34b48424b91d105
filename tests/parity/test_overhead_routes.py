"""LiteLLM's route checks, with accel and without: the same for any route, any list, and lists that change."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import litellm.proxy.proxy_server
import pytest
from litellm.proxy._types import LiteLLMRoutes
from litellm.proxy.auth.route_checks import RouteChecks

import accel
from accel.features.overhead import routes
from accel.features.replaced import original_of
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled

assert litellm.proxy.proxy_server  # as in the proxy, everything is imported

ACCESS = "RouteChecks.check_route_access"
LISTS = [member.value for member in LiteLLMRoutes if isinstance(member.value, list)]


class Text(str):
    """A string of somebody's, equal to nothing."""

    __slots__ = ()

    def __eq__(self, _other: object) -> bool:
        return False

    __hash__ = str.__hash__


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        with calls_of("overhead") as calls:
            yield
    assert (calls.failed, calls.mismatched) == (0, 0)


def told(ask: Any, *arguments: Any, **named: Any) -> Any:
    try:
        found = ask(*arguments, **named)
    except Exception as error:  # noqa: BLE001  # compared
        return type(error), str(error)
    return type(found), found


def own(route: Any, allowed: Any) -> Any:
    """LiteLLM's own answer."""
    return told(RouteChecks.check_route_access.__wrapped__, route=route, allowed_routes=allowed)  # type: ignore[attr-defined]


def ours(route: Any, allowed: Any) -> Any:
    return told(RouteChecks.check_route_access, route=route, allowed_routes=allowed)


def entries(chance: Random) -> list[str]:
    return chance.choice(
        [*LISTS, ["/a/*", "/b/{id}", "/c/{p:path}:go", "/d", "", "*", "/(", "/key/{token_id}/regenerate"]]
    )


def some_route(chance: Random, allowed: list[str]) -> str:
    route = chance.choice([*allowed, "/v1/chat/completions", "/", "", "/nowhere"])
    for _ in range(chance.randrange(3)):
        cut = chance.randrange(len(route) + 1)
        route = route[:cut] + chance.choice(["x", "/", "{id}", "*", ":", "\n", "é", "\ud800"]) + route[cut:]
    return route.replace("{", "").replace("}", "") if chance.random() < 0.5 else route


def test_any_route_in_any_list() -> None:
    chance = Random(7)
    with calls_of("overhead", ACCESS) as calls:
        for _ in range(scaled(1500)):
            allowed = entries(chance)
            route = some_route(chance, allowed)
            expected = own(route, allowed)
            assert [ours(route, allowed), ours(route, allowed)] == [expected, expected], (route, allowed)
    assert (calls.failed, calls.mismatched) == (0, 0)


def test_a_request_s_check_is_native() -> None:
    with calls_of("overhead", ACCESS) as calls:
        assert RouteChecks.is_management_route("/v1/chat/completions") is False
        assert RouteChecks.is_management_route("/key/generate") is True
    assert (calls.native, calls.python) == (2, {})


def test_a_list_that_changes_in_place() -> None:
    allowed = ["/a", "/b/{id}"]
    chance = Random(8)
    asked = ["/a", "/b/1", "/c/1/2", "/new"]
    for _ in range(scaled(400)):
        change = chance.randrange(5)
        if change == 0 and allowed:
            del allowed[chance.randrange(len(allowed))]
        elif change == 1:
            allowed.insert(chance.randrange(len(allowed) + 1), chance.choice(["/c/*", "/new", "/b/{x}", "/a"]))
        elif change == 2 and allowed:
            allowed[chance.randrange(len(allowed))] = chance.choice(["/new", "/c/{p:path}"])
        elif change == 3:
            chance.shuffle(allowed)
        for route in asked:
            assert ours(route, allowed) == own(route, allowed), allowed


@pytest.mark.parametrize(
    "allowed", [("/a",), {"/a"}, frozenset({"/a"}), None, 7, "/a/b", [1], [None, "/a"], [Text("/a")]]
)
@pytest.mark.parametrize("route", ["/a", Text("/a"), None, 7, b"/a", ["/a"], "/" + "x" * 300])
def test_odd_values(route: Any, allowed: Any) -> None:
    for _ in range(2):
        assert ours(route, allowed) == own(route, allowed)


def test_a_long_route_of_a_known_list() -> None:
    allowed = ["/a/*"]
    assert ours("/a/b", allowed) == own("/a/b", allowed)
    assert ours("/a/" + "x" * 300, allowed) == (bool, True)


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_MOST_ROUTES", 3)
    monkeypatch.setattr(routes, "_MOST_LISTS", 2)
    for number in range(20):
        allowed = [f"/{number % 4}/*"]
        for place in range(8):
            assert ours(f"/{place}/x", allowed) == (bool, place == number % 4)


def test_mocks_win(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RouteChecks.is_management_route("/nowhere/at/all") is False
    monkeypatch.setattr(RouteChecks, "_route_matches_pattern", staticmethod(lambda route, pattern: True))
    with calls_of("overhead", ACCESS) as calls:
        assert RouteChecks.is_management_route("/nowhere/at/all") is True
    assert calls.native == 0
    monkeypatch.undo()
    assert RouteChecks.is_management_route("/nowhere/at/all") is False
    monkeypatch.setattr(RouteChecks, "check_route_access", staticmethod(lambda route, allowed_routes: "mine"))
    assert RouteChecks.is_management_route("/nowhere/at/all") == "mine"


def test_threads() -> None:
    allowed = [f"/{number}/{{id}}" for number in range(30)]

    def ask(seed: int) -> bool:
        chance = Random(seed)
        asked = [f"/{chance.randrange(60)}/x" for _ in range(200)]
        return all(ours(route, allowed) == (bool, int(route.split("/")[1]) < 30) for route in asked)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(8)))


def test_the_static_method_comes_back() -> None:
    ours_now = vars(RouteChecks)["check_route_access"]
    assert isinstance(ours_now, staticmethod)
    accel.unpatch("overhead")
    try:
        theirs = vars(RouteChecks)["check_route_access"]
        assert original_of(ours_now) is theirs
        accel.patch("overhead")
        assert RouteChecks.check_route_access.__wrapped__ is theirs.__func__  # type: ignore[attr-defined]
        (row,) = (row for row in accel.status().features["overhead"]["seams"] if row["target"].endswith(ACCESS))
        assert row["state"] == "applied"
        accel.unpatch("overhead")
        assert vars(RouteChecks)["check_route_access"] is theirs
    finally:
        accel.patch("overhead")
