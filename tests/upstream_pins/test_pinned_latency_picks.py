"""The strategy of the lowest latency: what it keeps of a call, and whom it picks."""

import json
import random
import time
from datetime import datetime, timedelta
from typing import Any

import litellm
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.router_strategy.lowest_latency import LowestLatencyLoggingHandler, RoutingArgs
from pydantic import ValidationError

from support.limiter import HELLO, Moment, in_a_loop
from support.routes import names, picked, routed, row, served

pytestmark = pytest.mark.usefixtures("side")

BOTH = [row("d"), row("e")]
BEGAN = datetime(2026, 11, 21, 12, 0, 0)


def handler(**settings: Any) -> Any:
    return LowestLatencyLoggingHandler(router_cache=DualCache(), routing_args=settings)


def chat(tokens: int) -> Any:
    return litellm.ModelResponse(
        usage=litellm.Usage(prompt_tokens=7, completion_tokens=tokens, total_tokens=7 + tokens)
    )


def told(name: Any, **keys: Any) -> dict[str, Any]:
    """What the callback of a strategy is told of a call."""
    return {"litellm_params": {"metadata": {"model_group": "m"}, "model_info": {"id": name}}, **keys}


async def logged(strategy: Any, awaited: bool, name: Any, response: Any, took: Any, **keys: Any) -> None:
    began = BEGAN.timestamp() if isinstance(took, float) else BEGAN
    call = {"kwargs": told(name, **keys), "response_obj": response, "start_time": began, "end_time": began + took}
    if awaited:
        await strategy.async_log_success_event(**call)
    else:
        strategy.log_success_event(**call)


def kept(strategy: Any) -> Any:
    return strategy.router_cache.get_cache(key="m_map")


def minutes() -> list[str]:
    """This minute's bucket, and its neighbours', should it end meanwhile."""
    now = datetime.now()
    return [(now + timedelta(minutes=offset)).strftime("%Y-%m-%d-%H-%M") for offset in (-1, 0, 1)]


async def choice(strategy: Any, awaited: bool, deployments: Any = None, **request: Any) -> Any:
    call = {"model_group": "m", "healthy_deployments": deployments or BOTH, "messages": HELLO, **request}
    if awaited:
        return await strategy.async_get_available_deployments(**call)
    return strategy.get_available_deployments(**call)


@pytest.mark.parametrize("awaited", [True, False])
@pytest.mark.parametrize("took", [timedelta(seconds=3), 3.0])
@in_a_loop
async def test_a_call_is_kept_in_seconds_a_chat_in_seconds_a_token(took: Any, awaited: bool) -> None:
    embedded = litellm.EmbeddingResponse(usage=litellm.Usage(prompt_tokens=7, total_tokens=7))
    plain = {"usage": {"total_tokens": 7}}
    for response, seconds, tokens in ((embedded, 3.0, 0), (plain, 3.0, 0), (chat(6), 0.5, 13), (chat(0), 3.0, 7)):
        strategy = handler()
        await logged(strategy, awaited, 7, response, took)
        ((name, entry),) = kept(strategy).items()
        (minute,) = set(entry) - {"latency"}
        assert (name, entry["latency"], entry[minute]) == ("7", [seconds], {"tpm": tokens, "rpm": 1})
        assert minute in minutes()
        assert json.loads(json.dumps(kept(strategy))) == kept(strategy), "no time that Redis could not be given"


@pytest.mark.parametrize("awaited", [True, False])
@in_a_loop
async def test_only_the_newest_calls_are_kept(awaited: bool) -> None:
    strategy = handler(max_latency_list_size=3)
    for seconds in range(1, 11):
        began = BEGAN.timestamp()
        keys = {"stream": True, "completion_start_time": began + seconds / 2}
        await logged(strategy, awaited, "d", chat(1), float(seconds), **keys)
    assert kept(strategy)["d"]["latency"] == [8.0, 9.0, 10.0]
    assert kept(strategy)["d"]["time_to_first_token_seconds"] == [4.0, 4.5, 5.0], "of the whole text, not a token"
    timeout = told("d", exception=litellm.Timeout("late", model="m", llm_provider="openai"))
    await strategy.async_log_failure_event(timeout, None, 0, 0)
    await strategy.async_log_failure_event(told("d", exception=ValueError("else")), None, 0, 0)
    assert kept(strategy)["d"]["latency"] == [9.0, 10.0, 1000.0], "a timeout costs a thousand seconds"


