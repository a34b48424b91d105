"""The short way through a junction, for seams whose calls take less than its ordinary protocol."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar

from accel import around, native, shadow
from accel.errors import Declined
from accel.features.seam import Raised

T = TypeVar("T")

if native.module is not None:
    _NATIVE: Final = native.module.NATIVE
    _SHADOW: Final = native.module.SHADOW
    _PYTHON: Final = native.module.PYTHON
    _PATH_MASK: Final = native.module.PATH_MASK

_NOT_OURS: Final = "not made natively"
"""Why native code of a short seam declines by `NotImplemented`."""


class ShortWay:
    """The part of a junction that admits calls in one native step; what that does not decide goes the long way."""

    guard: Any
    _light: Any

    @property
    def refused(self) -> Callable[[], int]:
        """0: a call goes native, and is tallied so. One object for the junction's life: a seam may hold it."""
        found: Callable[[], int] = self._light.refused
        return found

    @abstractmethod
    def bypassed(self) -> bool: ...
    @abstractmethod
    def next_unit(self) -> int: ...
    @abstractmethod
    def _inside(
        self, unit: int, *, python: bool = False, oracle: bool = False
    ) -> AbstractContextManager[None]: ...
    @abstractmethod
    def _compare(
        self, guard: Any, ticket: int, value: Any, observed: shadow.Observation, argument: Any
    ) -> None: ...
    @abstractmethod
    def _judge(self, guard: Any, ticket: int, error: BaseException, *, answered: bool = False) -> bool: ...
    @abstractmethod
    def _decline(self, guard: Any, ticket: int, reason: str) -> None: ...

    def lightly(self, native: Callable[..., T], original: Callable[..., T], *, reads: bool) -> Callable[..., T]:
        """The replacement of a seam whose native call is so short that `call` would cost more than it.

        Of both the arguments are the call's own. `reads`: neither has an effect, so that both may run and be
        compared; else nothing is compared, and in shadow native does not run.
        """
        refused = self.refused

        @around.forwarding
        def ask(*arguments: Any, **named: Any) -> T:
            detour = refused()
            if detour:
                steps = partial(native, *arguments, **named), partial(original, *arguments, **named)
                return self.detoured(detour, *steps, reads=reads)
            try:
                answer = native(*arguments, **named)
            except BaseException as error:  # noqa: BLE001  # a panic is a BaseException; judged below
                failed = self._judge(self.guard, self._light.withdraw(), error, answered=reads)
            else:
                if answer is not NotImplemented:
                    return answer
                # Cheaper than an exception: some seams decline as often as they answer. And every call that comes
                # here is one of a feature that is on for all: those inside need not be told what was decided.
                self.withdraw(_NOT_OURS)
                return original(*arguments, **named)
            with self._inside(self.next_unit(), python=failed):
                return original(*arguments, **named)

        return ask

    def lightly_awaited(
        self,
        native: Callable[..., Awaitable[T | Raised] | T],
        original: Callable[..., Awaitable[T]],
        *,
        reads: bool,
    ) -> Callable[..., Awaitable[T]]:
        """`lightly` for coroutine functions. What LiteLLM itself raises on the way is an answer: `Raised`.

        `native` may be a plain function where it waits for nothing: that saves a coroutine.
        """
        refused, waits = self.refused, iscoroutinefunction(native)

        @around.forwarding
        async def natively(*arguments: Any, **named: Any) -> Any:
            answer: Any = native(*arguments, **named)
            return await answer if waits else answer

        @around.forwarding
        async def ask(*arguments: Any, **named: Any) -> T:
            detour = refused()
            answer: Any
            if detour:
                steps = partial(natively, *arguments, **named), partial(original, *arguments, **named)
                answer = await self.awaited(detour, *steps, reads=reads)
            else:
                failed = False
                try:
                    answer = native(*arguments, **named)
                    if waits:
                        answer = await answer
                except BaseException as error:  # noqa: BLE001  # a panic is a BaseException; judged below
                    answer = NotImplemented
                    failed = self._judge(self.guard, self._light.withdraw(), error, answered=reads)
                else:
                    if answer is NotImplemented:
                        self.withdraw(_NOT_OURS)
                        return await original(*arguments, **named)
                if answer is NotImplemented:
                    with self._inside(self.next_unit(), python=failed):
                        return await original(*arguments, **named)
            if type(answer) is Raised:
                raise answer.error
            return answer  # type: ignore[no-any-return]

        return ask

    def withdraw(self, reason: str) -> None:
        """A call that passed lightly is not native's after all; the original must answer it."""
        self._decline(self.guard, self._light.withdraw(), reason)

    @around.forwarding
    def detoured(
        self, detour: int, native: Callable[[], T], original: Callable[[], T], *, reads: bool, raises: bool = False
    ) -> T:
        """A call of a function to which `refused` said `detour`, not 0. For `reads` see `lightly`.

        `raises`: exceptions of `native` are answers.
        """

        @around.forwarding
        async def once(step: Callable[[], T]) -> T:
            return step()

        begun = self.awaited(detour, partial(once, native), partial(once, original), reads=reads, raises=raises)
        try:
            begun.send(None)
        except StopIteration as ended:
            answer: T = ended.value
            return answer
        raise AssertionError("suspended")  # `awaited` awaits nothing but these two, which cannot be

    @around.forwarding
    async def awaited(
        self,
        detour: int,
        native: Callable[[], Awaitable[T]],
        original: Callable[[], Awaitable[T]],
        *,
        reads: bool,
        raises: bool = False,
    ) -> T:
        """`detoured`, for coroutine functions. `raises`: exceptions of `native` are answers."""
        guard, unit, ticket = self.guard, self.next_unit(), detour
        if detour < 0:
            if self.bypassed():
                return await original()
            ticket = guard.admit(unit, ())
        path = ticket & _PATH_MASK
        if path == _PYTHON or (path == _SHADOW and not reads):
            try:
                with self._inside(unit, python=True):
                    return await original()
            finally:
                # In shadow `handled` is a call of Python's that was not compared.
                (guard.answered_by_python if path == _PYTHON else guard.handled)(ticket)
        observed = await self._seen(guard, ticket, unit, original) if reads and path != _NATIVE else None
        try:
            value = await native()
            if value is NotImplemented:
                raise Declined(_NOT_OURS)
        except BaseException as error:  # noqa: BLE001  # a panic is a BaseException; judged below
            if raises and observed is None:
                self._pass_on(guard, ticket, error)
            failed = self._judge(guard, ticket, error, answered=reads)
        else:
            if observed is None:
                guard.handled(ticket)
                return value
            if not shadow.same(value, observed):
                # Another thread, or the time, may have changed what is read. It has not changed twice.
                observed = await self._seen(guard, ticket, unit, original)
            self._compare(guard, ticket, value, observed, None)
        if observed is not None:
            answer: T = observed.answer()
            return answer
        with self._inside(unit, python=failed):
            return await original()

    @staticmethod
    def _pass_on(guard: Any, ticket: int, error: BaseException) -> None:
        """Raise what native code answers by raising; a decline is none, nor a panic, nor a cancellation."""
        if isinstance(error, Exception) and not isinstance(error, Declined):
            guard.handled(ticket)
            raise error

    @around.forwarding
    async def _seen(
        self, guard: Any, ticket: int, unit: int, original: Callable[[], Awaitable[Any]]
    ) -> shadow.Observation:
        """As `_observed`."""
        try:
            with self._inside(unit, oracle=True):
                return shadow.Observation(await original(), None)
        except Exception as error:  # noqa: BLE001  # a result, raised again by `answer`
            return shadow.Observation(None, error)
        except BaseException:
            guard.abandoned(ticket)
            raise
