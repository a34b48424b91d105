"""What LiteLLM's own tests pin, said again in our words and numbers, with accel active."""

import os
from collections.abc import Iterator
from pathlib import Path

# Read when LiteLLM is imported: the bundled cost map, for tests use no network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import accel  # noqa: I001  # before LiteLLM, as users are told
import litellm.litellm_core_utils.token_counter  # loaded lazily otherwise; the seams wait for it
import litellm.proxy.spend_tracking.input_tokens  # noqa: F401  # the same, and a part of the proxy
import pytest
from support.live import kept_flags
from support.pins import seams, total


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # LiteLLM's own types, told of by pydantic when it first meets them: in whichever test that is.
    own_types = pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class:UserWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(own_types)


@pytest.fixture(autouse=True)
def everything_native() -> Iterator[None]:
    """Every feature on for every call, none sampled; every seam in its place, before and after."""
    with kept_flags():
        for feature in accel.status().features:
            accel.set_flag(feature, mode="on", percent=100, verify_percent=0)
        assert set(seams().values()) == {"applied"}, seams()
        wrong = total("failed"), total("mismatched")
        yield
        assert set(seams().values()) == {"applied"}, f"the test left {seams()}"
        assert (total("failed"), total("mismatched")) == wrong
