"""The requests of the full run: each goes to a plain proxy and to one with accel, in this order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MASTER = "sk-test-master-0123456789abcdef"
TEXT = "Which river carries the stones past the old mill? Ça va? 今天的会议 👩‍💻 1234567\r\n\t it's DON'T. "
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXT}]
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
SCHEMA = {"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]}
CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Asked:
    """One request. `key`: None sends none. `own_id`: the client names the call."""

    path: str
    body: Any = None
    method: str = "POST"
    key: str | None = MASTER
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    own_id: bool = True


def chat(model: str = "chat", messages: Any = MESSAGES, **more: Any) -> Asked:
    return Asked(CHAT, {"model": model, "messages": messages, **more})


def get(path: str, key: str | None = MASTER) -> Asked:
    return Asked(path, method="GET", key=key)


def raw(content: bytes, **headers: str) -> Asked:
    return Asked(CHAT, content=content, headers={"content-type": "application/json", **headers})


SHAPES: Mapping[str, Mapping[str, Any]] = {
    "temperature": {"temperature": 0.2, "top_p": 0.9, "n": 1},
    "integers": {"temperature": 1, "max_tokens": 5, "seed": 7},
    "completion tokens": {"max_completion_tokens": 6},
    "stop": {"stop": ["\n", "END"]},
    "penalties": {"frequency_penalty": 0.5, "presence_penalty": -0.5, "logit_bias": {"50256": -100}},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "tools": {"tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": False},
    "functions": {"functions": [TOOLS[0]["function"]], "function_call": "auto"},
    "json object": {"response_format": {"type": "json_object"}},
    "json schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA, "strict": True}}
    },
    "user": {"user": "somebody"},
    "metadata": {"metadata": {"tags": ["one", "two"], "a": 1, "nested": {"b": [1, None, 2.5]}}},
    "litellm metadata": {"litellm_metadata": {"tags": ["three"]}},
    "tags": {"tags": ["four"]},
    "trace": {"litellm_trace_id": "a-trace", "litellm_session_id": "a-session"},
    "extra body": {"extra_body": {"unknown": 1}, "extra_headers": {"x-extra": "1"}},
    "unknown parameter": {"no_such_parameter": {"deep": [1]}},
    "nulls": {"temperature": None, "tools": None, "user": None, "stream": None, "stop": None},
    "not streamed": {"stream": False},
    "timeout": {"timeout": 30},
    "no retries": {"num_retries": 0},
    "mocked": {"mock_response": "a mocked answer"},
    "mocked failure": {"mock_response": "litellm.RateLimitError"},
    "mocked fallback": {"mock_testing_fallbacks": True},
    "service tier": {"service_tier": "default", "store": False},
    "reasoning": {"reasoning_effort": "low"},
    "no cache": {"cache": {"no-cache": True}},
    "cached": {"cache": {"use-cache": True}, "seed": 3},
    "cached again": {"cache": {"use-cache": True}, "seed": 3},
    "no log": {"no-log": True},
    "guardrails": {"guardrails": []},
    "many choices": {"n": 2},
    "text only": {"modalities": ["text"]},
    "fallbacks of its own": {"fallbacks": ["chat-cl100k"]},
    "negative tokens": {"max_tokens": -1},
    "wrong type": {"temperature": "warm"},
    "tool choice of nothing": {"tool_choice": {"type": "function", "function": {"name": "none"}}},
}

IMAGE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CONVERSATIONS: Mapping[str, Any] = {
    "blocks": [{"role": "user", "content": [{"type": "text", "text": TEXT}, {"type": "text", "text": "b"}]}],
    "image": [
        {
            "role": "user",
            "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": IMAGE}}],
        }
    ],
    "tool calls": [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "a"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
    ],
    "names": [{"role": "user", "name": "ann", "content": "hi"}, {"role": "developer", "content": "x"}],
    "nobody's": [],
    "long": [{"role": "user", "content": TEXT * 60}],
    "no content": [{"role": "user"}],
    "a strange role": [{"role": "herald", "content": "hear"}],
    "no list": "hello",
    "no dictionaries": ["hello"],
    "surrogates": [{"role": "user", "content": "\ud83d broken"}],
}

# Asked there, and not of the bare configuration.
SHAPES_OF_HOOKS = ("cached", "cached again", "nulls", "tags", "guardrails", "litellm metadata", "trace")
SHAPES_OF_FUNCTIONS = ("unknown parameter", "user", "mocked fallback", "reasoning", "timeout", "service tier")
OTHER_KEYS = ("sk-user", "sk-team", "sk-models", "sk-budget", "sk-poor")
BODIES: Mapping[str, bytes] = {
    "an empty body": b"",
    "a list": b"[]",
    "no UTF-8": b'{"model": "\xff"}',
    "a key twice": b'{"model": "chat", "model": "chat-cl100k", "messages": [{"role":"user","content":"a"}]}',
    "NaN": b'{"model": "chat", "temperature": NaN, "messages": [{"role":"user","content":"a"}]}',
    "a huge number": b'{"model": "chat", "seed": 123456789012345678901234567890, "messages": []}',
}


def _of_all() -> dict[str, Asked]:
    """What each configuration is asked."""
    return {
        "plain": chat(),
        "stream": chat(stream=True, stream_options={"include_usage": True}),
        "upstream's 429": chat("error-429"),
        "upstream's 500 to a stream": chat("error-500", stream=True),
        "unknown model": chat("no-such-model"),
        "a wrong key": Asked(CHAT, chat().body, key="sk-wrong"),
        "no JSON": raw(b"{"),
        "embeddings": Asked("/v1/embeddings", {"model": "embedding", "input": [TEXT, "a mill"]}),
        "fallen twice": chat("fallen-twice"),
        "get /v1/models": get("/v1/models"),
    }


def _of_bare() -> Iterator[tuple[str, Asked]]:
    """Every shape of a request."""
    for name in [name for name in SHAPES if name not in (*SHAPES_OF_HOOKS, *SHAPES_OF_FUNCTIONS)]:
        yield f"shape {name}", chat("mocked" if "failure" in name else "chat", **SHAPES[name])
    for name in ("tools", "mocked", "many choices"):
        yield f"streamed {name}", chat(**{**SHAPES[name], "stream": True})
    for name, messages in CONVERSATIONS.items():
        yield f"conversation {name}", chat(messages=messages)
    yield "stream without the provider's usage", chat("no-usage", stream=True)
    for status in (400, 401, 404, 500, 503):
        yield f"upstream's {status}", chat(f"error-{status}")
    for model in ("weighted", "ordered", "hidden-alias", "wild/mock-429", "openai/wild"):
        yield f"group {model}", chat(model)
    yield "no model", Asked(CHAT, {"messages": MESSAGES})
    yield "no messages", Asked(CHAT, {"model": "chat"})
    yield "a model that is a number", Asked(CHAT, {"model": 7, "messages": MESSAGES})
    for name, content in BODIES.items():
        yield f"body {name}", raw(content)
    yield "another content type", raw(b'{"model":"chat","messages":[]}', **{"content-type": "text/plain"})
    yield "no key", Asked(CHAT, chat().body, key=None)
    yield "no bearer", Asked(CHAT, chat().body, key=None, headers={"authorization": MASTER})
    yield "an Azure key", Asked(CHAT, chat().body, key=None, headers={"api-key": MASTER})
    one = {"model": "embedding", "input": TEXT}
    yield "embedding", Asked("/embeddings", {**one, "dimensions": 4})
    yield "embeddings in base64", Asked("/v1/embeddings", {**one, "encoding_format": "base64"})
    yield "embedding of nothing", Asked("/v1/embeddings", {"model": "embedding"})
    yield "text completion", Asked("/v1/completions", {"model": "chat", "prompt": TEXT, "max_tokens": 5})
    yield "deployment in the path", Asked("/openai/deployments/chat/chat/completions", {"messages": MESSAGES})
    yield "engine in the path", Asked("/engines/chat/chat/completions", {"messages": MESSAGES})
    yield "messages", Asked("/v1/messages", {"model": "chat", "messages": MESSAGES[1:], "max_tokens": 5})
    yield "count", Asked("/utils/token_counter", {"model": "chat", "messages": MESSAGES})
    for path in ("/v1/models?return_wildcard_routes=true", "/v1/models/chat", "/nothing"):
        yield f"get {path}", get(path)
    for path in ("/health/liveliness", "/health/readiness", "/model/info", "/model_group/info"):
        yield f"get {path}", get(path)
    yield "supported parameters", get("/utils/supported_openai_params?model=gpt-4o-mini")
    yield "method not allowed", get(CHAT)
    preflight = {"origin": "http://a", "access-control-request-method": "POST"}
    yield "options", Asked(CHAT, method="OPTIONS", headers=preflight)


def _of_hooks() -> Iterator[tuple[str, Asked]]:
    """What the user's code is asked about, keys of all kinds, and what an operator may switch on."""
    yield "an id of the proxy", replace(chat(user="run-an id of the proxy"), own_id=False)
    for name in SHAPES_OF_HOOKS:
        yield f"shape {name}", chat(**SHAPES[name])
    for model in ("wild/anything", "priced", "limited"):
        yield f"group {model}", chat(model)
    yield "retried", chat("broken-half", num_retries=2)
    yield "retried for nothing", chat("broken-whole", num_retries=1)
    yield "tagged", chat("tagged")
    yield "tagged and tags", chat("tagged", tags=["free"])
    yield "tagged and other tags", chat("tagged", metadata={"tags": ["paid"]})
    yield "tagged and unknown tags", chat("tagged", tags=["nobody's"])
    yield "refused by a hook", chat(user="run-refuse")
    yield "rewritten by a hook", chat(user="run-rewrite")
    yield "rewritten by a hook, streamed", chat(user="run-rewrite-stream", stream=True)
    for key in OTHER_KEYS:
        yield f"key {key}", Asked(CHAT, chat().body, key=key)
    yield "key sk-models, another model", Asked(CHAT, chat("chat-cl100k").body, key="sk-models")
    yield "models of a key", get("/v1/models", "sk-models")
    for number in range(3):
        yield f"limited key {number}", Asked(CHAT, chat().body, key="sk-limited")


