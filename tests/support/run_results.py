"""What a side of the full run came to, without what is never the same twice."""

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import orjson

from support.answers import VOLATILE
from support.processes import HOST
from support.run_requests import Asked
from support.run_worlds import Served

SETTLED_S = 30.0
"""How long callbacks may take after the last answer."""

_RUN = re.compile(r'"call":"run-([^"]*)"')
_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|\b(?:msg|resp|chatcmpl|cmpl)[-_](?!mock)[\w=+-]{20,}"
)
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
_HTTP_DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
_EPOCH = re.compile(r"\b\d{10}(?:\.\d+)?\b")
_DURATION = re.compile(r'("(?:[\w-]*(?:_ms|-ms|_time|_duration|_seconds|latency[\w-]*|Time))": ?)"?-?\d[\d.e-]*"?')
_CACHE_HIT = re.compile(r"(_cache_hit)\d+\.\d+")
# The frames of a traceback are those of the code that ran; its last line is the error.
_TRACEBACK = re.compile(r'("(?:\w*traceback\w*)": ")Traceback[^\n]*\\n(?=\w)')
_FRAMES = re.compile(r'("traceback": ")  File [^\n]*')
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_LOGGED = re.compile(r"- (LiteLLM[\w ]*:(?:ERROR|WARNING|INFO|CRITICAL)): (\S+?):\d+ - (.*)")


def unmarked(text: str, port: int) -> str:
    """The text with its ids numbered by their first appearance, and without moments and durations."""
    names: dict[str, str] = {}
    text = _ID.sub(lambda found: names.setdefault(found[0], f"id-{len(names)}"), text)
    text = text.replace(f"{HOST}:{port}", "the proxy").replace(f'"{port}"', '"port"')
    text = _HTTP_DATE.sub("date", _MOMENT.sub("moment", text))
    text = _CACHE_HIT.sub(r"\1", _FRAMES.sub(r"\1", _TRACEBACK.sub(r"\1", text)))
    # Of a call whose price is unknown: whether a thread or the loop calculated it.
    text = text.replace('"cache_hit": false', '"cache_hit": null')
    now = time.time()
    text = _EPOCH.sub(lambda found: "1" if abs(now - float(found[0])) < 86_400 else found[0], text)
    return _ADDRESS.sub("address", _DURATION.sub(r"\1 0", text))


@dataclass(frozen=True)
class Answer:
    """What a request came to, for the client and for the callbacks; all but the status line by line."""

    status: int
    headers: list[str]
    body: list[str]
    records: list[str]

    def lines(self) -> Iterable[str]:
        """All of it, for a report that says where two differ."""
        yield str(self.status)
        yield from self.headers
        yield from self.body
        yield from self.records


Results = Mapping[str, Answer]


def run_both(plain: Served, accel: Served, requests: Mapping[str, Asked]) -> tuple[Results, Results]:
    """All the requests, one after the other, each to both sides at the same time: limits count by the minute."""
    sides = (plain, accel)
    replies: tuple[dict[str, httpx.Response], dict[str, httpx.Response]] = ({}, {})
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(len(sides)))
        clients = [
            stack.enter_context(httpx.Client(base_url=side.base_url, timeout=60, trust_env=False))
            for side in sides
        ]
        for name, asked in requests.items():
            answered = pool.map(partial(_ask, name, asked), clients)
            for found, reply in zip(replies, answered, strict=True):
                found[name] = reply
        last = list(requests)[-1]
        # Threads and the loop call the callbacks later. Where these are never told the same, the results say it.
        _settle(lambda: all(_told(side)[last] for side in sides) and _told(plain) == _told(accel))
        first, second = pool.map(_results, sides, replies)
    return first, second


def _settle(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


def _told(served: Served) -> Counter[str]:
    """How often callbacks were told of each request."""
    return Counter(_RUN.findall(served.records.read_bytes().decode("utf-8", "replace")))


def _results(served: Served, replies: Mapping[str, httpx.Response]) -> Results:
    port = _port(served)
    records: dict[str, list[str]] = defaultdict(list)
    for record in _records(served):
        text = json.dumps(record, indent=0, ensure_ascii=False, sort_keys=True)
        records[record["call"]].append(unmarked(text, port))
    return {
        name: Answer(
            reply.status_code,
            _headers(reply, port),
            unmarked(reply.text, port).splitlines(),
            [line for text in sorted(records[f"run-{name}"]) for line in text.splitlines()],
        )
        for name, reply in replies.items()
    }


def _headers(reply: httpx.Response, port: int) -> list[str]:
    """In the order in which they came, but for those that are never the same."""
    return [unmarked(f"{key}: {value}", port) for key, value in reply.headers.multi_items() if key not in VOLATILE]


def logged(served: Served) -> list[str]:
    """Warnings and errors that the proxy wrote, without lines of the source."""
    port = _port(served)
    return sorted(unmarked(" ".join(found), port) for found in _LOGGED.findall(served.log.read_text()))


def _ask(name: str, asked: Asked, client: httpx.Client) -> httpx.Response:
    headers = dict(asked.headers)
    if asked.own_id:
        headers["x-litellm-call-id"] = f"run-{name}"
    if asked.key is not None:
        headers["authorization"] = f"Bearer {asked.key}"
    content = asked.content
    if content is None and asked.body is not None:
        # Python's own writer: it escapes what is no Unicode.
        content = json.dumps(asked.body).encode()
        headers.setdefault("content-type", "application/json")
    return client.request(asked.method, asked.path, content=content, headers=headers)


def _port(served: Served) -> int:
    return int(served.base_url.rpartition(":")[2])


def _records(served: Served) -> list[dict[str, Any]]:
    lines = served.records.read_bytes().split(b"\n")
    return [orjson.loads(line) for line in lines[:-1]]
