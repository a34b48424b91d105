"""Junctions of a feature that does not exist, with native code and originals that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accel import dispatch
from accel.features import Feature

SECRET = "a sentence that nobody may read"


class Original:
    """A stand-in for LiteLLM's function: remembers its calls."""

    def __init__(self, answer: Callable[[Any], Any] = len) -> None:
        self.seen: list[Any] = []
        self._answer = answer

    def __call__(self, argument: Any) -> Any:
        self.seen.append(argument)
        return self._answer(argument)


def make(
    mode: str = "on", *, verify: float = 0, replayable: bool = True, strict: bool = False, clock: Any = None
) -> dispatch.Junction:
    feature = Feature(name="probe", replayable=replayable, seams=())
    junction = dispatch.Junction(feature, 1, strict=strict, clock=clock)
    junction.guard.configure(mode, 100, verify, [], [])
    return junction


def call(junction: dispatch.Junction, native: Any, original: Any = len, argument: Any = SECRET) -> Any:
    return junction.call(junction.next_unit(), (), native, original, argument)


def calls(junction: dispatch.Junction) -> dict[str, Any]:
    """The account without its zeros."""
    return {name: count for name, count in junction.guard.status()["calls"].items() if count}


def breaker(junction: dispatch.Junction) -> tuple[str, str | None]:
    found = junction.guard.status()["breaker"]
    return found["state"], found["opened_by"]


def raises(error: BaseException) -> Callable[[Any], Any]:
    def step(_: Any) -> Any:
        raise error

    return step
