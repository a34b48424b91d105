"""What LiteLLM's own tests pin, said again in our words and numbers, with accel active."""

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

# Read when LiteLLM is imported: the bundled cost map, for tests use no network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import accel  # noqa: I001  # before LiteLLM, as users are told
import litellm
import pytest
from litellm.utils import _invalidate_model_cost_lowercase_map
from support.limiter import Moment
from support.live import kept_flags
from support.original import without_seams
from support.pins import seams, total

for target in seams():
    importlib.import_module(target.partition(":")[0])  # loaded lazily otherwise; the seams wait for it

# These answer otherwise than LiteLLM, which is why somebody has to ask for them.
OTHERWISE = frozenset(
    {
        "limit_capacity",
        "sliding_window",
        "token_bucket",
        "exact_retry_after",
        "uncharged_rejection",
        "guarded_settle",
        "limit_leases",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # LiteLLM's own types, told of by pydantic when it first meets them: in whichever test that is.
    own_types = pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class:UserWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(own_types)


@pytest.fixture(autouse=True)
def everything_native() -> Iterator[None]:
    """Every feature that answers as LiteLLM does on for every call, none sampled; every seam in its place, before
    and after.
    """
    with kept_flags():
        for feature in accel.status().features:
            mode = "off" if feature in OTHERWISE else "on"
            accel.set_flag(feature, mode=mode, percent=100, verify_percent=0)
        assert set(seams().values()) == {"applied"}, seams()
        wrong = total("failed"), total("mismatched")
        yield
        assert set(seams().values()) == {"applied"}, f"the test left {seams()}"
        assert (total("failed"), total("mismatched")) == wrong


@pytest.fixture(params=["accel", "plain"])
def side(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs twice: with accel as above, and on LiteLLM as it was; no router of an earlier one listens."""
    side: str = request.param
    with pytest.MonkeyPatch.context() as patch:
        for name in ("callbacks", "input_callback", "success_callback", "failure_callback"):
            patch.setattr(litellm, name, [])
        for name in ("_async_success_callback", "_async_failure_callback"):
            patch.setattr(litellm, name, [])
        if side == "accel":
            yield side
            return
        with without_seams():
            yield side


@pytest.fixture
def kept_prices() -> Iterator[None]:
    """A Router registers what its deployments say of their models for all of the process: here for a test."""
    before = {model: dict(entry) for model, entry in litellm.model_cost.items()}
    yield
    litellm.model_cost.clear()
    litellm.model_cost.update(before)
    _invalidate_model_cost_lowercase_map()


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    """The process's clock, standing still."""
    return Moment(monkeypatch)
