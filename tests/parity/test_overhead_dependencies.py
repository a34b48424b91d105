"""FastAPI's dependencies, solved with accel and without: the same calls in the same order, values, and errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import fastapi.dependencies.utils as utils
import fastapi.routing
import httpx
import litellm.proxy.proxy_server
import pytest
from fastapi import (
    APIRouter,
    Cookie,
    Depends,
    FastAPI,
    Header,
    Request,
    Response,
    Security,
    WebSocket,
)
from fastapi.security import APIKeyHeader
from fastapi.testclient import TestClient
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection

import accel
from accel.features.replaced import original_of
from support.calls import calls_of
from support.dependency_trees import Made, posted, requests_of
from support.live import kept_flags
from support.scale import scaled

assert litellm.proxy.proxy_server  # the proxy's own routes were made with the seam in

SOLVE = "solve_dependencies"


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        with calls_of("overhead") as calls:
            yield
    assert (calls.failed, calls.mismatched) == (0, 0)


def test_random_dependencies() -> None:
    statuses = set()
    with calls_of("overhead", SOLVE) as calls:
        for seed in range(scaled(80)):
            made, requests = Made(seed), requests_of(Random(-seed))
            found = asyncio.run(made.asked(requests))
            with accel.disabled("overhead"):
                assert found == asyncio.run(made.asked(requests)), seed
            statuses |= {reply[0] for reply in found[:3]}
    assert calls.native > scaled(80)
    assert {200, 401, 422} <= statuses


def test_the_objects_are_fastapis() -> None:
    """The values, the errors and the cache, as FastAPI's own function gives them."""
    key = APIKeyHeader(name="x-key", auto_error=False)

    once, scoped = Depends(key), Security(key, scopes=["a"])

    async def inner(request: Request, one: Any = once, two: Any = scoped) -> Any:
        return one, two

    first, second = Depends(inner), Depends(inner)

    async def outer(response: Response, one: Any = first, two: Any = second) -> None: ...

    app = FastAPI()
    app.add_api_route("/x", outer, methods=["POST"])
    (route,) = (route for route in app.routes if getattr(route, "path", "") == "/x")
    plain: Any = utils.solve_dependencies.__wrapped__  # type: ignore[attr-defined]

    async def solved(solve: Any) -> Any:
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as stack:
            scope = {
                "type": "http",
                "path": "/x",
                "query_string": b"",
                "headers": [(b"x-key", b"secret")],
                "fastapi_inner_astack": stack,
                "fastapi_function_astack": stack,
            }
            request = Request(scope)
            found = await solve(
                request=request,
                dependant=route.dependant,  # type: ignore[attr-defined]
                async_exit_stack=stack,
                embed_body_fields=False,
            )
            values = {**found.values, "response": found.values["response"] is found.response}
            response = found.response.status_code, found.response.raw_headers
            return (
                type(found),
                values,
                found.errors,
                found.background_tasks,
                response,
                found.dependency_cache,
                [*vars(request)],
            )

    assert asyncio.run(solved(utils.solve_dependencies)) == asyncio.run(solved(plain))


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"request": None, "dependant": None, "async_exit_stack": None},
        {"request": None, "dependant": None, "async_exit_stack": None, "embed_body_fields": False, "more": 1},
        {
            "request": Request({"type": "http"}),
            "dependant": None,
            "async_exit_stack": None,
            "embed_body_fields": False,
        },
    ],
)
def test_called_wrongly(named: dict[str, Any]) -> None:
    errors = []
    for solve in (utils.solve_dependencies, utils.solve_dependencies.__wrapped__):  # type: ignore[attr-defined]
        with pytest.raises((TypeError, AttributeError, AssertionError)) as error:
            asyncio.run(solve(**named))
        errors.append((type(error.value), str(error.value)))
    assert errors[0] == errors[1]


def test_an_error_of_a_dependency_is_an_answer_and_nothing_runs_twice() -> None:
    ran: list[str] = []

    class Mine(BaseException):
        pass

    async def fails() -> None:
        ran.append("failed")
        raise ZeroDivisionError("mine")

    async def first() -> None:
        ran.append("first")

    app = FastAPI()

    @app.post("/x", dependencies=[Depends(first), Depends(fails)])
    async def end() -> None:
        ran.append("end")

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            await client.post("/x")

    with calls_of("overhead", SOLVE) as calls, pytest.raises(ZeroDivisionError, match="mine"):
        asyncio.run(ask())
    assert ran == ["first", "failed"]
    assert (calls.native, calls.failed) == (1, 0)


def test_a_cancelled_request() -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    app = FastAPI()

    @app.post("/x", dependencies=[Depends(waits)])
    async def end() -> None: ...

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            task = asyncio.create_task(client.post("/x"))
            await asyncio.sleep(0)
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)
            assert task.cancelled()

    with calls_of("overhead", SOLVE) as calls:
        asyncio.run(ask())
    assert calls.failed == 0


