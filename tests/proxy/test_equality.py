"""The same requests to a plain proxy and to one under `accel run`: the same answers."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from support.answers import assert_same
from support.proxies import MASTER_KEY, MODELS, Pair, Proxy

pytestmark = pytest.mark.xdist_group("proxy")

TEXT = "Which river carries the stones past the old mill? Ça va? 今天的会议 👩‍💻 1234567\r\n\t it's DON'T. "
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXT * 8}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "look_up",
            "description": "Looks a word up.",
            "parameters": {"type": "object", "properties": {"word": {"type": "string", "enum": ["a", "b"]}}},
        },
    }
]


def chat(model: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/chat/completions", {"model": model, "messages": MESSAGES, **more}


def count(model: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/utils/token_counter", {"model": model, "messages": MESSAGES, **more}


REQUESTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "chat": chat("chat"),
    "chat with a cl100k model": chat("chat-cl100k"),
    "chat with a Claude model": chat("chat-claude"),
    "chat with tools": chat("chat", tools=TOOLS, tool_choice="auto"),
    "stream": chat("chat", stream=True),
    "stream with usage": chat("chat", stream=True, stream_options={"include_usage": True}),
    "stream of a provider without usage": chat("no-usage", stream=True),
    "stream that must tell usage of a provider without": chat(
        "no-usage", stream=True, stream_options={"include_usage": True}
    ),
    "embeddings": ("/v1/embeddings", {"model": "embedding", "input": [TEXT, "a mill"]}),
    "embeddings in base64": ("/v1/embeddings", {"model": "embedding", "input": TEXT, "encoding_format": "base64"}),
    "unknown model": chat("no-such-model"),
    "no messages": ("/v1/chat/completions", {"model": "chat"}),
    "count of a prompt": ("/utils/token_counter", {"model": "chat", "prompt": TEXT}),
    "count with tools": count("chat", tools=TOOLS),
    "count of nothing": ("/utils/token_counter", {"model": "chat"}),
    "count for a bare Claude name": count("claude-sonnet-4-5"),
    "count for an unknown model": count("nobody-knows-this"),
    "count of blocks": (
        "/utils/token_counter",
        {"model": "chat", "messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]},
    ),
    **{f"count for {name}": count(name) for name in MODELS},
    **{f"upstream's {status}": chat(f"error-{status}") for status in (400, 401, 429, 500)},
    **{
        f"upstream's {status} to a stream": chat(f"error-{status}", stream=True) for status in (400, 401, 429, 500)
    },
}


def ask(proxy: Proxy, path: str, body: object, key: str = MASTER_KEY) -> httpx.Response:
    with proxy.client(key) as client:
        return client.post(path, json=body)


@pytest.mark.parametrize(("path", "body"), REQUESTS.values(), ids=REQUESTS.keys())
def test_the_answer_is_the_same(custom_auth_pair: Pair, path: str, body: dict[str, Any]) -> None:
    assert_same(*(ask(proxy, path, body) for proxy in custom_auth_pair))


def test_a_body_that_is_no_json(custom_auth_pair: Pair) -> None:
    replies = []
    for proxy in custom_auth_pair:
        with proxy.client() as client:
            replies.append(
                client.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"})
            )
    assert_same(*replies)
    assert replies[0].status_code == 400


def test_a_wrong_key(custom_auth_pair: Pair) -> None:
    replies = [ask(proxy, *chat("chat"), key="sk-wrong") for proxy in custom_auth_pair]
    assert_same(*replies)
    assert replies[0].status_code == 401


def test_the_statuses_were_those_that_were_ordered(custom_auth_pair: Pair) -> None:
    for status in (400, 401, 429, 500):
        assert ask(custom_auth_pair.accel, *chat(f"error-{status}")).status_code == status


def test_native_code_answered_in_the_one_and_is_not_in_the_other(custom_auth_pair: Pair) -> None:
    ask(custom_auth_pair.accel, *count("chat")).raise_for_status()
    with custom_auth_pair.accel.client() as client:
        calls = client.get("/accel/status").json()["features"]["token_counting"]["calls"]
    assert calls["native"] > 0
    assert (calls["failed"], calls["mismatched"]) == (0, 0)
    with custom_auth_pair.plain.client() as client:
        assert client.get("/accel/status").status_code == 404
