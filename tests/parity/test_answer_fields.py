"""Answers as FastAPI writes them, with accel and without."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from random import Random
from types import SimpleNamespace
from typing import Any

import anyio
import fastapi.encoders
import fastapi.routing
import litellm.proxy.proxy_server
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from litellm import ModelResponse
from pydantic import BaseModel, ConfigDict, Field

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled

assert litellm.proxy.proxy_server  # as in the proxy, everything is imported

SERIALIZE = "serialize_response"
ours: Any = fastapi.routing.serialize_response
plain: Any = ours.__wrapped__


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        with calls_of("overhead") as calls:
            yield
    assert (calls.failed, calls.mismatched) == (0, 0)


class Colour(enum.Enum):
    RED = "red"


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    named: Any = Field(default=None, alias="other")


class Told(Loose):
    """Its `model_dump` says what it is given."""

    def model_dump(self, **named: Any) -> Any:
        assert named == {
            "mode": "json",
            "include": None,
            "exclude": None,
            "by_alias": True,
            "exclude_unset": False,
            "exclude_none": False,
            "exclude_defaults": False,
        }
        return self.named


class Text(str):
    __slots__ = ()


def nested(depth: int) -> Any:
    return {"in": nested(depth - 1)} if depth else 1


def shape(value: Any) -> Any:
    """The value with its types; dictionaries with their order."""
    if isinstance(value, dict):
        return type(value), [(shape(key), shape(part)) for key, part in value.items()]
    if isinstance(value, list):
        return type(value), [shape(part) for part in value]
    return type(value), repr(value)


def outcome(function: Any, answer: Any) -> Any:
    async def asked() -> Any:
        return await function(response_content=answer)

    try:
        return shape(anyio.run(asked))
    except RecursionError:
        return RecursionError
    except Exception as error:  # noqa: BLE001  # whatever FastAPI raises
        return type(error), str(error)


def endless() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


ODD: list[Any] = [
    {1: "one", "_sa": 1, "_sa_state": object(), "x": None},
    {"_sa_instance": object(), "kept": [1, {"_sax": 1, "sa": 2}]},
    {"a": (1, 2), "b": {3}, "c": PurePosixPath("/x"), "d": Colour.RED},
    {"t": datetime(2026, 1, 1, tzinfo=UTC), "s": Text("s"), Text("k"): 1, "n": float("nan")},
    [Loose(other=1), SimpleNamespace(a=1)],
    {"bad": object.__new__(object)},
    {Colour.RED: 1, "a": True},
    nested(49),
    nested(50),
    nested(51),
    nested(80),
    endless(),
    "text",
    None,
    3,
    (),
    b"bytes",
    b"\xff",
]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_fields(number: int) -> None:
    for answer in (Told(other=ODD[number]), Loose(other=ODD[number], more=ODD[number]), ODD[number]):
        with calls_of("overhead", SERIALIZE) as calls:
            assert outcome(ours, answer) == outcome(plain, answer)
        assert calls.native == 1


def test_random_fields() -> None:
    chance = Random(5)
    leaves: list[Any] = [None, True, 0, -1.5, "", "é", "_sa", float("inf")]

    def made(depth: int) -> Any:
        kind = chance.randrange(4) if depth else 0
        if kind < 2:
            return chance.choice(leaves)
        parts = [made(depth - 1) for _ in range(chance.randrange(4))]
        if kind == 2:
            return parts
        return dict(zip(chance.sample(["a", "b", "_sa", "_s", "_sab", ""], len(parts)), parts, strict=True))

    for _ in range(scaled(300)):
        value = made(5)
        assert outcome(ours, Told(other=value)) == outcome(plain, Told(other=value))
        assert outcome(ours, Loose(more=value)) == outcome(plain, Loose(more=value))


def test_the_fields_are_new() -> None:
    held = {"a": {"b": [1]}}
    found = anyio.run(lambda: ours(response_content=Told(other=held)))
    assert found == held
    assert found is not held
    assert found["a"] is not held["a"]
    assert found["a"]["b"] is not held["a"]["b"]


def test_models_of_litellm() -> None:
    answers = [ModelResponse(), litellm.EmbeddingResponse(), litellm.TextCompletionResponse()]
    answers.append(ModelResponse(model="x", choices=[{"message": {"content": "é", "tool_calls": None}}]))
    for answer in answers:
        assert outcome(ours, answer) == outcome(plain, answer)


def test_a_model_that_fails() -> None:
    class Failing(BaseModel):
        def model_dump(self, **_named: Any) -> Any:
            raise LookupError("not mine")

    assert outcome(ours, Failing()) == outcome(plain, Failing()) == (LookupError, "not mine")


@pytest.mark.parametrize("module", [fastapi.routing, fastapi.encoders])
def test_a_replaced_encoder_wins(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "jsonable_encoder", lambda _value, **_named: "theirs")
    assert outcome(ours, Loose()) == outcome(plain, Loose()) == (str, "'theirs'")


def test_through_an_app() -> None:
    app = FastAPI()

    @app.get("/loose")
    async def loose() -> Any:
        return Loose(other=1, _sa_x=2, deep={"a": [Colour.RED]})

    @app.get("/typed", response_model=Loose, response_model_exclude_none=True)
    def typed() -> Any:
        return Loose(other=None, x=1)

    with TestClient(app) as client:
        for path in ("/loose", "/typed"):
            found = []
            for mode in ("on", "off"):
                accel.set_flag("overhead", mode=mode)
                answer = client.get(path)
                found.append((answer.status_code, answer.headers, answer.content))
            assert found[0] == found[1]
            assert found[0][0] == 200
