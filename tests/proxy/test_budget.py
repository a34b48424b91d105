"""A key with a budget: LiteLLM counts the prompt of each request on its event loop, and accel does it natively."""

from typing import Any

import httpx
import pytest

from support.processes import wait_until
from support.proxies import Pair, Proxy

pytestmark = pytest.mark.xdist_group("proxy")

REQUESTS = 20
TEXT = "Which river carries the stones past the old mill, and what do the herons wait for? "
SPEND = "x-litellm-key-spend"
COST = "x-litellm-response-cost"


def ask(proxy: Proxy, key: str, text: str, model: str = "chat") -> httpx.Response:
    with proxy.client(key) as client:
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 50}
        return client.post("/v1/chat/completions", json=body)


def calls(proxy: Proxy) -> dict[str, Any]:
    with proxy.client() as client:
        status = client.get("/accel/status").raise_for_status().json()
    found: dict[str, Any] = status["features"]["token_counting"]["calls"]
    return found


def settled(proxy: Proxy) -> dict[str, Any]:
    """The tally when two readings agree: LiteLLM logs after it has answered."""
    seen = [calls(proxy)]

    def agrees() -> bool:
        seen.append(calls(proxy))
        return seen[-1] == seen[-2]

    wait_until(agrees)
    return seen[-1]


def test_each_request_of_a_key_with_a_budget_is_counted_natively(custom_auth_pair: Pair) -> None:
    def counted_by(key: str) -> int:
        before = settled(custom_auth_pair.accel)
        for number in range(REQUESTS):
            ask(custom_auth_pair.accel, key, f"{TEXT}{number}").raise_for_status()
        after = settled(custom_auth_pair.accel)
        assert (after["python"], after["failed"]) == (before["python"], before["failed"])
        native: int = after["native"] - before["native"]
        return native

    without, with_budget = counted_by("sk-user"), counted_by("sk-budget")
    # The upstream tells usage, so that nothing else counts: the difference is the budget's.
    assert without == 0
    assert with_budget >= REQUESTS


def test_costs_and_spend_are_the_same(custom_auth_pair: Pair) -> None:
    for number in range(5):
        text = TEXT * (1 + 40 * number)
        plain, accel = (ask(proxy, "sk-spender", text) for proxy in custom_auth_pair)
        assert plain.status_code == accel.status_code == 200
        assert accel.json()["usage"] == plain.json()["usage"]
        for header in (COST, SPEND, "x-litellm-key-max-budget"):
            assert accel.headers[header] == plain.headers[header]


def test_a_budget_ends_at_the_same_request_with_the_same_words(custom_auth_pair: Pair) -> None:
    # One request of this size is a third of the budget. Whether the upstream's own usage or the reservation
    # ends it is LiteLLM's affair; that it ends, and how, must not depend on accel.
    refused = []
    for proxy in custom_auth_pair:
        replies = [ask(proxy, "sk-poor", TEXT * 1200) for _ in range(8)]
        refused.append([(reply.status_code, reply.text if reply.status_code != 200 else "") for reply in replies])
    plain, accel = refused
    assert accel == plain
    assert accel[0][0] == 200
    assert accel[-1][0] != 200, "the budget was never used up, so nothing was compared"
