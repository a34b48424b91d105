"""What FastAPI calls as a dependency: odd callables, with accel and without."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any

import litellm.proxy.proxy_server
import pytest
from fastapi import (
    Depends,
    FastAPI,
    Request,
)

import accel
from support.calls import calls_of
from support.dependency_trees import posted
from support.live import kept_flags

assert litellm.proxy.proxy_server  # the proxy's own routes were made with the seam in

SOLVE = "solve_dependencies"


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        with calls_of("overhead") as calls:
            yield
    assert (calls.failed, calls.mismatched) == (0, 0)


class TestOddCallables:
    """What FastAPI awaits, runs in a thread, or makes an object of; contexts included."""

    variable: ContextVar[str] = ContextVar("variable", default="unset")

    def told(self, *dependencies: Any) -> Any:
        app = FastAPI()

        @app.post("/x", dependencies=[Depends(one) for one in dependencies])
        async def end(request: Request) -> list[Any]:
            return [self.variable.get(), getattr(request.state, "seen", None)]

        found = asyncio.run(posted(app))
        with accel.disabled("overhead"):
            assert asyncio.run(posted(app)) == found
        return found

    def test_what_an_async_dependency_sets_is_seen_afterwards(self) -> None:
        async def sets() -> None:
            self.variable.set("by a dependency")

        assert self.told(sets) == (200, ["by a dependency", None])

    def test_what_a_thread_sets_is_not(self) -> None:
        self.told(lambda: self.variable.set("by a thread"))

    def test_generators(self) -> None:
        async def sets() -> Any:
            self.variable.set("by a generator")
            yield

        assert self.told(sets)[0] == 200

    def test_partials_classes_methods_and_objects(self) -> None:
        class Made:
            def __init__(self, request: Request) -> None:
                request.state.seen = "by a class"

        class Called:
            async def __call__(self, request: Request) -> None:
                request.state.seen = "by an object"

            async def method(self, request: Request) -> None:
                request.state.seen = "by a method"

            @staticmethod
            async def static(request: Request) -> None:
                request.state.seen = "by a static method"

        async def taken(request: Request, what: str) -> None:
            request.state.seen = what

        @functools.wraps(taken)
        def wrapped(request: Request, what: str = "wrapped") -> Any:
            return taken(request, what)

        for one in (
            Made,
            Called(),
            Called().method,
            Called.static,
            functools.partial(taken, what="by a partial"),
            functools.partial(
                functools.partial(Called()),
            ),
        ):
            status, (_, seen) = self.told(one)
            assert (status, seen is None) == (200, False), one

    def test_an_object_that_cannot_be_remembered(self) -> None:
        class Called:
            __hash__ = None  # type: ignore[assignment]

            async def __call__(self) -> None: ...

        errors = []
        for off in (False, True):
            app = FastAPI()

            @app.post("/x", dependencies=[Depends(Called())])
            async def end() -> None: ...

            with pytest.raises(TypeError) as error, accel.disabled("overhead") if off else nullcontext():
                asyncio.run(posted(app))
            errors.append(str(error.value))
        assert errors[0] == errors[1]
