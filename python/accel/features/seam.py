"""What a feature file says of its seams; no behaviour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Raised:
    """What LiteLLM raises where native code stands for it: a result, and no failure."""

    error: BaseException


class Junction(Protocol):
    """The part of `dispatch.Junction` that a feature's replacement uses."""

    guard: Any
    """The native guard; a new one in a forked child."""
    settings: Mapping[str, float]
    """The feature's own numbers as the flags have them; of a branch nothing."""

    def __hash__(self) -> int:
        """By identity."""

    def beside(self, feature: str) -> Junction:
        """The junction of another feature."""

    @property
    def refused(self) -> Callable[[], int]:
        """0: a call goes native, and is tallied so. Anything else is for `detoured` or `awaited`. About 40 ns.

        The same object for the junction's life: a seam may hold it.
        """

    def bypassed(self) -> bool:
        """Whether the replacement must call the original and nothing else: the feature is off, or LiteLLM's own
        answer is wanted.
        """

    def next_unit(self) -> int:
        """The unit of a call that has no identity of its own; inside another call of the feature, that one's."""

    def prepare(self, step: Callable[..., T], *arguments: Any) -> T | str:
        """Run what comes before a native call, itself not native; a `str` says why there will be none."""

    def call(
        self,
        unit: int,
        labels: tuple[str, ...],
        native: Callable[[Any], T] | str,
        original: Callable[[Any], T],
        argument: Any,
    ) -> T:
        """One call through the guard. `native` may be the reason why there is no native code."""

    def lightly(self, native: Callable[..., T], original: Callable[..., T], *, reads: bool) -> Callable[..., T]:
        """The replacement of a seam whose native call takes less than `call` would.

        Of both the arguments are the call's own. `reads`: neither has an effect, so that both may run and be
        compared; else nothing is compared, and in shadow native does not run. `NotImplemented` from `native`
        declines.
        """

    def lightly_awaited(
        self,
        native: Callable[..., Awaitable[T | Raised] | T],
        original: Callable[..., Awaitable[T]],
        *,
        reads: bool,
    ) -> Callable[..., Awaitable[T]]:
        """`lightly` for coroutine functions. What LiteLLM itself raises on the way is an answer: `Raised`.

        `native` may be a plain function where it waits for nothing.
        """

    def withdraw(self, reason: str) -> None:
        """A call to which `refused` said 0 is declined, before any effect; the original must answer it."""

    def detoured(
        self, detour: int, native: Callable[[], T], original: Callable[[], T], *, reads: bool, raises: bool = False
    ) -> T:
        """A call of a function to which `refused` said `detour`, not 0. For `reads` see `lightly`.

        `raises`: exceptions of `native` are answers.
        """

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


@dataclass(frozen=True)
class Seam:
    """One replaced name."""

    module: str
    attribute: str
    """A function of the module, or a method (`Class.method`)."""
    reproduces: tuple[str, ...]
    """`module:qualname` of each function or constant whose behaviour the replacement relies on."""
    build: Callable[[Junction, Callable[..., Any]], Callable[..., Any]]
    """Makes the replacement from the junction and the original."""
    bodies: tuple[str, ...] = ()
    """Like `reproduces`; but a release where one is another is supported without this seam."""
    holders: tuple[str, ...] = ()
    """`module:name` of bindings of the same object made by `from … import` or kept in a cache."""

    @property
    def target(self) -> str:
        return f"{self.module}:{self.attribute}"

    @property
    def known(self) -> tuple[str, ...]:
        """What must be as it is known to be."""
        return (*self.reproduces, *self.bodies)

    @property
    def modules(self) -> frozenset[str]:
        """Modules that must have been imported before the seam can be judged."""
        return frozenset(member.partition(":")[0] for member in self.known) | {self.module}


@dataclass(frozen=True)
class Feature:
    """What a flag names."""

    name: str
    replayable: bool
    """After a failure, may the original still run? True only where nothing was spent or sent."""
    seams: tuple[Seam, ...]
    relies_on: tuple[str, ...] = ()
    """`module:qualname` of what is judged later than the seams, in modules that may never be imported."""
    yields_to: tuple[str, ...] = ()
    """Features that answer in its stead where both are on."""
    details: Callable[[str | None], dict[str, Any]] = lambda _absent: {}
    """What else a status says of the feature, given why its seams are not in; None where they are or may come."""
    advice: Callable[[dict[str, Any]], list[str]] = lambda _status: []
    """What an operator may want to do with the feature, given its part of a status, `details` included."""
