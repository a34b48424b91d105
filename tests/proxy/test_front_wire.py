"""What a proxy with a front puts on the wire and into its log: the bytes and lines of a plain one."""

import socket
from urllib.parse import urlsplit

import orjson
import pytest

from support.answers import masked
from support.families import Family, Member, settled_access_log
from support.lane import COMBINATIONS, until_closed
from support.processes import HOST
from support.proxies import MASTER_KEY

pytestmark = pytest.mark.xdist_group("front")


# The first request meets the front; whether the connection is back for the next one, LiteLLM's work decides.
REASONS = ("no plan", "connection kept")


def request(path: str, body: object, *, close: bool = False, key: str = MASTER_KEY) -> bytes:
    data = orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n"
    )
    return head.encode() + (b"connection: close\r\n" if close else b"") + b"\r\n" + data


def chat(**more: object) -> dict[str, object]:
    return {"model": "chat", "messages": [{"role": "user", "content": "a river"}], **more}


def until(connection: socket.socket, end: bytes) -> bytes:
    """All bytes up to and with these."""
    data = b""
    while not data.endswith(end):
        part = connection.recv(1 << 16)
        assert part, data
        data += part
    return data


def conversation(member: Member) -> list[bytes]:
    """Three requests over one connection, the last of which ends it: each response as it came."""
    with socket.create_connection((HOST, urlsplit(member.base_url).port or 0), timeout=60) as connection:
        connection.sendall(request("/v1/chat/completions", chat()))
        responses = [until(connection, b"}")]
        connection.sendall(request("/v1/chat/completions", chat(stream=True)))
        responses.append(until(connection, b"0\r\n\r\n"))
        connection.sendall(request("/chat/completions", chat(model="error-429"), close=True))
        responses.append(until_closed(connection))
    return responses


@pytest.mark.parametrize("name", ["-".join(each) for each in COMBINATIONS])
def test_the_bytes_are_the_same(families: tuple[Family, Family], name: str) -> None:
    before = families[1][name].lane()["calls"]["python"]
    plain, accel = (conversation(each[name]) for each in families)
    after = families[1][name].lane()["calls"]["python"]
    assert [masked(response) for response in accel] == [masked(response) for response in plain]
    assert accel[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"data: [DONE]" in accel[1]
    assert accel[2].startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    seen = [after.get(f"declined: {reason}", 0) - before.get(f"declined: {reason}", 0) for reason in REASONS]
    assert sum(seen) == len(accel)
    assert seen[0] >= 1


@pytest.mark.parametrize("name", ["-".join(each) for each in COMBINATIONS])
def test_the_log_of_requests_is_the_same(families: tuple[Family, Family], name: str) -> None:
    lines = []
    for each in families:
        member = each[name]
        before = len(member.access_log())
        with member.client() as client:
            client.post("/v1/chat/completions", json=chat())
            client.post("/v1/chat/completions?a=b&c=%20d", json=chat())
            client.post("/v1/chat/completions", json=chat(stream=True))
            client.post("/v1/chat/completions", json=chat(model="error-500"))
            client.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"})
            client.get("/v1/models")
            client.get("/nothing/at%2Fall/ä")
            client.request("OPTIONS", "/v1/chat/completions")
        lines.append(settled_access_log(member, before + 8)[before:])
    plain, accel = lines
    assert accel == plain
    assert accel[:2] == [
        '"POST /v1/chat/completions HTTP/1.1" 200 OK',
        '"POST /v1/chat/completions?a=b&c=%20d HTTP/1.1" 200 OK',
    ]
