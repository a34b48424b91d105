"""Apps of FastAPI's with random trees of dependencies, and requests to them."""

from __future__ import annotations

from random import Random
from typing import Any

import httpx
from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
)
from fastapi.security import APIKeyHeader, SecurityScopes
from starlette.requests import HTTPConnection


class Made:
    """An app with random dependencies that write down what they see."""

    def __init__(self, seed: int) -> None:
        self.chance, self.log = Random(seed), list[Any]()
        self.app = FastAPI()
        self.nodes: list[Any] = [APIKeyHeader(name="x-key", auto_error=False), APIKeyHeader(name="x-must")]
        for number in range(self.chance.randrange(1, 9)):
            self.nodes.append(self.node(number))
        for number in range(2):
            self.app.add_api_route(
                f"/{number}/{{where}}",
                self.endpoint(),
                methods=["POST"],
                dependencies=[self.depends() for _ in range(self.chance.randrange(3))],
            )
        if self.chance.random() < 0.2:
            overridden = self.chance.choice(self.nodes)
            # One that needs no other, for that one may need it.
            self.nodes.clear()
            self.app.dependency_overrides[overridden] = self.node(99)

    def depends(self) -> Any:
        node, cached = self.chance.choice(self.nodes), self.chance.random() < 0.8
        if self.chance.random() < 0.2:
            return Security(node, scopes=self.chance.choice([[], ["a"], ["b", "a"]]), use_cache=cached)
        return Depends(node, use_cache=cached)

    def note(self, number: Any, seen: dict[str, Any]) -> Any:
        told = {
            name: type(value).__name__ if isinstance(value, HTTPConnection | Response | BackgroundTasks) else value
            for name, value in seen.items()
        }
        if isinstance(told.get("scopes"), SecurityScopes):
            told["scopes"] = told["scopes"].scopes
        self.log.append((number, told))
        if isinstance(response := seen.get("response"), Response):
            response.headers[f"x-{number}"] = "set"
        if isinstance(tasks := seen.get("tasks"), BackgroundTasks):
            tasks.add_task(self.log.append, ("task", number))
        if self.chance_of_error(number):
            raise HTTPException(418, detail=f"by {number}")
        return f"{number}:{len(self.log)}"

    def chance_of_error(self, number: Any) -> bool:
        return number == 3 and len(self.nodes) % 5 == 0

    def parameters(self) -> dict[str, Any]:
        """Names, with their annotations and defaults."""
        chance, found = self.chance, dict[str, Any]()
        for name, annotation, default in (
            ("request", Request, None),
            ("connection", HTTPConnection, None),
            ("response", Response, None),
            ("tasks", BackgroundTasks, None),
            ("scopes", SecurityScopes, None),
            ("where", str, None),
            ("x_number", int, Header()),
            ("many", list[str], Query(default=[])),
            ("needed", int, Query()),
        ):
            if chance.random() < (0.07 if name == "needed" else 0.25):
                found[name] = (annotation, default)
        for place in range(chance.choice([0, 0, 1, 2, 4]) if self.nodes else 0):
            found[f"below_{place}"] = (Any, self.depends())
        return found

    def node(self, number: int) -> Any:
        return self.function(
            number, self.chance.choice(["async", "async", "async", "sync", "agen", "gen", "object"])
        )

    def endpoint(self) -> Any:
        return self.function("end", self.chance.choice(["async", "sync"]))

    def function(self, number: Any, kind: str) -> Any:
        given = self.parameters()
        spelled = [
            f"{name}: T[{name!r}]" + (f" = D[{name!r}]" if one[1] is not None else "")
            for name, one in given.items()
        ]
        method = ["self"] if kind == "object" else []
        head = ", ".join([*method, *(["*", *spelled] if spelled else [])])
        seen = "{" + ", ".join(f"{name!r}: {name}" for name in given) + "}"
        texts = {
            "async": f"async def made({head}): return note(number, {seen})",
            "sync": f"def made({head}): return note(number, {seen})",
            "agen": f"async def made({head}):\n yield note(number, {seen})\n note('after', {{}})",
            "gen": f"def made({head}):\n yield note(number, {seen})\n note('after', {{}})",
        }
        types = {name: annotation for name, (annotation, _) in given.items()}
        defaults = {name: default for name, (_, default) in given.items()}
        space: dict[str, Any] = {"T": types, "D": defaults, "note": self.note, "number": number}
        exec(texts.get(kind, texts["async"]), space)
        made = space["made"]
        if kind == "object":
            return type("Callable", (), {"__call__": made})()
        return made

    async def asked(self, requests: list[dict[str, Any]]) -> list[Any]:
        """What the answers are, and what was written down on the way."""
        self.log.clear()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        found = []
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for request in requests:
                reply = await client.post(**request)
                found.append((reply.status_code, reply.content, sorted(reply.headers.items())))
        return [*found, *self.log]


def requests_of(chance: Random) -> list[dict[str, Any]]:
    return [
        {
            "url": f"/{chance.randrange(2)}/{chance.choice(['a', 'é', '1'])}",
            "headers": {
                name: value
                for name, value in (("x-key", "k"), ("x-must", "m"), ("x-number", chance.choice(["1", "no"])))
                if chance.random() < 0.8
            },
            "params": {"needed": chance.choice(["1", "no"]), "many": ["a", "b"]} if chance.random() < 0.7 else {},
        }
        for _ in range(3)
    ]


async def posted(app: FastAPI, path: str = "/x", **more: Any) -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        reply = await client.post(path, **more)
        return reply.status_code, reply.json()
