"""The junction: every call through a seam takes its way here, and nowhere else is a native failure caught."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

from accel import native, shadow
from accel.errors import Declined, FellBack, NotReplayable
from accel.features import FEATURES, Feature

T = TypeVar("T")

_log: Final = logging.getLogger("accel")

if native.module is not None:
    _NATIVE: Final = native.module.NATIVE
    _VERIFY: Final = native.module.VERIFY
    _PYTHON: Final = native.module.PYTHON
    _PATH_MASK: Final = native.module.PATH_MASK
    _PanicException: Final = native.module.PanicException


class Junction:
    """One feature's way from a call to its answer: guard, then native, then the original.

    Thread-safe. Needs the native module.
    """

    def __init__(self, feature: Feature, seed: int, *, strict: bool = False, clock: Any = None) -> None:
        self.feature: Final = feature
        self.strict = strict
        self._seed: Final = seed
        self._clock: Final = clock
        self.renew()

    def renew(self) -> None:
        """A fresh guard with no history: at the start, and in a forked child, whose counts are its own."""
        assert native.module is not None
        self.guard = native.module.Guard(self.feature.name, self._seed, self._clock)
        self.bypassed = self.guard.bypassed
        self.next_unit = self.guard.next_unit

    def prepare(self, step: Callable[..., T], *arguments: Any) -> T | str:
        """Run what comes before a native call, itself not native; a `str` says why there will be none.

        Nothing here is charged to the breaker: what goes wrong in looking around LiteLLM goes wrong
        in LiteLLM's own code too, or makes the call Python's.
        """
        try:
            return step(*arguments)
        except Declined as declined:
            return str(declined)
        except Exception as error:  # noqa: BLE001  # the original answers, or raises what it must
            return f"not prepared: {type(error).__name__}"

    def call(
        self,
        unit: int,
        labels: tuple[str, ...],
        native: Callable[[Any], T] | str,
        original: Callable[[Any], T],
        argument: Any,
    ) -> T:
        """One call. `native` may be the reason why there is no native code for it."""
        guard = self.guard
        ticket = guard.admit(unit, labels)
        path = ticket & _PATH_MASK
        if path == _PYTHON:
            return self._with_python(guard, ticket, original, argument)
        if isinstance(native, str):
            self._decline(guard, ticket, native)
            return original(argument)
        if path == _NATIVE:
            try:
                value = native(argument)
            except BaseException as error:  # noqa: BLE001  # a panic is a BaseException; judged below
                self._judge(guard, ticket, error)
            else:
                guard.handled(ticket)
                return value
            return original(argument)
        if path == _VERIFY:
            return self._verified(guard, ticket, native, original, argument)
        return self._shadowed(guard, ticket, native, original, argument)

    def _with_python(self, guard: Any, ticket: int, original: Callable[[Any], T], argument: Any) -> T:
        try:
            return original(argument)
        finally:
            guard.answered_by_python(ticket)

    def _verified(
        self, guard: Any, ticket: int, native: Callable[[Any], T], original: Callable[[Any], T], argument: Any
    ) -> T:
        """Native answers, Python checks. Where they differ the answer is Python's: it is the oracle."""
        try:
            value = native(argument)
        except BaseException as error:  # noqa: BLE001  # judged below
            self._judge(guard, ticket, error)
        else:
            observed = self._observed(guard, ticket, original, argument)
            self._compare(guard, ticket, value, observed, argument)
            answer: T = observed.answer()
            return answer
        # Outside of `except`: what the original raises must not carry our exception as its context.
        return original(argument)

    def _shadowed(
        self, guard: Any, ticket: int, native: Callable[[Any], T], original: Callable[[Any], T], argument: Any
    ) -> T:
        """Python answers; native runs too and is compared."""
        observed = self._observed(guard, ticket, original, argument)
        try:
            value = native(argument)
        except BaseException as error:  # noqa: BLE001  # judged below
            self._judge(guard, ticket, error, answered=True)
        else:
            self._compare(guard, ticket, value, observed, argument)
        answer: T = observed.answer()
        return answer

    def _observed(
        self, guard: Any, ticket: int, original: Callable[[Any], Any], argument: Any
    ) -> shadow.Observation:
        """What the original does. Cut off, there is nothing to compare, and a trial must give its place back."""
        try:
            return shadow.observe(original, argument)
        except BaseException:
            guard.abandoned(ticket)
            raise

    def _compare(self, guard: Any, ticket: int, value: Any, observed: shadow.Observation, argument: Any) -> None:
        equal = shadow.same(value, observed)
        guard.compared(ticket, equal)
        if not equal:
            shadow.record(self.feature.name, value, observed, argument)
            if self.strict:
                raise FellBack(f"{self.feature.name}: mismatch")

    def _judge(self, guard: Any, ticket: int, error: BaseException, *, answered: bool = False) -> None:
        """Tell the guard what an exception of the native path means; raise it if it is not ours to keep."""
        if isinstance(error, Declined):
            self._decline(guard, ticket, str(error))
            return
        panic = isinstance(error, _PanicException)
        if not panic and not isinstance(error, Exception):
            guard.abandoned(ticket)  # KeyboardInterrupt, SystemExit, CancelledError
            raise error
        name = type(error).__name__
        replayed = answered or self.feature.replayable
        guard.failed(ticket, name, panic, replayed)
        # The class only: a message may hold a user's text.
        _log.warning("%s: native code failed (%s)", self.feature.name, name)
        if self.strict:
            raise FellBack(f"{self.feature.name}: failed: {name}") from error
        if not replayed:
            raise NotReplayable(f"{self.feature.name} failed after an effect: {name}") from error

    def _decline(self, guard: Any, ticket: int, reason: str) -> None:
        guard.declined(ticket, reason)
        if self.strict:
            raise FellBack(f"{self.feature.name}: declined: {reason}")


junctions: Final[dict[str, Junction]] = {}
"""By feature name; empty without the native module."""


def open_junctions(seed: int, *, strict: bool) -> None:
    """Make the junction of every feature. Idempotent."""
    if native.module is None:
        return
    for name, feature in FEATURES.items():
        if name not in junctions:
            junctions[name] = Junction(feature, seed, strict=strict)


def renew_all() -> None:
    """In a forked child: its guards start without their parent's history."""
    shadow.forget()
    for junction in junctions.values():
        junction.renew()
