"""Routers and deployments by chance, plain and odd, and what a call on them comes to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import MappingProxyType
from typing import Any

import litellm
import litellm.router
from litellm import Router

import accel
from support.calls import calls_of

SIZES = (0, 1, 2, 10, 100, 1_000)


_LISTENERS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "service_callback",
    "_async_success_callback",
    "_async_failure_callback",
)


class Text(str):
    """No plain text."""

    __slots__ = ()


@contextmanager
def on() -> Iterator[None]:
    """Every call of the Router's native, none sampled; afterwards no defect on the account.

    Each Router listens to events of LiteLLM; after the block those made in it do not.
    """
    before = {name: list(getattr(litellm, name)) for name in _LISTENERS}
    with calls_of("routing") as calls:
        for feature in ("routing", "caching"):
            accel.set_flag(feature, mode="on", percent=100, verify_percent=0)
        try:
            yield
        finally:
            for name, listeners in before.items():
                getattr(litellm, name)[:] = listeners
    assert (calls.failed, calls.mismatched) == (0, 0)


def bare(value: Any, attribute: str) -> Any:
    """LiteLLM's own function behind a seam."""
    return getattr(value, attribute).__wrapped__


def deployment(chance: Random, number: int, *, odd: float = 0.0) -> Any:
    """One as the Router keeps it, with fields that filters look at; with a chance of `odd` something strange."""
    params: Any = {"model": chance.choice(("openai/gpt-4o", "azure/x", "auto_router/complexity_router", "gpt-4"))}
    if chance.random() < 0.9:
        params["model"] = "openai/gpt-4o"
    info: Any = {"id": f"d{number}"}
    if chance.random() < 0.1:
        params["order"] = chance.choice((1, 2, -3, None))
    if chance.random() < 0.05:
        info["order"] = chance.choice((0, 5, None))
    if chance.random() < 0.1:
        info["blocked"] = chance.choice((True, False, None, 1, "true"))
    if chance.random() < 0.03:
        info["team_id"] = chance.choice(("t1", "t2", None))
        info["team_public_model_name"] = chance.choice(("g", "h"))
    if chance.random() < 0.03:
        info["access_windows"] = None
    if chance.random() < 0.02:
        info["enable_tag_filtering"] = chance.choice((None, False))
    made: Any = {"model_name": chance.choice(("g", "g", "g", "h")), "litellm_params": params, "model_info": info}
    return oddity(chance, made) if chance.random() < odd else made


def oddity(chance: Random, made: Any) -> Any:
    """The deployment with one thing that is not what filters expect."""
    kind = chance.randrange(16)
    match kind:
        case 0:
            made["litellm_params"] = None
        case 1:
            del made["litellm_params"]
        case 2:
            made["model_info"] = None
        case 3:
            del made["model_info"]
        case 4:
            made["model_info"]["id"] = chance.choice((None, 7, Text("d1"), ["x"]))
        case 5:
            del made["model_info"]["id"]
        case 6:
            made["litellm_params"]["model"] = chance.choice((None, Text("auto_router/x"), 5, "auto_router/x"))
        case 7:
            made["litellm_params"]["order"] = chance.choice((1.5, "2", True, 2**70))
        case 8:
            return OrderedDict(made)
        case 9:
            return MappingProxyType(made)
        case 10:
            made["litellm_params"] = OrderedDict(made["litellm_params"])
        case 11:
            made["model_info"] = MappingProxyType(made["model_info"])
        case 12:
            made["model_info"]["access_windows"] = chance.choice(([], "soon"))
        case 13:
            made["model_name"] = chance.choice((None, Text("g"), 3))
        case 14:
            made["model_info"]["team_id"] = chance.choice((Text("t1"), 4, ""))
        case _:
            made["model_info"]["enable_tag_filtering"] = chance.choice((True, False, 0, "yes"))
    return made


def pool(chance: Random, size: int, *, odd: float = 0.0) -> list[Any]:
    return [deployment(chance, number, odd=odd) for number in range(size)]


def router(size: int, **settings: Any) -> Router:
    """With deployments of one model that answer by themselves."""
    models = [
        {
            "model_name": "g",
            "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-none", "mock_response": "Hello."},
            "model_info": {"id": f"d{number}"},
        }
        for number in range(size)
    ]
    return Router(model_list=models, **settings)


def told(value: Any) -> Any:
    """A value with the members of a list known by which objects they are."""
    if isinstance(value, list | tuple):
        return type(value), [
            id(member) if isinstance(member, dict | MappingProxyType) else member for member in value
        ]
    return type(value), value


def came_to(function: Any, *arguments: Any, **named: Any) -> Any:
    """What a call gave, or the class and message that it raised."""
    try:
        return told(function(*arguments, **named))
    except Exception as error:  # noqa: BLE001  # an error is a result to compare
        return type(error), str(error)


ROUTER = litellm.router.Router
