"""Differential tests: LiteLLM with accel against the unpatched LiteLLM, in the same run."""

import os
from collections.abc import Iterator
from pathlib import Path

# Read when LiteLLM is imported: the bundled cost map, for tests use no network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import accel  # noqa: I001  # before LiteLLM, as users are told
import litellm.litellm_core_utils.token_counter  # noqa: F401  # loaded lazily otherwise; the seam waits for it
import pytest
from support.calls import calls_of
from support.live import kept_flags

_SEAM = "litellm.litellm_core_utils.token_counter:_get_exact_count_function"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # LiteLLM's own types, told of by pydantic when it first meets them: in whichever test that is.
    own_types = pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class:UserWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(own_types)


@pytest.fixture(autouse=True)
def native_token_counting() -> Iterator[None]:
    """Every call native, none sampled; afterwards the flags as before and no defect on the account."""
    with kept_flags(), calls_of() as calls:
        accel.set_flag("token_counting", mode="on", percent=100, verify_percent=0)
        (row,) = accel.status().features["token_counting"]["seams"]
        assert (row["target"], row["state"]) == (_SEAM, "applied"), row
        yield
        (row,) = accel.status().features["token_counting"]["seams"]
        assert row["state"] == "applied", f"the test left the seam {row}"
        assert accel.status().features["token_counting"]["breaker"]["state"] == "closed"
    assert (calls.failed, calls.mismatched) == (0, 0)
