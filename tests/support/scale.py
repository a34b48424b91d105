"""How much a differential test does: `ACCEL_TEST_SCALE` multiplies the random volume."""

import os

SCALE = float(os.environ.get("ACCEL_TEST_SCALE", "1"))


def scaled(volume: int) -> int:
    """The volume of this run; at least one."""
    return max(1, round(volume * SCALE))
