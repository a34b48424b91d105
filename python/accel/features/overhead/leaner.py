"""Seams whose replacement is LiteLLM's own function, trimmed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any

from accel.around import forwarding
from accel.features.overhead.trimmed import Edit, trimmed
from accel.features.seam import Junction

Make = Callable[[Junction, Callable[..., Any]], Callable[..., Any]]


def lean(edits: Sequence[Edit], helper: Callable[[], object] = lambda: None) -> Make:
    """How to build the seam of a function: `helper` makes what its edits call."""

    def build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
        return gated(junction, original, trimmed(original, edits, helper()))

    return build


def lean_client(
    inner: Sequence[Edit], outer: Sequence[Edit] = (), helper: Callable[[], object] = lambda: None
) -> Make:
    """The same for an entry point of LiteLLM's: `inner` edits it, `outer` the wrapper that `client` put around."""

    def build(junction: Junction, original: Any) -> Callable[..., Any]:
        helps = helper()
        entry = functools.update_wrapper(trimmed(original.__wrapped__, inner, helps), original.__wrapped__)
        made = trimmed(original, outer, helps, cells={"original_function": entry})
        return gated(junction, original, made)

    return build


def gated(junction: Junction, original: Callable[..., Any], made: Callable[..., Any]) -> Callable[..., Any]:
    """`made` where the feature is on; what it raises LiteLLM raises. Else the original."""
    refused = junction.refused

    if iscoroutinefunction(original):

        @forwarding
        async def awaited(*arguments: Any, **named: Any) -> Any:
            if detour := refused():
                steps = (functools.partial(step, *arguments, **named) for step in (made, original))
                return await junction.awaited(detour, *steps, reads=False, raises=True)
            return await made(*arguments, **named)

        return awaited

    @forwarding
    def called(*arguments: Any, **named: Any) -> Any:
        if detour := refused():
            steps = (functools.partial(step, *arguments, **named) for step in (made, original))
            return junction.detoured(detour, *steps, reads=False, raises=True)
        return made(*arguments, **named)

    return called
