"""The strategy of the lowest cost: what it keeps of a call, and whom it picks."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import litellm
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.router_strategy.lowest_cost import LowestCostLoggingHandler
from litellm.types.router import RouterRateLimitError

from support.limiter import HELLO, in_a_loop
from support.routes import names, picked, routed, row

pytestmark = pytest.mark.usefixtures("side")

PRICES = {
    "dear": {"input_cost_per_token": 5e-6, "output_cost_per_token": 5e-6, "litellm_provider": "openai"},
    "fair": {"input_cost_per_token": 2e-6, "output_cost_per_token": 3e-6, "litellm_provider": "openai"},
    "house/cheap": {"input_cost_per_token": 1e-9, "output_cost_per_token": 1e-9, "litellm_provider": "openai"},
    "house/odd": {"input_cost_per_token": "free", "output_cost_per_token": True},
}


@pytest.fixture(autouse=True)
def prices(monkeypatch: pytest.MonkeyPatch) -> None:
    for model, entry in PRICES.items():
        monkeypatch.setitem(litellm.model_cost, model, entry)


def minutes() -> list[str]:
    """This minute's bucket, and its neighbours', should it end meanwhile."""
    now = datetime.now()
    return [(now + timedelta(minutes=offset)).strftime("%Y-%m-%d-%H-%M") for offset in (-1, 0, 1)]


async def cheapest(*deployments: Any, cache: Any = None) -> Any:
    strategy = LowestCostLoggingHandler(router_cache=cache or DualCache())
    return await strategy.async_get_available_deployments(
        model_group="m", healthy_deployments=list(deployments), messages=HELLO
    )


@pytest.mark.parametrize("awaited", [True, False])
@in_a_loop
async def test_a_call_is_kept_beside_what_another_strategy_keeps(awaited: bool) -> None:
    cache: Any = DualCache()
    others = {"d": {"latency": [0.5], "time_to_first_token": [0.1]}}
    for key in ("m_map", "m_cost_map"):
        cache.set_cache(key=key, value=deepcopy(others))
    strategy: Any = LowestCostLoggingHandler(router_cache=cache)
    told = {"litellm_params": {"metadata": {"model_group": "m"}, "model_info": {"id": 7}}}
    answer = litellm.ModelResponse(usage=litellm.Usage(prompt_tokens=7, completion_tokens=0, total_tokens=7))
    for _ in range(2):
        call = {"kwargs": told, "response_obj": answer, "start_time": 0.0, "end_time": 2.0}
        if awaited:
            await strategy.async_log_success_event(**call)
        else:
            strategy.log_success_event(**call)
    ((name, entry),) = cache.get_cache(key="cost_map:m").items()
    assert (name, set(entry) <= set(minutes())) == ("7", True)
    assert sum(bucket["tpm"] for bucket in entry.values()) == 14
    assert sum(bucket["rpm"] for bucket in entry.values()) == 2
    assert [cache.get_cache(key=key) for key in ("m_map", "m_cost_map")] == [others, others]


@pytest.mark.parametrize(
    ("models", "name"),
    [
        ({"d": "dear", "e": "fair"}, "e"),
        # With its provider's name before it, a model is another one in this release.
        ({"d": "openai/gpt-4o", "e": "openai/gpt-4o-mini"}, "d"),
        ({"d": "openai/gpt-4o-mini", "e": "gpt-4o"}, "e"),
        ({"d": "house/cheap", "e": "fair"}, "d"),
        ({"d": "house/odd", "e": "dear"}, "e"),
        ({"d": None, "e": "dear"}, "e"),
        ({"d": "nobody's", "e": "dear"}, "e"),
        ({"d": "ollama/nobody's", "e": "dear"}, "e"),
        ({"d": "nobody's", "e": "house/nobody's"}, "d"),
    ],
)
@in_a_loop
async def test_the_price_is_the_cost_maps_and_else_five_dollars_a_token(
    models: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployments = [row(deployment, model=model) for deployment, model in models.items()]
    before = dict(litellm.model_cost)

    def asked(*_arguments: Any, **_named: Any) -> Any:
        raise AssertionError("a provider could be asked about a model by its name")

    monkeypatch.setattr(litellm, "get_model_info", asked)
    found = await cheapest(*deployments)
    assert found is deployments[list(models).index(name)]
    assert litellm.model_cost == before, "this release keeps nothing of what it resolved"


@in_a_loop
async def test_a_price_of_its_own_goes_before_the_cost_maps() -> None:
    own = {"input_cost_per_token": 1e-9, "output_cost_per_token": 1e-8}
    deployments = [row("d", model="fair"), row("e", model="dear", **own), row("f", model="dear")]
    assert await cheapest(*deployments) is deployments[1]
    much = {"input_cost_per_token": 10, "output_cost_per_token": 12}
    assert await cheapest(row("d", model="fair", **much), deployments[2]) is deployments[2]
    # Of nothing: as if it had none.
    free = {"input_cost_per_token": 0, "output_cost_per_token": 0}
    assert await cheapest(row("d", model="dear", **free), deployments[0]) is deployments[0]
    base = row("e", model="dear", info={"base_model": "house/cheap"})
    assert await cheapest(row("d", model="fair"), base) is base
    half = row("e", model="dear", input_cost_per_token=1e-9)
    assert await cheapest(row("d", model="dear"), half) is half


@pytest.mark.parametrize("level", ["top", "litellm_params", "model_info"])
@in_a_loop
async def test_one_at_its_limit_is_passed_over(level: str) -> None:
    for limit, value, free in (
        ("rpm", 3, False),
        ("rpm", 4, True),
        ("tpm", 40, False),
        ("tpm", 1_000, True),
        ("rpm", 0, True),
    ):
        cheap = row("d", model="house/cheap")
        (cheap if level == "top" else cheap[level])[limit] = value
        cache: Any = DualCache()
        used = {minute: {"tpm": 40, "rpm": 3} for minute in minutes()}
        cache.set_cache("cost_map:m", {"d": used, "e": used})
        assert names([await cheapest(cheap, row("e", model="dear"), cache=cache)]) == ["d" if free else "e"]
        assert await cheapest(cheap, cache=cache) is (cheap if free else None)


@in_a_loop
async def test_a_router_goes_to_the_cheapest_unless_it_may_not_wait() -> None:
    dear, cheap = ({"input_cost_per_token": price, "output_cost_per_token": price} for price in (0.002, 0.001))
    router = routed(row("d", **dear), row("e", **cheap), routing_strategy="cost-based-routing")
    assert {await picked(router) for _ in range(10)} == {"e"}
    with pytest.raises(RouterRateLimitError):
        await picked(router, synchronous=True)