def test_the_map_lives_as_long_as_it_is_told(moment: Moment) -> None:
    strategy = handler(ttl=3)
    strategy.log_success_event(told("d"), {}, 100.0, 101.0)
    assert kept(strategy)["d"]["latency"] == [1.0]
    assert strategy.router_cache.in_memory_cache.ttl_dict["m_map"] == time.time() + 3
    moment.advance(4)
    assert kept(strategy) is None


@pytest.mark.parametrize("awaited", [True, False])
@in_a_loop
async def test_the_quickest_is_picked(awaited: bool) -> None:
    strategy = handler()
    for name, seconds in (("d", 3.0), ("e", 2.0), ("gone", 1.0)):
        await logged(strategy, awaited, name, {}, seconds)
    for _ in range(20):
        assert await choice(strategy, awaited) is BOTH[1]


@pytest.mark.parametrize(("buffer", "found"), [(0, {"e"}), (0.4, {"e"}), (1, {"d", "e"})])
@in_a_loop
async def test_those_nearly_as_quick_share(buffer: float, found: set[str]) -> None:
    router = routed(
        *BOTH,
        routing_strategy="latency-based-routing",
        routing_strategy_args={"lowest_latency_buffer": buffer},
    )
    router.cache.set_cache("m_map", {"d": {"latency": [3.0]}, "e": {"latency": [1.0, 3.0]}})
    random.seed(11)
    assert {await picked(router, synchronous=bool(turn % 2)) for turn in range(40)} == found


@in_a_loop
async def test_without_any_call_all_share() -> None:
    router = routed(*(row(name) for name in "defg"), routing_strategy="latency-based-routing")
    random.seed(11)
    assert {await picked(router) for _ in range(60)} == set("defg")


STREAM = {"stream": True, "metadata": {}}


@pytest.mark.parametrize("awaited", [True, False])
@in_a_loop
async def test_a_stream_is_picked_by_its_first_token(awaited: bool) -> None:
    strategy = handler()
    for name, first, tokens in (("d", 1, 50), ("e", 3, 500)):
        keys = {"stream": True, "completion_start_time": BEGAN + timedelta(seconds=first)}
        await logged(strategy, awaited, name, chat(tokens), timedelta(seconds=10), **keys)
    assert (await choice(strategy, awaited, request_kwargs=dict(STREAM)))["model_info"]["id"] == "d"
    for request in (None, {}, {"stream": False, "metadata": {}}):
        assert (await choice(strategy, awaited, request_kwargs=request))["model_info"]["id"] == "e"
    # Of a worker of another release, by the token: not read.
    mixed = {
        "d": {"time_to_first_token": [0.02], "time_to_first_token_seconds": [1.0]},
        "e": {"time_to_first_token": [0.006], "time_to_first_token_seconds": [3.0]},
    }
    strategy.router_cache.set_cache("m_map", mixed)
    assert (await choice(strategy, awaited, request_kwargs=dict(STREAM)))["model_info"]["id"] == "d"


@pytest.mark.parametrize("awaited", [True, False])
@pytest.mark.parametrize(
    ("percentile", "first", "second", "name"),
    [
        (None, [0.1, 0.1, 1.0], [0.3, 0.3, 0.3], "e"),
        (0.5, [0.1, 0.1, 1.0], [0.3, 0.3, 0.3], "d"),
        (0.9, [0.1, 0.1, 0.1, 0.1, 1.5], [0.3] * 5, "e"),
        (1.0, [0.1, 0.2], [0.3, 0.05], "d"),
    ],
)
@in_a_loop
async def test_of_first_tokens_the_mean_or_a_percentile_counts(
    percentile: float | None, first: list[float], second: list[float], name: str, awaited: bool
) -> None:
    strategy = handler(**({} if percentile is None else {"ttft_percentile": percentile}))
    seen = {"d": {"time_to_first_token_seconds": first}, "e": {"time_to_first_token_seconds": second}}
    strategy.router_cache.set_cache("m_map", seen)
    assert (await choice(strategy, awaited, request_kwargs=dict(STREAM)))["model_info"]["id"] == name


