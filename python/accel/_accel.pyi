"""The border between accel's Python layer and its Rust core.

Every callable here is thread-safe. None blocks on I/O. A defect inside the core surfaces as
`PanicException` (a `BaseException`), never as a crash of the process.
"""

from typing import Any, Final, Literal, final

__version__: Final[str]
build_profile: Final[Literal["debug", "release"]]
DEFAULT_FLAGS: Final[str]
"""The text of `feature_flags.json`, the only table of defaults."""

NATIVE: Final[int]
"""`ticket & PATH_MASK == NATIVE`: answer natively."""
VERIFY: Final[int]
"""Answer natively and compare with Python."""
SHADOW: Final[int]
"""Answer with Python and compare with native."""
PYTHON: Final[int]
"""Answer with Python; the reason is already tallied."""
PATH_MASK: Final[int]

class PanicException(BaseException):
    """A Rust panic that reached the border."""

@final
class ManualClock:
    """A monotonic clock that only moves when told to; for tests."""

    def __new__(cls, now_ns: int = 0) -> ManualClock: ...
    def advance_ms(self, milliseconds: int) -> None: ...

@final
class Guard:
    """Decides, for one feature, whether a call goes native, and keeps the account of what happened.

    One `admit` must be followed by exactly one of `handled`, `declined`, `failed`, `compared`,
    `answered_by_python` or `abandoned` with the ticket it gave.
    """

    def __new__(cls, feature: str, seed: int = 0, clock: ManualClock | None = None) -> Guard: ...
    @property
    def feature(self) -> str: ...
    def configure(
        self,
        mode: Literal["off", "shadow", "on"],
        percent: float,
        verify_percent: float,
        include: list[str],
        exclude: list[str],
    ) -> None:
        """Replace the settings at once. Raises `ValueError` for an unknown mode or a share outside 0..100."""
    def next_unit(self) -> int:
        """A fresh unit for a call that has no identity of its own."""
    def bypassed(self) -> bool:
        """True while the mode is `off`; tallies one call as `python: off`."""
    def bucket(self, unit: int) -> int:
        """The unit's place in 0..99_999; the same in every process that has the same seed."""
    def admit(self, unit: int, labels: tuple[str, ...] | None = None) -> int:
        """A ticket whose `PATH_MASK` bits say which way the call goes. `labels` are matched with include/exclude."""
    def handled(self, ticket: int) -> None:
        """Native answered."""
    def declined(self, ticket: int, reason: str) -> None:
        """Native said "not mine" before any effect; Python answers."""
    def failed(self, ticket: int, reason: str, panic: bool = False) -> None:
        """Native broke; charged to the breaker. A panic opens it at once."""
    def compared(self, ticket: int, equal: bool) -> None:
        """Both answered (verify, shadow). A difference opens the breaker at once."""
    def answered_by_python(self, ticket: int) -> None:
        """The call that `admit` sent to Python has ended (for its latency)."""
    def abandoned(self, ticket: int) -> None:
        """The call was cut off (cancelled, interrupted) without an outcome."""
    def reset_errors(self) -> None:
        """Close the breaker and forget its history, a latched one included."""
    def status(self) -> dict[str, Any]:
        """Mode, shares, breaker and counts, as they are now. See `accel.report`."""
