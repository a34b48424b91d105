"""The exceptions of accel; the Rust border raises those marked so."""


class AccelError(Exception):
    """Base of every exception that accel raises."""


class Declined(AccelError):
    """Raised by the border: native code says "not mine", before any effect. `args[0]` is the reason."""
