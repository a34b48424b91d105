"""The real requests of the demonstration, sent with the real `openai` client."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import openai
from openai.types.chat import ChatCompletionUserMessageParam

_TIMEOUT_S = 30.0
_QUESTION: ChatCompletionUserMessageParam = {
    "role": "user",
    "content": "Which river carries the stones past the old mill, and what do the herons wait for? " * 8,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: what it was, whether the expected answer came, and the answer in a few words."""

    title: str
    as_expected: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Session:
    """A client of the proxy, and plain HTTP for what is not in OpenAI's interface."""

    client: openai.OpenAI
    http: httpx.Client

    @classmethod
    def open(cls, base_url: str, master_key: str) -> "Session":
        """Connect nowhere else: proxies of the environment are not asked, and nothing is retried."""
        headers = {"Authorization": f"Bearer {master_key}"}
        http = httpx.Client(base_url=base_url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)
        client = openai.OpenAI(
            base_url=f"{base_url}/v1",
            api_key=master_key,
            max_retries=0,
            timeout=_TIMEOUT_S,
            http_client=httpx.Client(trust_env=False),
        )
        return cls(client, http)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()
        self.http.close()


def send_all(session: Session) -> Iterator[Outcome]:
    """Send every kind of request, one after the other. A failure is an outcome, not an exception."""
    steps: list[tuple[str, Callable[[Session], str]]] = [
        ("chat", _chat),
        ("chat again", _chat),
        ("stream", _stream),
        ("stream with usage", _stream_with_usage),
        ("stream of a provider without usage", _stream_without_usage),
        ("embeddings", _embeddings),
        ("/utils/token_counter", _token_counter),
        ("upstream answers 429", _rate_limited),
        ("upstream answers 500", _server_error),
    ]
    for title, step in steps:
        try:
            yield Outcome(title, True, step(session))
        except (openai.OpenAIError, httpx.HTTPError, _UnexpectedError) as error:
            yield Outcome(title, False, f"{type(error).__name__}: {error}")


class _UnexpectedError(Exception):
    """An answer came, but not the expected one."""


def _chat(session: Session) -> str:
    reply = session.client.chat.completions.create(model="demo-chat", messages=[_QUESTION])
    _expect(bool(reply.choices[0].message.content) and reply.usage is not None, "no content or no usage")
    assert reply.usage is not None
    return f"{reply.choices[0].finish_reason}, {reply.usage.total_tokens} tokens"


def _stream(session: Session) -> str:
    return _read_stream(session, "demo-chat")


def _stream_without_usage(session: Session) -> str:
    return _read_stream(session, "demo-no-usage")


def _read_stream(session: Session, model: str) -> str:
    chunks = list(session.client.chat.completions.create(model=model, messages=[_QUESTION], stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    _expect(bool(text), "the stream had no content")
    return f"{len(chunks)} chunks, {len(text)} characters"


def _stream_with_usage(session: Session) -> str:
    stream = session.client.chat.completions.create(
        model="demo-chat", messages=[_QUESTION], stream=True, stream_options={"include_usage": True}
    )
    usages = [chunk.usage for chunk in stream if chunk.usage is not None]
    _expect(bool(usages), "the stream told no usage")
    return f"{usages[-1].total_tokens} tokens"


def _embeddings(session: Session) -> str:
    reply = session.client.embeddings.create(model="demo-embedding", input=["a river", "a mill"])
    _expect(len(reply.data) == 2, f"{len(reply.data)} vectors instead of 2")
    return f"{len(reply.data)} vectors of {len(reply.data[0].embedding)}"


def _token_counter(session: Session) -> str:
    reply = session.http.post("/utils/token_counter", json={"model": "demo-chat", "messages": [_QUESTION]})
    reply.raise_for_status()
    counted = reply.json()
    _expect(counted.get("total_tokens", 0) > 0, f"no count in {sorted(counted)}")
    return f"{counted['total_tokens']} tokens ({counted.get('tokenizer_type')})"


def _rate_limited(session: Session) -> str:
    return _expect_error(session, "demo-429", openai.RateLimitError)


def _server_error(session: Session) -> str:
    return _expect_error(session, "demo-500", openai.InternalServerError)


def _expect_error(session: Session, model: str, expected: type[openai.APIStatusError]) -> str:
    try:
        session.client.chat.completions.create(model=model, messages=[_QUESTION])
    except expected as error:
        text = error.body.get("message") if isinstance(error.body, dict) else error.message
        return f"{type(error).__name__}: {str(text).splitlines()[0]}"
    raise _UnexpectedError(f"an answer instead of {expected.__name__}")


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise _UnexpectedError(otherwise)
