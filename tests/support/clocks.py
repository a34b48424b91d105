"""A clock that stands still until a program moves it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from unittest.mock import patch

START_S = 1_700_000_000.25


class Clock:
    """Seconds since the epoch. `tick_s` is added by each reading, for programs that count readings."""

    def __init__(self, now_s: float = START_S, tick_s: float = 0.0) -> None:
        self.now_s = now_s
        self.tick_s = tick_s

    def __call__(self) -> float:
        self.now_s += self.tick_s
        return self.now_s

    def date(self) -> datetime:
        return datetime.fromtimestamp(self(), timezone.utc)

    def move(self, by_s: float) -> None:
        self.now_s += by_s


@contextmanager
def wall_clock(clock: Clock) -> Iterator[None]:
    """Inside the block `time.time` is the clock, for what takes no clock of its own."""
    with patch("time.time", clock):
        yield


@contextmanager
def utc_minutes(clock: Clock) -> Iterator[None]:
    """Inside the block the Router's limits count in the minutes of the clock."""
    with ExitStack() as patched:
        for module in ("router_strategy.lowest_tpm_rpm_v2", "router_utils.pre_call_checks.model_rate_limit_check"):
            patched.enter_context(patch(f"litellm.{module}.get_utc_datetime", clock.date))
        patched.enter_context(
            patch("litellm.router_utils.pre_call_checks.io_token_rate_limit_check.get_utc_datetime", clock.date)
        )
        yield
