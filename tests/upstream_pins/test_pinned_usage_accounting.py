"""What a Router counts of its deployments' calls, and the headers that tell what is left."""

from datetime import datetime, timezone
from typing import Any

import litellm
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.constants import ROUTER_USAGE_COUNTED_TOKENS_METADATA_KEY
from litellm.router_strategy.lowest_tpm_rpm_v2 import LowestTPMLoggingHandler_v2

from support.limiter import HELLO, in_a_loop
from support.routes import picked, routed, row

pytestmark = pytest.mark.usefixtures("side", "kept_prices")

LIMITS = {"tpm": 1000, "rpm": 100}


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """All calls in the same one."""
    now = datetime(2026, 11, 21, 12, 34, tzinfo=timezone.utc)
    monkeypatch.setattr("litellm.router.get_utc_datetime", lambda: now)


async def counted(router: Any, tokens: float = 25, requests: int = 1, name: str = "d") -> str | None:
    key: str | None = await router._increment_deployment_usage(
        deployment_id=name,
        deployment_name="openai/gpt-4o",
        model_group="m",
        total_tokens=tokens,
        rpm_increment=requests,
        parent_otel_span=None,
    )
    return key


@pytest.mark.parametrize(
    "deployment",
    [
        row("d", **LIMITS),
        row("d", rpm=5),
        row("d", tpm=0),
        row("d", info={"tpm": 3}),
        {**row("d"), "tpm": 7},
        row("d", itpm=9),
        row("d", model="openai/unmapped", rpm=5),
    ],
)
@in_a_loop
async def test_a_deployment_with_a_limit_is_counted(deployment: Any) -> None:
    router = routed(deployment)
    assert await counted(router) == "global_router:d:openai/gpt-4o:tpm:12-34"
    assert router.cache.in_memory_cache.cache_dict == {
        "global_router:d:openai/gpt-4o:tpm:12-34": 25,
        "global_router:d:openai/gpt-4o:rpm:12-34": 1,
    }
    assert await counted(router, 0, 0) is None
    assert await counted(router, 0, 1) is not None
    assert await counted(router, 5, 0) is not None
    kept = router.cache.in_memory_cache.cache_dict
    assert kept["global_router:d:openai/gpt-4o:tpm:12-34"] == 30
    assert kept["global_router:d:openai/gpt-4o:rpm:12-34"] == 2
    if "unmapped" not in deployment["litellm_params"]["model"]:
        assert await router.get_model_group_usage("m") == (30, 2)


@in_a_loop
async def test_without_a_limit_nothing_is_counted() -> None:
    router = routed(row("d"), row("e", **LIMITS))
    assert await counted(router) is None
    assert await counted(router, name="nobody") is None
    assert router.cache.in_memory_cache.cache_dict == {}
    assert await router.get_model_group_usage("m") == (None, None)


@in_a_loop
async def test_a_limit_that_somebody_sets_or_takes_away_holds_at_once() -> None:
    router = routed(row("d"))
    assert await counted(router) is None
    router.model_list[0]["litellm_params"]["rpm"] = 5
    assert await counted(router) is not None
    router.model_list[0]["litellm_params"]["rpm"] = None
    assert await counted(router) is None


@in_a_loop
async def test_an_answer_is_counted_where_its_call_was_and_only_once() -> None:
    router = routed(row("d", **LIMITS))
    request: dict[str, Any] = {
        "model": "m",
        "litellm_metadata": {"model_group": "m", "model_info": {"id": "d"}, "deployment": "openai/gpt-4o"},
    }
    await router.increment_deployment_usage_for_response(response=None, request_kwargs=request)
    assert ROUTER_USAGE_COUNTED_TOKENS_METADATA_KEY not in request["litellm_metadata"]
    assert await router.get_model_group_usage("m") == (None, None)
    answer = litellm.ModelResponse(usage=litellm.Usage(total_tokens=60))
    await router.increment_deployment_usage_for_response(response=answer, request_kwargs=request)
    assert request["litellm_metadata"][ROUTER_USAGE_COUNTED_TOKENS_METADATA_KEY] == 60
    assert await router.get_model_group_usage("m") == (60, 1)
    told = {
        "litellm_params": {
            "metadata": {
                "deployment": "openai/gpt-4o",
                "model_group": "m",
                ROUTER_USAGE_COUNTED_TOKENS_METADATA_KEY: 60,
            },
            "model_info": {"id": "d"},
        },
        "standard_logging_object": {
            "total_tokens": 100,
            "model_id": "d",
            "model_group": "m",
            "hidden_params": {"litellm_model_name": "openai/gpt-4o"},
            "metadata": {},
        },
    }
    answer = litellm.ModelResponse(usage=litellm.Usage(total_tokens=100))
    key = await router.deployment_callback_on_success(told, answer, 0.0, 1.0)
    assert key == "global_router:d:openai/gpt-4o:tpm:12-34"
    assert await router.get_model_group_usage("m") == (100, 1), "what came since"
    assert router.sync_deployment_callback_on_success(told, answer, 0.0, 1.0) is not None


