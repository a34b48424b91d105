"""The exceptions of accel; the Rust border raises those marked so."""


class AccelError(Exception):
    """Base of every exception that accel raises."""


class Declined(AccelError):
    """Native code, or what prepares it, says "not mine" before any effect. `args[0]` is the reason.

    Raised by the border. A reason is one of a few fixed sentences; it never holds a user's text.
    """


class FlagError(AccelError):
    """A flag or an environment variable has a value that it may not have. Says which, and what it may be."""


class FellBack(AccelError):
    """With `ACCEL_STRICT=1`: a call that should have gone native went to Python. For tests only."""


class NotReplayable(AccelError):
    """Native code failed after an effect, so the original must not run. `__cause__` is the failure."""
