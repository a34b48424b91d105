"""Random programs on the limits of deployments. The same seed makes the same program."""

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from support.deployments import DeploymentWorld
from support.programs import Program, Step


def deployments(chance: random.Random) -> tuple[dict[str, Any], ...]:
    """A few deployments of one group, with limits in each place where LiteLLM looks for them."""
    made = []
    for number in range(chance.randrange(1, 5)):
        deployment: dict[str, Any] = {
            "model_name": "group",
            "litellm_params": {"model": f"provider/model-{number % 2}"},
            "model_info": {"id": f"deployment {number}"},
        }
        for name, values in (
            ("rpm", (1, 2, 5, 30)),
            ("tpm", (1, 50, 400)),
            ("max_parallel_requests", (1, 2, 3)),
            ("itpm", (20, 500)),
            ("otpm", (20, 500)),
        ):
            if chance.random() < (0.15 if name in ("itpm", "otpm") else 0.5):
                places = (
                    deployment["litellm_params"],
                    deployment["litellm_params"],
                    deployment["model_info"],
                    deployment,
                )
                chance.choice(places)[name] = chance.choice(values)
        made.append(deployment)
    return tuple(made)


def steps(chance: random.Random, number_of_deployments: int, *, switching: bool) -> Iterator[Step]:
    call = 0
    while True:
        number, awaited = chance.randrange(number_of_deployments), chance.random() < 0.7
        part = chance.choice(("usage", "limits"))
        kind = chance.random()
        if kind < 0.1:
            yield ("move", chance.choice((0, 0.1, 1, 4, 5, 6, 30, 60, 61, 600, -1)))
        elif kind < 0.45:
            yield ("check", part, number, awaited)
        elif kind < 0.6:
            yield ("log", part, number, chance.choice((0, 1, 30, 400)), awaited)
        elif kind < 0.65:
            yield ("choose", chance.choice((0, 10)))
        elif kind < 0.75:
            call += 1
            yield ("take", call, number)
        elif kind < 0.83:
            yield ("give", chance.randrange(max(1, call - 4), call + 1) if call else 0)
        elif kind < 0.88:
            yield ("cool", number, chance.choice((None, 0.5, 1, 5, 60, 700)))
        elif kind < 0.95:
            yield ("cooling", awaited)
        elif switching and kind > 0.97:
            yield ("switch", "caching", chance.choice(("on", "off")))
        else:
            yield ("fill", chance.randrange(300), chance.choice((5, 60, 600)))


def program(seed: object, length: int, *, switching: bool = False) -> Program:
    chance = random.Random(f"deployments {seed}")
    made = deployments(chance)
    world = partial(DeploymentWorld, made, chance.choice((None, None, 6, 12)), 5)
    stream = steps(chance, len(made), switching=switching)
    return Program(seed, tuple(next(stream) for _ in range(length)), world)
