"""Two answers to one request: what must be equal of them, and what differs between equal ones."""

import re

import httpx

# Headers that differ between two equal requests to one and the same plain proxy.
VOLATILE = {
    "date": "the moment of the answer",
    "llm_provider-date": "the moment of the upstream's answer",
    "x-litellm-call-id": "a fresh UUID for each request",
    "x-litellm-response-duration-ms": "a time",
    "x-litellm-overhead-duration-ms": "a time",
    "x-litellm-callback-duration-ms": "a time",
    "x-litellm-timing-llm-api-ms": "a time",
    "content-length": "set apart below: it follows from the body",
}
# What LiteLLM itself puts into a stream's chunks: the second in which the stream began.
STREAM_SECOND = re.compile(rb'"created":\d+')
_MASKED = re.compile(
    rb"^(" + b"|".join(name.encode() for name in VOLATILE if name != "content-length") + rb"): [^\r]*\r$",
    re.MULTILINE | re.IGNORECASE,
)


def without_volatile(reply: httpx.Response) -> dict[str, str]:
    """The headers, but for those that are never the same."""
    return {name: value for name, value in reply.headers.items() if name not in VOLATILE}


def body_of(reply: httpx.Response) -> bytes:
    """The body; of a stream without the second in which it began."""
    if reply.headers.get("content-type", "").startswith("text/event-stream"):
        return STREAM_SECOND.sub(b'"created":0', reply.content)
    return reply.content


def assert_same(plain: httpx.Response, accel: httpx.Response) -> None:
    """Status, body and headers."""
    assert accel.status_code == plain.status_code
    assert body_of(accel) == body_of(plain)
    assert without_volatile(accel) == without_volatile(plain)


def masked(response: bytes) -> bytes:
    """A response as it came over the wire, frames and all, with a placeholder for each value that is never the
    same. Seconds have ten digits for as long as this lives, so that the frames keep their sizes.
    """
    return STREAM_SECOND.sub(b'"created":0', _MASKED.sub(rb"\1: masked\r", response))
