"""The two sides of a differential program: LiteLLM alone, and LiteLLM with accel's caches and limits."""

import logging
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import litellm.proxy.utils  # noqa: F401  # the seams wait for it

import accel
from accel.features import FEATURES
from support.calls import Calls, calls_of
from support.live import kept_flags

NAMES = ("caching", "rate_limiting")
"""The features whose programs these are. What answers otherwise than LiteLLM stays as its default has it: off."""


_running: list[str] = []


def running() -> str:
    """Which side's program runs now: "plain" or "accelerated"."""
    return _running[-1]


def present() -> tuple[str, ...]:
    """Those of the features that this accel has."""
    return tuple(name for name in NAMES if name in FEATURES)


@contextmanager
def plain() -> Iterator[None]:
    """LiteLLM's own functions answer: every feature of accel is off, in the whole process."""
    with _quiet(), accel.disabled(), _called("plain"):
        yield


@contextmanager
def accelerated() -> Iterator[dict[str, Calls]]:
    """Everything native that can be, nothing sampled; gives the account of each feature, filled at the end.

    A defect on the account fails the test: a panic or a refused answer must not hide behind the fall-back.
    """
    accounts: dict[str, Calls] = {}
    with _quiet(), kept_flags(), _called("accelerated"), ExitStack() as counted:
        for name in present():
            accel.set_flag(name, mode="on", percent=100, verify_percent=0)
            rows = accel.status().features[name]["seams"]
            waiting = {row["target"]: row["reason"] for row in rows if row["state"] != "applied"}
            assert not waiting, waiting
            accounts[name] = counted.enter_context(calls_of(name))
        yield accounts
    for name, calls in accounts.items():
        assert (name, calls.failed, calls.mismatched) == (name, 0, 0)


def switch(name: str, mode: str) -> None:
    """Turn a feature on or off in the middle of an accelerated program; nothing where accel has none."""
    if name in FEATURES:
        accel.set_flag(name, mode=mode)  # type: ignore[arg-type]


@contextmanager
def seeded_ids(seed: object) -> Iterator[Callable[[int], None]]:
    """Inside the block `uuid.uuid4` draws from a seed, so that both sides name their slots alike.

    Gives what must be called before each step, with its number: each begins to draw anew, so that a side which
    draws an id that nobody sees names later ones as the other does.
    """
    chance = random.Random()

    def begin(step: int) -> None:
        chance.seed(f"ids {seed} {step}")

    begin(-1)
    with patch.object(uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)):
        yield begin


@contextmanager
def _called(side: str) -> Iterator[None]:
    _running.append(side)
    try:
        yield
    finally:
        _running.pop()


@contextmanager
def _quiet() -> Iterator[None]:
    """No log lines: programs provoke thousands of errors that LiteLLM logs and swallows."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
