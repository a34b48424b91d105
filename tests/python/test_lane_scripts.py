"""The scripts that the lane runs on Redis are LiteLLM's own, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3

FOLDER = Path(__file__).parents[2] / "src" / "core" / "limits" / "lua"


@pytest.mark.parametrize(
    ("file", "script"),
    [("release.lua", v3.PARALLEL_RELEASE_SCRIPT), ("settle.lua", v3.TOKEN_INCREMENT_SCRIPT)],
)
def test_letter_by_letter(file: str, script: str) -> None:
    assert (FOLDER / file).read_text() == script
