"""The junction: every call through a seam takes its way here, and nowhere else is a native failure caught."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from accel import around, native, shadow
from accel.errors import Declined, FellBack, NotReplayable
from accel.features import FEATURES, Feature
from accel.lightly import ShortWay

T = TypeVar("T")

_log: Final = logging.getLogger("accel")

if native.module is not None:
    _NATIVE: Final = native.module.NATIVE
    _VERIFY: Final = native.module.VERIFY
    _PYTHON: Final = native.module.PYTHON
    _PATH_MASK: Final = native.module.PATH_MASK
    _PanicException: Final = native.module.PanicException


class Junction(ShortWay):
    """One seam's way from a call to its answer: guard, then native, then the original.

    A feature has a junction, and each of its seams a branch of it: they decide as one, and each keeps its own
    account. Thread-safe. Needs the native module.
    """

    _light: Any = None

    def __init__(
        self,
        feature: Feature,
        seed: int,
        *,
        strict: bool = False,
        clock: Any = None,
        trunk: Junction | None = None,
    ) -> None:
        self.feature: Final = feature
        self._trunk: Final = trunk
        self._strict = strict
        self._seed: Final = seed
        self._clock = clock
        self._branches: Final[dict[str, Junction]] = {}
        self.settings: Mapping[str, float] = {}
        self.renew()

    def renew(self) -> None:
        """A fresh guard with no history: at the start, and in a forked child, whose counts are its own."""
        assert native.module is not None
        if self._trunk is None:
            self.guard = native.module.Guard(self.feature.name, self._seed, self._clock)
        else:
            self.guard = self._trunk.guard.branch()
        if self._light is None:
            self._light = native.module.Light(self.guard, around.scopes())
        else:
            self._light.renew(self.guard, around.scopes())
        for branch in self._branches.values():
            branch.renew()

    def branch(self, target: str) -> Junction:
        """The junction of one seam of the feature; always the same one."""
        found = self._branches.get(target)
        # Of two threads that make it the first one's stays: a status must not tell another's account.
        return found or self._branches.setdefault(target, Junction(self.feature, self._seed, trunk=self))

    @property
    def strict(self) -> bool:
        """Whether a fall-back raises."""
        return self._strict if self._trunk is None else self._trunk.strict

    @strict.setter
    def strict(self, strict: bool) -> None:
        if self._trunk is None:
            self._strict = strict
        else:
            self._trunk.strict = strict

    def beside(self, feature: str) -> Junction:
        """The junction of another feature. Raises `KeyError` if there is none."""
        return junctions[feature]

    def bypassed(self) -> bool:
        """Whether the replacement must call the original and nothing else.

        While the feature is off the call is tallied. Inside LiteLLM's own answer to a call of the feature, or
        inside what any native answer is compared with, it is not: it is part of that call.
        """
        call = around.innermost()
        if call is not None and (call.oracle or (call.python and call.feature == self.feature.name)):
            return True
        return self.guard.bypassed()  # type: ignore[no-any-return]

    def next_unit(self) -> int:
        """The unit of a call that has no identity of its own; inside another call of the feature, that one's."""
        call = around.innermost()
        if call is not None and call.feature == self.feature.name:
            return call.unit
        return self.guard.next_unit()  # type: ignore[no-any-return]

    def _inside(self, unit: int, *, python: bool = False, oracle: bool = False) -> AbstractContextManager[None]:
        return around.inside(around.Around(self.feature.name, unit, python, oracle))

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
            return self._with_python(guard, ticket, unit, original, argument)
        if isinstance(native, str):
            self._decline(guard, ticket, native)
            with self._inside(unit):
                return original(argument)
        if path == _NATIVE:
            try:
                value = native(argument)
            except BaseException as error:  # noqa: BLE001  # a panic is a BaseException; judged below
                failed = self._judge(guard, ticket, error)
            else:
                guard.handled(ticket)
                return value
            with self._inside(unit, python=failed):
                return original(argument)
        if path == _VERIFY:
            return self._verified(guard, ticket, unit, native, original, argument)
        return self._shadowed(guard, ticket, unit, native, original, argument)

    def _with_python(self, guard: Any, ticket: int, unit: int, original: Callable[[Any], T], argument: Any) -> T:
        try:
            with self._inside(unit, python=True):
                return original(argument)
        finally:
            guard.answered_by_python(ticket)

    def _verified(
        self,
        guard: Any,
        ticket: int,
        unit: int,
        native: Callable[[Any], T],
        original: Callable[[Any], T],
        argument: Any,
    ) -> T:
        """Native answers, Python checks. Where they differ the answer is Python's: it is the oracle."""
        try:
            value = native(argument)
        except BaseException as error:  # noqa: BLE001  # judged below
            failed = self._judge(guard, ticket, error)
        else:
            observed = self._observed(guard, ticket, unit, original, argument)
            self._compare(guard, ticket, value, observed, argument)
            answer: T = observed.answer()
            return answer
        # Outside of `except`: what the original raises must not carry our exception as its context.
        with self._inside(unit, python=failed):
            return original(argument)

    def _shadowed(
        self,
        guard: Any,
        ticket: int,
        unit: int,
        native: Callable[[Any], T],
        original: Callable[[Any], T],
        argument: Any,
    ) -> T:
        """Python answers; native runs too and is compared."""
        observed = self._observed(guard, ticket, unit, original, argument)
        try:
            value = native(argument)
        except BaseException as error:  # noqa: BLE001  # judged below
            self._judge(guard, ticket, error, answered=True)
        else:
            self._compare(guard, ticket, value, observed, argument)
        answer: T = observed.answer()
        return answer

    def _observed(
        self, guard: Any, ticket: int, unit: int, original: Callable[[Any], Any], argument: Any
    ) -> shadow.Observation:
        """What the original does. Cut off, there is nothing to compare, and a trial must give its place back."""
        try:
            with self._inside(unit, oracle=True):
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

    def _judge(self, guard: Any, ticket: int, error: BaseException, *, answered: bool = False) -> bool:
        """Tell the guard what an exception of the native path means; raise it if it is not ours to keep.

        `answered`: Python has answered already, or may still do so whatever the feature, for nothing was changed.
        Answers whether native code failed: then Python answers without its help further in, too.
        """
        if isinstance(error, Declined):
            self._decline(guard, ticket, str(error))
            return False
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
        return True

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
    if native.module is None:
        return
    shadow.forget()
    around.renew()
    for junction in junctions.values():
        junction.renew()
