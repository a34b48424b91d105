"""Times for people."""


def duration(us: float) -> str:
    """Microseconds, three digits."""
    return f"{us / 1000:.3g} ms" if us >= 1000 else f"{us:.3g} µs"