def test_overrides_that_come_while_a_request_is_solved() -> None:
    async def key() -> str:
        return "own"

    async def other() -> str:
        return "override"

    async def switch() -> None:
        app.dependency_overrides[key] = other

    app = FastAPI()

    @app.post("/x", dependencies=[Depends(switch)])
    async def end(found: str = Depends(key)) -> str:
        return found

    async def ask() -> Any:
        app.dependency_overrides.clear()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return (await client.post("/x")).json()

    assert asyncio.run(ask()) == "override"
    with accel.disabled("overhead"):
        assert asyncio.run(ask()) == "override"


def test_mocks_win(monkeypatch: pytest.MonkeyPatch) -> None:
    app = FastAPI()

    @app.post("/x")
    async def end(x_key: str = Header(default="")) -> str:
        return x_key

    async def ask() -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return (await client.post("/x")).json()

    monkeypatch.setattr(utils, "request_params_to_args", lambda fields, given: ({"x_key": "mine"}, []))
    with calls_of("overhead", SOLVE) as calls:
        assert asyncio.run(ask()) == "mine"
    assert calls.native == 0


def test_a_wrapper_of_somebodys_sees_each_dependency(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI's function calls itself by its global name, from whichever name it was called."""
    seen: list[Any] = []
    ours = utils.solve_dependencies

    async def wrapper(**named: Any) -> Any:
        seen.append(named["dependant"].call)
        return await ours(**named)

    async def inner() -> None: ...

    first = Depends(inner)

    async def outer(one: Any = first) -> None: ...

    app = FastAPI()

    @app.post("/x", dependencies=[Depends(outer)])
    async def end() -> None: ...

    monkeypatch.setattr(utils, "solve_dependencies", wrapper)
    asyncio.run(posted(app))
    with_accel = seen[:]
    seen.clear()
    with accel.disabled("overhead"):
        asyncio.run(posted(app))
    assert with_accel == seen == [outer, inner]


def test_a_dependency_that_changes_the_request() -> None:
    async def changes(request: Request) -> None:
        request.scope["path_params"] = {"where": "elsewhere"}
        del request._headers
        request.scope["headers"] = [(b"x-mine", b"set")]
        request._cookies = {"biscuit": "crumbs"}
        request._query_params = QueryParams("asked=again")

    app = FastAPI()

    @app.post("/x/{where}", dependencies=[Depends(changes)])
    async def end(
        where: str, asked: str = "", x_mine: str = Header(default=""), biscuit: str = Cookie(default="")
    ) -> list[str]:
        return [where, asked, x_mine, biscuit]

    found = asyncio.run(posted(app, "/x/here?asked=once"))
    with accel.disabled("overhead"):
        assert asyncio.run(posted(app, "/x/here?asked=once")) == found
    assert found == (200, ["elsewhere", "again", "set", "crumbs"])


def test_mounted_routers_and_websockets() -> None:
    async def number(connection: HTTPConnection) -> str:
        return connection.url.path

    inner, router, app = FastAPI(), APIRouter(dependencies=[Depends(number)]), FastAPI()

    @router.post("/x")
    async def end(found: str = Depends(number)) -> str:
        return found

    @inner.websocket("/ws")
    async def talk(websocket: WebSocket, found: str = Depends(number)) -> None:
        await websocket.accept()
        await websocket.send_text(found)
        await websocket.close()

    inner.include_router(router)
    app.mount("/in", inner)
    app.include_router(router, prefix="/out")

    def found() -> list[Any]:
        with TestClient(app) as client, client.websocket_connect("/in/ws") as socket:
            return [client.post("/in/x").json(), client.post("/out/x").json(), socket.receive_text()]

    ours = found()
    with accel.disabled("overhead"):
        assert found() == ours
    assert ours == ["/in/x", "/out/x", "/in/ws"]


def test_overrides_between_requests() -> None:
    async def key() -> str:
        return "own"

    app = FastAPI()

    @app.post("/x")
    async def end(found: str = Depends(key)) -> str:
        return found

    for override in (None, lambda: "first", None, lambda: "second"):
        app.dependency_overrides.clear()
        if override:
            app.dependency_overrides[key] = override
        assert asyncio.run(posted(app)) == (200, override() if override else "own")


def test_both_names_come_back() -> None:
    ours = fastapi.routing.solve_dependencies
    assert utils.solve_dependencies is ours
    accel.unpatch("overhead")
    try:
        assert fastapi.routing.solve_dependencies is utils.solve_dependencies is original_of(ours)
    finally:
        accel.patch("overhead")
