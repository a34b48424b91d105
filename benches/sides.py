"""The sides of a comparison: LiteLLM without any seam of accel, accel, and accel that remembers nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import accel
from accel.fingerprint import live

PLAIN = "litellm"
ACCEL = "accel"
FORGETFUL = "accel without memo"
MEMO = "token_memo"


def side(name: str) -> AbstractContextManager[Any]:
    """A stage for `timing`: what holds while the contestant of this name runs."""
    if name == PLAIN:
        return without_accel()
    return without_memo() if name == FORGETFUL else nullcontext()


def counting_side(name: str) -> AbstractContextManager[Any]:
    """The same where a text is counted again and again and the count itself is meant: nobody remembers."""
    return without_memo() if name == ACCEL else side(name)


@contextmanager
def without_accel() -> Iterator[None]:
    """Every name of LiteLLM is LiteLLM's own inside the block; names that were bound by import too."""
    applied = _applied()
    seams = {id(live(target)) for target in applied}
    accel.unpatch()
    try:
        left = _holders(seams)
        assert not left, f"accel is still behind {left}"
        yield
    finally:
        accel.patch()
        # A seam that does not come back would make the other side LiteLLM against itself.
        assert applied <= _applied(), applied - _applied()


@contextmanager
def without_memo() -> Iterator[None]:
    """Counts are not remembered inside the block."""
    accel.set_flag(MEMO, mode="off")
    try:
        yield
    finally:
        accel.set_flag(MEMO, mode="on")


def all_native(*features: str) -> None:
    """On for every call, and nothing compared by sample: that would be timed as accel's own work."""
    for feature in features or ("token_counting", MEMO):
        accel.set_flag(feature, mode="on", percent=100, verify_percent=0)


def _applied() -> set[str]:
    """Targets (`module:attribute`) of the seams that are in."""
    features = accel.status().features.values()
    seams = [seam for feature in features for seam in feature.get("seams", ())]
    return {seam["target"] for seam in seams if seam["state"] == "applied"}


def _holders(identities: set[int]) -> list[str]:
    """The names of LiteLLM's modules that hold one of these objects, wherever it was bound."""
    modules = [(name, module) for name, module in list(sys.modules.items()) if name.startswith("litellm")]
    return [
        f"{name}:{attribute}"
        for name, module in modules
        for attribute, value in list(vars(module).items())
        if id(value) in identities
    ]
