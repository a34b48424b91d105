"""The mock upstream, asked by the real `openai` client."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from support.processes import mock_upstream

HELLO: ChatCompletionUserMessageParam = {"role": "user", "content": "hello there, river"}


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory: Path = tmp_path_factory.mktemp("upstream")
    with mock_upstream(directory) as url:
        yield url


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    http = httpx.Client(trust_env=False)
    with openai.OpenAI(base_url=f"{base_url}/v1", api_key="unused", max_retries=0, http_client=http) as opened:
        yield opened


def test_chat_is_complete_and_the_same_every_time(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model="mock-model", messages=[HELLO])
    second = client.chat.completions.create(model="mock-model", messages=[HELLO])
    assert first.model_dump() == second.model_dump()
    assert first.id.startswith("chatcmpl-")
    assert first.object == "chat.completion"
    assert first.choices[0].finish_reason == "stop"
    assert first.choices[0].message.content
    assert first.usage is not None
    assert first.usage.total_tokens == first.usage.prompt_tokens + first.usage.completion_tokens > 0


def test_other_questions_get_other_answers(client: openai.OpenAI) -> None:
    other: ChatCompletionUserMessageParam = {"role": "user", "content": [{"type": "text", "text": "a mill"}]}
    first = client.chat.completions.create(model="mock-model", messages=[HELLO])
    second = client.chat.completions.create(model="mock-model", messages=[other])
    assert first.id != second.id
    assert first.choices[0].message.content != second.choices[0].message.content


def test_max_tokens_cuts_the_answer(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="mock-model", messages=[HELLO], max_tokens=3)
    assert reply.choices[0].finish_reason == "length"
    assert len((reply.choices[0].message.content or "").split()) == 3


@pytest.mark.parametrize("with_usage", [False, True])
def test_a_stream_says_what_the_plain_answer_says(client: openai.OpenAI, with_usage: bool) -> None:
    plain = client.chat.completions.create(model="mock-model", messages=[HELLO])
    chunks = list(
        client.chat.completions.create(
            model="mock-model",
            messages=[HELLO],
            stream=True,
            stream_options={"include_usage": True} if with_usage else openai.omit,
        )
    )
    words = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(words) == plain.choices[0].message.content
    assert len([word for word in words if word]) > 10
    finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert finishes[-1] == "stop"
    assert set(finishes[:-1]) == {None}
    assert len({chunk.id for chunk in chunks}) == 1
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert usages == ([plain.usage] if with_usage else [])
    assert (chunks[-1].choices == []) is with_usage


def test_a_provider_without_usage_never_tells_it(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="mock-nousage", messages=[HELLO], stream=True, stream_options={"include_usage": True}
    )
    assert [chunk.usage for chunk in stream if chunk.usage] == []


def test_embeddings_as_base64_and_as_numbers_agree(client: openai.OpenAI) -> None:
    # The client asks for base64 by itself and decodes it.
    coded = client.embeddings.create(model="mock-embedding", input=["a river", "a mill"])
    plain = client.embeddings.create(model="mock-embedding", input=["a river", "a mill"], encoding_format="float")
    assert [item.embedding for item in coded.data] == [item.embedding for item in plain.data]
    assert coded.data[0].embedding != coded.data[1].embedding
    assert coded.usage.prompt_tokens > 0


@pytest.mark.parametrize("given", ["text", [1, 2, 3], [[1, 2], [3]], []])
def test_embeddings_take_every_form_of_input(base_url: str, given: object) -> None:
    body = {"model": "mock-embedding", "input": given, "dimensions": 5}
    data = httpx.post(f"{base_url}/v1/embeddings", json=body, trust_env=False).json()["data"]
    assert len(data) == (2 if given == [[1, 2], [3]] else 1)
    assert all(len(item["embedding"]) == 5 for item in data)


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert "mock-model" in [model.id for model in client.models.list()]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("mock-400", openai.BadRequestError),
        ("mock-401", openai.AuthenticationError),
        ("mock-429", openai.RateLimitError),
        ("mock-500", openai.InternalServerError),
        ("mock-503", openai.InternalServerError),
        ("mock-slow-1ms-503", openai.InternalServerError),
    ],
)
def test_failures_on_demand(client: openai.OpenAI, model: str, expected: type[openai.APIStatusError]) -> None:
    with pytest.raises(expected) as caught:
        client.chat.completions.create(model=model, messages=[HELLO])
    assert caught.value.status_code == int(model[-3:])
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"]
    assert caught.value.body["type"]
    assert ("retry-after" in caught.value.response.headers) is (model == "mock-429")


def test_slow_answers_wait(client: openai.OpenAI) -> None:
    started_s = time.monotonic()
    client.chat.completions.create(model="mock-slow-250ms", messages=[HELLO])
    assert time.monotonic() - started_s >= 0.25


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/chat/completions", b"{", 400),
        ("POST", "/v1/chat/completions", b"{}", 400),
        ("GET", "/v1/chat/completions", b"", 405),
        ("POST", "/v1/unknown", b"{}", 404),
    ],
)
def test_bad_requests_get_an_error_body(base_url: str, method: str, path: str, body: bytes, status: int) -> None:
    reply = httpx.request(method, base_url + path, content=body, trust_env=False)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]