def left(response: Any) -> dict[str, int]:
    headers = response._hidden_params["additional_headers"]
    return {name: value for name, value in headers.items() if name.startswith("x-ratelimit-")}


@in_a_loop
async def test_the_headers_of_an_answer_tell_what_is_left_after_it() -> None:
    router = routed(row("d", group="openai/*", model="openai/*", **LIMITS), row("n", group="n"))
    used = 0
    for number in range(1, 4):
        response = await router.acompletion(model="openai/gpt-4o", messages=HELLO)
        used += response.usage.total_tokens
        assert await router.get_model_group_usage("openai/gpt-4o") == (used, number)
        assert left(response) == {
            "x-ratelimit-remaining-tokens": 1000 - used,
            "x-ratelimit-limit-tokens": 1000,
            "x-ratelimit-remaining-requests": 100 - number,
            "x-ratelimit-limit-requests": 100,
        }
    assert left(await router.acompletion(model="n", messages=HELLO)) == {}
    stream = await router.acompletion(model="openai/gpt-4o", messages=HELLO, stream=True)
    assert left(stream)["x-ratelimit-remaining-requests"] == 96
    assert [chunk async for chunk in stream]
    assert await router.set_response_headers(response=None, model_group=None) is None


class Shared:
    """A Redis that several workers add to."""

    def __init__(self) -> None:
        self.kept: dict[str, float] = {}

    async def async_increment_pipeline(self, increment_list: Any, **_: Any) -> list[float]:
        for operation in increment_list:
            key = operation["key"]
            self.kept[key] = self.kept.get(key, 0.0) + operation["increment_value"]
        return [self.kept[operation["key"]] for operation in increment_list]

    async def async_batch_get_cache(self, key_list: Any, **_: Any) -> dict[str, Any]:
        return {key: self.kept.get(key) for key in key_list}

    async def async_get_cache(self, key: str, **_: Any) -> Any:
        return self.kept.get(key)

    async def async_set_cache(self, key: str, value: Any, **_: Any) -> None:
        self.kept[key] = value


@in_a_loop
async def test_what_other_workers_used_is_told_too() -> None:
    shared: Any = Shared()
    one, other = (routed(row("d", **LIMITS)) for _ in range(2))
    for router in (one, other):
        router.cache = DualCache(redis_cache=shared, in_memory_cache=InMemoryCache())
    used = 0
    for _ in range(3):
        used += (await one.acompletion(model="m", messages=HELLO)).usage.total_tokens
    response = await other.acompletion(model="m", messages=HELLO)
    headers = left(response)
    assert headers["x-ratelimit-remaining-requests"] == 96
    assert headers["x-ratelimit-remaining-tokens"] == 1000 - used - response.usage.total_tokens


@in_a_loop
async def test_the_second_strategys_tokens_are_memorys_at_once() -> None:
    strategy: Any = LowestTPMLoggingHandler_v2(router_cache=DualCache(), routing_args={})
    payload = {
        "model_group": "m",
        "hidden_params": {"litellm_model_name": "openai/gpt-4o"},
        "model_id": "d",
        "total_tokens": 100,
    }
    told = {"standard_logging_object": payload, "litellm_params": {"metadata": {}, "model_info": {"id": "d"}}}
    for number in (1, 2):
        await strategy.async_log_success_event(told, None, None, None)
        assert sum(strategy.router_cache.in_memory_cache.cache_dict.values()) == 100 * number
    assert all(key.startswith("d:openai/gpt-4o:tpm:") for key in strategy.router_cache.in_memory_cache.cache_dict)
    assert strategy.redis_increment_operation_queue == [], "in this release they are sent by themselves"


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_of_equals_the_second_strategy_takes_any(synchronous: bool) -> None:
    router = routed(row("d", tpm=1440), row("e", tpm=1440), routing_strategy="usage-based-routing-v2")
    assert {await picked(router, synchronous=synchronous) for _ in range(40)} == {"d", "e"}


def test_requests_of_a_deployment_are_counted_one_by_one() -> None:
    router = routed(row("d"))
    assert [router._update_usage("d", parent_otel_span=None) for _ in range(3)] == [1, 2, 3]
