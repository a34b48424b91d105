"""What a choice of a deployment leaves behind, to compare LiteLLM's with accel's."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

Pick = Callable[[Any], Any]
"""Chooses, given the mutable arguments."""


def told(pick: Pick, group: list[Any], state: Any, seed: int) -> Any:
    """The place of the chosen object or the error, the generator after it, and `state` after it, in order."""
    left = deepcopy(state)
    random.seed(seed)
    try:
        chosen = pick(left)
        place = [at for at, one in enumerate(group) if one is chosen] if chosen is not None else None
        answer: Any = ("chose", place)
    except Exception as error:  # noqa: BLE001  # an answer too
        answer = (type(error), str(error))
    return answer, hash(random.getstate()), repr(left)


def assert_alike(plain: Pick, ours: Pick, group: list[Any], state: Callable[[], Any], seed: int) -> Any:
    """Both choose alike, and leave alike what they may change. Answers what they chose.

    `state` is made again where a minute ended in between: figures of it are kept by the minute.
    """
    while True:
        minute = datetime.now().minute
        made = state()
        # Of some: it takes longer than the choice.
        before = repr(group) if seed % 8 == 0 else None
        expected = told(plain, group, made, seed)
        found = told(ours, group, made, seed)
        if datetime.now().minute == minute:
            break
    assert found == expected, (seed, group, made)
    assert before is None or repr(group) == before
    return expected[0]
