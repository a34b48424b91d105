"""The proxy's headers of an answer: what it cost, whose key it was, and by which deployment."""

from typing import Any
from unittest.mock import MagicMock

import pytest
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.common_request_processing import (
    ProxyBaseLLMRequestProcessing,
    _get_cost_breakdown_from_logging_obj,
)

pytestmark = pytest.mark.usefixtures("side")

COST = "x-litellm-response-cost"


def logged(**breakdown: Any) -> Any:
    call = Logging(
        model="gpt-4o",
        messages=[{"role": "user", "content": "hello"}],
        stream=False,
        call_type="completion",
        start_time=None,
        litellm_call_id="c",
        function_id="f",
    )
    if breakdown:
        call.set_cost_breakdown(**{"cost_for_built_in_tools_cost_usd_dollar": 0.0, **breakdown})
    return call


def headers(spend: Any = 0.0, **said: Any) -> dict[str, str]:
    key = UserAPIKeyAuth(api_key="k", tpm_limit=7, rpm_limit=None, spend=0.0)
    key.spend = spend
    found: dict[str, str] = ProxyBaseLLMRequestProcessing.get_custom_headers(user_api_key_dict=key, **said)
    return found


def costs(found: dict[str, str]) -> dict[str, float]:
    return {name.removeprefix(f"{COST}-"): float(value) for name, value in found.items() if name.startswith(COST)}


def test_a_discount_and_a_margin_are_told_where_there_are_some() -> None:
    plain = {"input_cost": 0.00006, "output_cost": 0.00004, "total_cost": 0.0001}
    told = costs(headers(response_cost=0.0001, litellm_logging_obj=logged(**plain)))
    assert told == {COST: 0.0001, "input": 0.00006, "output": 0.00004, "tool-usage": 0.0}
    discount = {"original_cost": 0.0001, "discount_percent": 0.05, "discount_amount": 0.000005}
    margin = {"margin_percent": 0.1, "margin_total_amount": 0.00001}
    for changes, names in (
        (discount, {"original": 0.0001, "discount-amount": 0.000005}),
        (
            {"original_cost": 0.0001, **margin},
            {"original": 0.0001, "margin-amount": 0.00001, "margin-percent": 0.1},
        ),
        (
            {**discount, **margin},
            {"original": 0.0001, "discount-amount": 0.000005, "margin-amount": 0.00001, "margin-percent": 0.1},
        ),
    ):
        found = costs(headers(response_cost=0.0001, litellm_logging_obj=logged(**plain, **changes)))
        assert found == {**told, **names}


def test_the_parts_of_a_cost_add_up() -> None:
    parts = {"cache_read_cost": 0.000005, "cache_creation_cost": 0.00001, "reasoning_cost": 0.000015}
    whole = {"input_cost": 0.00002, "output_cost": 0.00004, "total_cost": 0.00009}
    call = logged(**whole, **parts, cost_for_built_in_tools_cost_usd_dollar=0.00003)
    found = costs(headers(call_id="c", response_cost=0.00009, litellm_logging_obj=call))
    assert found["input"] == pytest.approx(0.000005)
    assert (found["output"], found["reasoning"]) == (0.00004, 0.000015)
    summed = ("input", "cache-read", "cache-creation", "output", "tool-usage")
    assert sum(found[name] for name in summed) == pytest.approx(found[COST])
    assert costs(headers(response_cost=0.0001, litellm_logging_obj=logged())) == {COST: 0.0001}
    breakdown = _get_cost_breakdown_from_logging_obj(call)
    assert breakdown.input_cost == pytest.approx(0.000005)
    assert (breakdown.original_cost, breakdown.tool_usage_cost) == (None, 0.00003)
    assert all(value is None for value in _get_cost_breakdown_from_logging_obj(None))


@pytest.mark.parametrize(
    ("spent", "cost", "told"),
    [
        (0.001, 0.0005, 0.0015),
        (0.001, "0.0003", 0.0013),
        (0.001, None, 0.001),
        (0.001, 0.0, 0.001),
        (None, 0.0002, 0.0002),
        (0.001, -0.0001, 0.001),
        (0.001, "no number", 0.001),
    ],
)
def test_what_a_key_has_spent_has_this_call_in_it(spent: Any, cost: Any, told: float) -> None:
    found = headers(spent, call_id="c", response_cost=cost)
    assert float(found["x-litellm-key-spend"]) == pytest.approx(told, abs=1e-10)
    assert found.get(COST) == (None if cost is None else str(cost))


def test_what_is_not_known_has_no_header() -> None:
    found = headers(
        call_id="c",
        model_id="d",
        cache_key="",
        api_base="https://example.invalid/v1?key=secret",
        version="1.106.2",
        response_cost=0.001,
        request_data={},
        hidden_params={},
    )
    assert found["x-litellm-model-id"] == "d"
    assert found["x-litellm-model-api-base"] == "https://example.invalid/v1"
    assert (found["x-litellm-version"], found["x-litellm-key-tpm-limit"]) == ("1.106.2", "7")
    for name in ("cache-key", "key-rpm-limit", "key-max-budget", "model-region", "classifier-cost"):
        assert f"x-litellm-{name}" not in found
    assert "secret" not in str(found)


@pytest.mark.parametrize("field", ["metadata", "litellm_metadata"])
def test_what_choosing_the_model_cost_is_told_by_itself(field: str) -> None:
    decision: dict[str, Any] = {"cause": "llm_classifier", "classifier_cost": 8.1e-05}
    found = headers(response_cost=0.00023, request_data={field: {"routing_decision": decision}})
    assert (found["x-litellm-classifier-cost"], found[COST]) == ("8.1e-05", "0.00023")
    for data in (
        None,
        {},
        {field: {}},
        {field: {"routing_decision": {"cause": "heuristic_scorer"}}},
        {field: {"routing_decision": {**decision, "classifier_cost": "no number"}}},
        {field: {"routing_decision": {**decision, "classifier_cost": True}}},
    ):
        assert "x-litellm-classifier-cost" not in headers(response_cost=0.00023, request_data=data)


def test_a_key_may_be_a_stand_in() -> None:
    key = MagicMock(spec=UserAPIKeyAuth, tpm_limit=None, rpm_limit=None, max_budget=None, spend=0)
    found = ProxyBaseLLMRequestProcessing.get_custom_headers(user_api_key_dict=key, response_cost=0.002)
    assert (found[COST], float(found["x-litellm-key-spend"])) == ("0.002", 0.002)
    assert "x-litellm-key-tpm-limit" not in found
