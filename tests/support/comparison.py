"""Random calls made twice: with accel, and of the unpatched LiteLLM, each on equal arguments of its own."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import Any

from support.calls import Calls, calls_of
from support.original import outcome, without_seams

COUNTER = "litellm.litellm_core_utils.token_counter"
SEAMS = {
    "_get_exact_count_function": COUNTER,
    "_format_function_definitions": COUNTER,
    "get_image_dimensions": COUNTER,
    "token_counter": COUNTER,
    "messages_reach_token_count": COUNTER,
    "process_messages": "litellm.utils",
    "_approximate_input_size": "litellm.proxy.spend_tracking.input_tokens",
}
"""The seams of token counting, each with its module."""

Answer = tuple[str, Any]


@dataclass(frozen=True)
class Call:
    """A call of the function `module:name`, under whatever its maker calls a setting."""

    function: str
    keywords: dict[str, Any]
    setting: Any = None


def live(name: str) -> Any:
    """The object that `module:name` is at this moment."""
    module, _, path = name.partition(":")
    return reduce(getattr, path.split("."), sys.modules[module])


def shown(value: Any) -> str:
    """The value as text, in which a NaN is equal to itself; numbers of any length, and no addresses."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return re.sub(r" at 0x[0-9a-f]+", "", ascii(value))
    finally:
        sys.set_int_max_str_digits(limit)


def answer(call: Call) -> Answer:
    """What the call comes to."""
    kind, value = outcome(live(call.function), **call.keywords)
    return kind, shown(value)


@dataclass
class Compared:
    """Equal calls: what they came to, and who answered them, by seam."""

    number: int
    outcomes: Counter[str] = field(default_factory=Counter)
    by_seam: dict[str, Calls] = field(default_factory=dict)

    def __str__(self) -> str:
        seams = {
            name: f"{calls.native} native, python {calls.python}"
            for name, calls in self.by_seam.items()
            if calls.total
        }
        return f"{self.number}: {dict(self.outcomes)}; {seams}"


def compare(
    calls: Callable[[], Iterator[Call]], number: int, come_to: Callable[[Call], Answer] = answer
) -> Compared:
    """Make so many calls of the stream with accel and without. `calls` begins the same stream each time."""
    compared = Compared(number)
    with ExitStack() as accounts:
        compared.by_seam = {seam: accounts.enter_context(calls_of(seam=seam)) for seam in SEAMS}
        ours = [come_to(call) for call in islice(calls(), number)]
    with without_seams(), calls_of() as nothing:
        theirs = [come_to(call) for call in islice(calls(), number)]
    assert nothing.total == 0, "the comparison must not go through accel"
    for at, (with_accel, without) in enumerate(zip(ours, theirs, strict=True)):
        if with_accel != without:
            call = next(islice(calls(), at, None))
            raise AssertionError(f"call {at}, {shown(call)}: accel {with_accel!a}, LiteLLM {without!a}")
    compared.outcomes.update(kind for kind, _ in theirs)
    return compared
