"""The reservation of a budget: the counted input that it carries, and the routes that reserve nothing."""

import asyncio
from typing import Any

import orjson
import pytest
from litellm.caching.dual_cache import DualCache

from support.pins import alike, native, user

ASKED = [user("How high is the water?")]  # 13 tokens
CLAUDE = "claude-sonnet-4-5-20250929"


def budgets() -> Any:
    """Imported inside a test, where what pydantic says of LiteLLM's types is expected."""
    from litellm.proxy.spend_tracking import budget_reservation

    return budget_reservation


def reserved(route: str, body: dict[str, Any]) -> Any:
    from litellm.proxy._types import UserAPIKeyAuth
    from litellm.proxy.common_utils.user_api_key_cache import UserApiKeyCache
    from litellm.proxy.utils import ProxyLogging

    async def reserve() -> Any:
        return await budgets().reserve_budget_for_request(
            request_body=body,
            route=route,
            llm_router=None,
            valid_token=UserAPIKeyAuth(api_key="sk-pin", token="pin", max_budget=100.0, spend=0.0),
            team_object=None,
            user_object=None,
            prisma_client=None,
            user_api_key_cache=UserApiKeyCache(),
            proxy_logging_obj=ProxyLogging(user_api_key_cache=DualCache()),
        )

    return asyncio.run(reserve())


@pytest.mark.parametrize(
    ("route", "body", "tokens"),
    [
        ("/v1/responses", {"model": "gpt-4o", "input": "high water"}, 2),
        ("/v1/chat/completions", {"model": "gpt-4o", "messages": ASKED}, 13),
        ("/v1/messages", {"model": "claude-sonnet-4-5", "max_tokens": 16, "messages": ASKED}, 13),
    ],
)
def test_a_reservation_carries_the_counted_input(route: str, body: dict[str, Any], tokens: int) -> None:
    with native():
        reservation = reserved(route, body)
    assert reservation["input_tokens"] == tokens
    assert reservation["reserved_cost"] > 0
    assert reservation["callback_bound"] is False


@pytest.mark.parametrize(
    "route",
    [
        "/responses/input_tokens",
        "/openai/v1/responses/input_tokens",
        "/utils/token_counter",
        "/v1/messages/count_tokens",
        "/v1beta/models/gemini-3.8-flash:countTokens",
        "/bedrock/v1/messages/count-tokens",
        "/bedrock/model/us.anthropic.claude-sonnet-4-6/count-tokens",
        "/vertex_ai/v1/projects/p/locations/us-east5/publishers/anthropic/models/count-tokens:rawPredict",
    ],
)
def test_a_route_that_counts_reserves_nothing(route: str) -> None:
    assert reserved(route, {"model": "gpt-4o", "messages": ASKED, "input": "high water"}) is None


ROUTES: dict[str, tuple[dict[str, Any], int]] = {
    "/v1/messages": ({"max_tokens": 16, "messages": ASKED}, 13),
    "/v1/chat/completions": ({"messages": ASKED}, 13),
    "/v1/completions": ({"prompt": "high water"}, 2),
    "/v1/responses": ({"input": "high water"}, 2),
    "/v1/embeddings": ({"input": ["high water"]}, 2),
    "/v1/rerank": ({"query": "high water", "documents": ["tide"]}, 4),
}


@pytest.mark.parametrize("route", ROUTES)
def test_each_route_counts_its_input(route: str) -> None:
    """For each of several models; the raw body changes nothing in this release."""
    fields, tokens = ROUTES[route]
    models = [CLAUDE, "gpt-4", "gemini/gemini-2.5-pro", "gpt-4o", "gpt-5"]
    body = {"model": models, **fields}

    def counted(raw: bytes | None) -> dict[str, int]:
        counting = budgets().count_request_input_tokens(
            request_body=body, route=route, llm_router=None, raw_body=raw
        )
        return dict(asyncio.run(counting))

    for raw in (None, orjson.dumps(body)):
        alike(dict.fromkeys(models, tokens), counted, raw)


def test_a_body_of_bedrocks_own_shape_costs_its_prompt() -> None:
    """Not the whole window of the model: blocks without a type are counted as they are written out."""
    model = "us.anthropic.claude-sonnet-4-6"

    def cost(shape: str, **body: Any) -> float:
        estimated: float | None = budgets().estimate_request_max_cost(
            request_body=body, route=f"/bedrock/model/{model}/{shape}", llm_router=None, input_token_counts={}
        )
        assert estimated is not None
        return estimated

    converse: dict[str, Any] = {
        "messages": [user([{"text": "How high is the water?"}])],
        "inferenceConfig": {"maxTokens": 5},
    }
    with native():
        whole = cost("invoke", messages=ASKED, max_tokens=5)
    written_out = cost("converse", **converse)
    assert whole < written_out < 2 * whole
    alike(written_out, cost, "converse", **converse)