def _of_functions() -> Iterator[tuple[str, Asked]]:
    """What the other switches mean."""
    for name in SHAPES_OF_FUNCTIONS:
        yield f"shape {name}", chat(**SHAPES[name])
    yield "conversation image", chat(messages=CONVERSATIONS["image"])
    yield "group several", chat("several")
    yield "group fallen, streamed", chat("fallen", stream=True)
    yield "upstream's 400", chat("error-400")
    headers = {
        "x-litellm-tags": "a,b",
        "x-litellm-timeout": "20",
        "x-litellm-num-retries": "0",
        "x-litellm-trace-id": "trace-of-the-header",
        "x-litellm-spend-logs-metadata": '{"a": "b"}',
        "openai-organization": "an organization",
        "user-agent": "OpenAI/Python 1.2.3",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "x-stainless-lang": "python",
    }
    yield "headers of a client", replace(chat(), headers=headers)
    yield "end user in a header", replace(chat(), headers={"x-litellm-end-user-id": "an end user"})
    yield (
        "mocked text completion",
        Asked("/v1/completions", {"model": "chat", "prompt": "a", "mock_response": "m"}),
    )


def requests() -> Mapping[str, Mapping[str, Asked]]:
    """By configuration and name. Each name is the call's id too."""
    own = {"bare": _of_bare(), "hooks": _of_hooks(), "functions": _of_functions()}
    return {world: {**_of_all(), **dict(asked), "last": chat()} for world, asked in own.items()}
