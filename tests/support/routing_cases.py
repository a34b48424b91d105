"""Random deployments and what the Router's strategies have counted of them, plain and odd."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

MODELS = ("gpt-4o", "gpt-4o-mini", "azure/gpt-4o", "openai/unheard-of", "claude-3-5-sonnet-20240620", "")
LIMITS = (None, 0, 1, 2, 30, 1_000, 10**9, 0.0, 25.5, float("inf"))
ODD_NUMBERS: tuple[Any, ...] = (
    "7",
    True,
    False,
    -1,
    -2.5,
    2**60,
    2**53 + 1,
    float("nan"),
    float("-inf"),
    [3],
    b"1",
)
TEXTS = (None, "", "a word", "several words, in fact", ["one", "two words"])


def number(chance: Random, plain: tuple[Any, ...], odd: float) -> Any:
    return chance.choice(ODD_NUMBERS) if chance.random() < odd else chance.choice(plain)


def deployment(chance: Random, place: int, odd: float) -> dict[str, Any]:
    """One; `odd` is the share of figures that no Router would hold."""
    ident: Any = f"id-{place}"
    if chance.random() < odd:
        ident = chance.choice([place, f"{ident}:x", None, ("id",), "id-0", "id-1", "\ud800"])
    params: dict[str, Any] = {"model": chance.choice(MODELS)}
    info: dict[str, Any] = {"id": ident}
    made: dict[str, Any] = {"model_name": "group", "litellm_params": params, "model_info": info}
    for name in ("tpm", "rpm"):
        for block in (made, params, info):
            if chance.random() < 0.15:
                block[name] = number(chance, LIMITS, odd)
    if chance.random() < 0.8:
        params["api_base"] = chance.choice(["http://a", f"http://{place}", None, ""])
    for name in ("input_cost_per_token", "output_cost_per_token"):
        if chance.random() < 0.2:
            params[name] = number(chance, (None, 0, 0.0, 1e-6, 3e-5, 2), odd)
    for block in (params, info):
        if chance.random() < 0.1:
            block["base_model"] = chance.choice([None, *MODELS])
    if chance.random() < odd:
        _spoil(chance, made)
    return made


def _spoil(chance: Random, made: dict[str, Any]) -> None:
    block = chance.choice([made, made["litellm_params"], made["model_info"]])
    what = chance.randrange(6)
    if what == 0:
        block.pop(chance.choice(list(block)))
    elif what == 1:
        block[chance.choice(list(block))] = chance.choice([None, 5, [], "x", {}])
    elif what == 2:
        block[chance.choice([1, None, b"model", ("a",)])] = 1
    elif what == 3:
        made["litellm_params"] = chance.choice([None, Mapped(made["litellm_params"]), []])
    elif what == 4:
        made["litellm_params"]["api_base"] = chance.choice([[], 5, b"a", {}])
    else:
        made["model_info"] = Mapped(made["model_info"])


class Mapped(dict[str, Any]):
    """A dict that is none exactly."""


def deployments(chance: Random, size: int, odd: float = 0.0) -> list[Any]:
    """A group. Sometimes an id occurs twice."""
    made = [deployment(chance, place, odd) for place in range(size)]
    if size > 1 and chance.random() < 0.05:
        made[chance.randrange(size)] = deployment(chance, chance.randrange(size), odd)
    return made


def ident(one: Any) -> Any:
    info = one.get("model_info")
    return info.get("id") if isinstance(info, dict) else None


def keys(chance: Random, group: list[Any]) -> list[Any]:
    """Some ids of the group and some that nobody has, in any order."""
    found = [ident(one) for one in group if chance.random() < 0.8]
    found += [f"stale-{place}" for place in range(chance.choice([0, 0, 1, 4]))]
    chance.shuffle(found)
    return [one for one in found if one.__hash__ is not None]


def minutes() -> list[str]:
    """This one and its neighbours, as the maps are keyed by."""
    now = datetime.now()
    return [(now + timedelta(minutes=offset)).strftime("%Y-%m-%d-%H-%M") for offset in (0, -1, 1)]


def used(chance: Random, odd: float) -> dict[str, Any]:
    """What an entry of a map has for each of some minutes."""
    made: dict[str, Any] = {}
    for at in minutes():
        if chance.random() < 0.4:
            made[at] = {"tpm": number(chance, (0, 5, 900, 1.5), odd), "rpm": number(chance, (0, 1, 2, 29), odd)}
            if chance.random() < 0.1:
                made[at].pop(chance.choice(["tpm", "rpm"]))
            if chance.random() < odd:
                made[at] = chance.choice([None, [], 5, Mapped(made[at])])
    return made


def samples(chance: Random, odd: float) -> Any:
    if chance.random() < odd:
        return chance.choice([None, (), (1.0, 2.0), "ab", 5, [None], ["1"], [float("nan"), 1.0]])
    return [
        number(chance, (0, 0, 0.0, 1, 3, 0.1, 0.2, 0.3, 1e-9, 1e16, -0.0), odd / 2)
        for _ in range(chance.choice([0, 1, 1, 2, 10]))
    ]


def latencies(chance: Random, group: list[Any], odd: float) -> Any:
    """The latency strategy's map."""
    if chance.random() < odd / 4:
        return chance.choice([None, [], Mapped(), 5])
    made: dict[Any, Any] = {}
    for key in keys(chance, group):
        entry: Any = used(chance, odd)
        if chance.random() < 0.9:
            entry["latency"] = samples(chance, odd)
        if chance.random() < 0.5:
            entry["time_to_first_token_seconds"] = samples(chance, odd)
        made[key] = chance.choice([None, [], 5]) if chance.random() < odd / 4 else entry
    return made


def counts(chance: Random, group: list[Any], odd: float) -> Any:
    """Numbers by id, as the first usage strategy keeps them; or none."""
    if chance.random() < 0.2:
        return None
    return {key: number(chance, (0, 0, 7, 7, 30, 2.5, None), odd) for key in keys(chance, group)}


def conversation(chance: Random) -> Any:
    """Messages, which are counted where a limit could use them."""
    content: Any = chance.choice(["Hello there.", "", None, [{"type": "text", "text": "parts"}], 5])
    return chance.choice(
        [None, [], [{"role": "user", "content": content}], [{"role": "user"}], "text", [["no", "message"]]]
    )


def arguments(chance: Random, odd: float) -> Any:
    """A request's own arguments."""
    if chance.random() < 0.15:
        return None
    made: dict[str, Any] = {}
    if chance.random() < 0.7:
        made["metadata"] = {"user": "u"}
    if chance.random() < 0.3:
        made["litellm_metadata"] = {}
    if chance.random() < 0.5:
        made["stream"] = chance.choice([True, False, None, 1])
    if chance.random() < odd:
        made["metadata"] = chance.choice([None, [], Mapped()])
    return Mapped(made) if chance.random() < odd / 4 else made
