"""How much a differential test does: `PARITY_SCALE` multiplies the random volume."""

import os

SCALE = float(os.environ.get("PARITY_SCALE", "1"))


def scaled(volume: int) -> int:
    """The volume of this run; at least one."""
    return max(1, round(volume * SCALE))
