"""Differential tests: LiteLLM with accel against the unpatched LiteLLM, in the same run."""

import os
from collections.abc import Iterator
from pathlib import Path

# Read when LiteLLM is imported: the bundled cost map, for tests use no network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import accel  # noqa: I001  # before LiteLLM, as users are told
import litellm.litellm_core_utils.token_counter  # loaded lazily otherwise; the seams wait for it
import litellm.proxy.spend_tracking.input_tokens  # noqa: F401
import pytest
from support.calls import calls_of
from support.live import kept_flags

_FEATURES = ("token_counting", "token_memo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # LiteLLM's own types, told of by pydantic when it first meets them: in whichever test that is.
    own_types = pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class:UserWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(own_types)


@pytest.fixture(autouse=True)
def native_token_counting() -> Iterator[None]:
    """Every call native, none sampled; afterwards the flags as before and no defect on the account."""
    with kept_flags(), calls_of() as calls, calls_of("token_memo") as looked_up:
        for feature in _FEATURES:
            accel.set_flag(feature, mode="on", percent=100, verify_percent=0)
        _assert_applied()
        yield
        _assert_applied()
    assert (calls.failed, calls.mismatched) == (looked_up.failed, looked_up.mismatched) == (0, 0)


def _assert_applied() -> None:
    for name in _FEATURES:
        feature = accel.status().features[name]
        assert [row for row in feature["seams"] if row["state"] != "applied"] == []
        assert feature["breaker"]["state"] == "closed"
