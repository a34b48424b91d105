"""The accel of the test process itself, with an account that begins at zero and is left as it was found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import accel
from accel import control, dispatch, shadow
from accel.features.token_counting import resolver

NAME = "token_counting"
MODEL = "gpt-3.5-turbo"
TEXT = "It's a text of 今天, and 1234567 more."


@contextmanager
def kept_flags() -> Iterator[None]:
    """Afterwards the layers of flags are what they were before."""
    flags = control.flags
    assert flags is not None
    before = {name: copy(getattr(flags, name)) for name in ("_file", "_overlay", "_runtime", "_problems")}
    try:
        yield
    finally:
        vars(flags).update(before)
        control.apply()


@contextmanager
def fresh_account(clock: Any = None) -> Iterator[dispatch.Junction]:
    """The junction of token counting with a new guard: mode on, everybody, nothing verified by chance."""
    junction = dispatch.junctions[NAME]
    clock_before = junction._clock
    junction._clock = clock
    junction.renew()
    shadow.forget()
    with kept_flags():
        try:
            control.set_flag(NAME, mode="on", percent=100, verify_percent=0, include=[], exclude=[])
            yield junction
        finally:
            junction._clock = clock_before
            junction.renew()
            shadow.forget()


def calls(junction: dispatch.Junction) -> dict[str, Any]:
    """What the junction's guard has counted so far."""
    counted: dict[str, Any] = junction.guard.status()["calls"]
    return counted


def seam_module() -> Any:
    """LiteLLM's module that holds the seam's name."""
    import litellm.litellm_core_utils.token_counter as module

    return module


@contextmanager
def counted_by(function: Callable[[str], int]) -> Iterator[None]:
    """Inside the block `function` is the native count of cl100k_base; LiteLLM must have counted with it before."""
    memo = dispatch.junctions["token_memo"]
    _, tokenizer = resolver.shared_resolver(memo).tokenizers._tiktoken["cl100k_base"]
    tokenizer.count = function  # type: ignore[method-assign]
    try:
        yield
    finally:
        del tokenizer.count


def count(text: str = TEXT, model: str = MODEL) -> int:
    """What LiteLLM answers, by whatever path."""
    import litellm

    answer: int = litellm.token_counter(model=model, text=text)
    return answer


def expected(text: str = TEXT, model: str = MODEL) -> int:
    """What LiteLLM's own function answers."""
    answer: int = seam_module()._get_exact_count_function.__wrapped__(model)(text)
    return answer


def mode() -> str:
    """The mode of token counting as the status says it."""
    found: str = accel.status().features[NAME]["mode"]
    return found