@in_a_loop
async def test_a_percentile_says_nothing_of_whole_answers() -> None:
    strategy = handler(ttft_percentile=0.9)
    seen = {
        "d": {"latency": [1.0], "time_to_first_token_seconds": [0.1]},
        "e": {"latency": [0.2], "time_to_first_token_seconds": [1.5]},
    }
    strategy.router_cache.set_cache("m_map", seen)
    assert (await choice(strategy, True, request_kwargs={"stream": False}))["model_info"]["id"] == "e"
    for wrong in (0, -0.1, 1.1):
        with pytest.raises(ValidationError):
            RoutingArgs(ttft_percentile=wrong)
    for right in (0.5, 0.9, 0.95, 1.0):
        assert RoutingArgs(ttft_percentile=right).ttft_percentile == right


@pytest.mark.parametrize("entry", [{"latency": []}, {"2026-09-05-15-39": {"tpm": 28, "rpm": 1}}, {}])
@in_a_loop
async def test_without_samples_a_deployment_is_the_quickest(entry: Any) -> None:
    strategy = handler()
    strategy.router_cache.set_cache("m_map", {"d": entry, "e": {"latency": [0.5]}})
    for _ in range(10):
        assert await choice(strategy, True) is BOTH[0]


@pytest.mark.parametrize("awaited", [True, False])
@pytest.mark.parametrize("level", ["top", "litellm_params", "model_info"])
@in_a_loop
async def test_one_at_its_limit_is_passed_over(level: str, awaited: bool) -> None:
    for limit, value, free in (
        ("rpm", 3, False),
        ("rpm", 4, True),
        ("tpm", 40, False),
        ("tpm", 41, False),
        ("tpm", 1_000, True),
    ):
        quick = row("d")
        (quick if level == "top" else quick[level])[limit] = value
        strategy = handler()
        used = {minute: {"tpm": 40, "rpm": 3} for minute in minutes()}
        seen = {"d": {"latency": [0.1], **used}, "e": {"latency": [9.0], **used}}
        strategy.router_cache.set_cache("m_map", seen)
        found = await choice(strategy, awaited, [quick, row("e")])
        assert names([found]) == ["d" if free else "e"]
        alone = await choice(strategy, awaited, [quick])
        assert alone is (quick if free else None)


@pytest.mark.parametrize("limit", ["tpm", "rpm"])
@in_a_loop
async def test_a_limit_of_nothing_is_none_in_this_release(limit: str) -> None:
    quick = row("d", info={limit: 0}, **{limit: 0})
    quick[limit] = 0
    assert await choice(handler(), True, [quick]) is quick
    assert handler()._get_available_deployments("m", [quick], request_count_dict={}) is quick


@pytest.mark.parametrize("stream", [True, False])
@in_a_loop
async def test_a_router_goes_to_the_quickest(stream: bool) -> None:
    router = routed(row("1", rpm=1440), row("2", rpm=6), routing_strategy="latency-based-routing")
    for name, seconds in ((1, 3.0), (2, 2.0)):
        router.lowestlatency_logger.log_success_event(told(name), {"usage": {"total_tokens": 5}}, 0.0, seconds)
    assert await picked(router, synchronous=True) == await picked(router) == "2"
    assert await served(router, stream=stream) == "2"


@in_a_loop
async def test_settings_of_a_running_router_reach_the_strategy() -> None:
    router = routed(*BOTH, routing_strategy="latency-based-routing")
    seen = {
        "d": {"time_to_first_token_seconds": [0.1, 0.1, 1.0]},
        "e": {"time_to_first_token_seconds": [0.3, 0.3, 0.3]},
    }
    router.cache.set_cache("m_map", seen)
    assert await picked(router, **STREAM) == "e"
    router.update_settings(routing_strategy_args={"ttft_percentile": 0.5})
    assert await picked(router, **STREAM) == "d"
    router.update_settings(routing_strategy_args={"ttft_percentile": 5})
    assert await picked(router, **STREAM) == "d", "what is no percentile changes nothing"
    shuffled = routed(row("d"))
    shuffled.update_settings(routing_strategy_args={"ttl": 5})
    assert (shuffled.routing_strategy_args, await picked(shuffled, **STREAM)) == ({"ttl": 5}, "d")
