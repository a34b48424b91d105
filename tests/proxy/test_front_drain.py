"""What LiteLLM and uvicorn count and wait for when they shut down: the same with a front."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from support.answers import body_of
from support.families import Family, Member
from support.held_upstream import HeldUpstream
from support.processes import wait_until

pytestmark = pytest.mark.xdist_group("front")

STREAMS = 20
Families = tuple[Family, Family]


def ask(member: Member, *, stream: bool) -> httpx.Response:
    with member.client() as client:
        body = {"model": "held", "messages": [{"role": "user", "content": "wait"}], "stream": stream}
        return client.post("/v1/chat/completions", json=body)


@contextmanager
def under_way(
    member: Member, held: HeldUpstream, count: int, *, stream: bool
) -> Iterator[list["Future[httpx.Response]"]]:
    """So many requests that wait for the upstream; released at the end."""
    with ThreadPoolExecutor(count) as pool:
        replies = [pool.submit(ask, member, stream=stream) for _ in range(count)]
        held.wait_for(count)
        yield replies
        held.release()


def get(member: Member, path: str) -> tuple[int, Any]:
    with member.client() as client:
        reply = client.get(path)
    return reply.status_code, reply.json()


def is_refused(member: Member) -> bool:
    """Whether nobody listens there any more."""
    url = httpx.URL(member.base_url)
    try:
        socket.create_connection((url.host, url.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def of_both(families: Families, name: str, step: Callable[[Member], Any]) -> tuple[Any, Any]:
    plain, accel = families
    return step(plain[name]), step(accel[name])


@pytest.mark.parametrize("stream", [False, True])
def test_the_backlog(families: Families, held: HeldUpstream, stream: bool) -> None:
    def step(member: Member) -> Any:
        idle = get(member, "/health/backlog")
        with under_way(member, held, 5, stream=stream) as replies:
            busy = get(member, "/health/backlog")
        statuses = [reply.result().status_code for reply in replies]
        wait_until(lambda: get(member, "/health/backlog") == idle)
        return idle, busy, statuses

    plain, accel = of_both(families, "httptools-uvloop", step)
    assert accel == plain
    idle, busy, statuses = accel
    assert (idle[1]["in_flight_requests"], busy[1]["in_flight_requests"]) == (1, 6), "itself among them"
    assert statuses == [200] * 5


def test_litellms_own_drain(families: Families, held: HeldUpstream) -> None:
    """`/health/drain` waits for the others, and afterwards the proxy says that it is shutting down."""

    def step(member: Member) -> Any:
        before = get(member, "/health/readiness")
        with ThreadPoolExecutor(1) as pool:
            with under_way(member, held, 3, stream=True) as replies:
                drain = pool.submit(get, member, "/health/drain")
                wait_until(lambda: get(member, "/health/readiness")[0] == 503)
                meanwhile = [get(member, path) for path in ("/health/readiness", "/health/liveliness")]
                assert not drain.done()
            drained = drain.result()
        bodies = [body_of(reply.result()) for reply in replies]
        os.kill(member.pid, signal.SIGTERM)
        wait_until(member.has_ended)
        return before, meanwhile, drained, bodies

    plain, accel = of_both(families, "drained", step)
    assert accel == plain
    _before, meanwhile, drained, bodies = accel
    assert meanwhile[0] == (503, {"status": "shutting_down"})
    assert drained == (200, {"status": "drained", "drained_requests": 3})
    assert all(body.endswith(b"data: [DONE]\n\n") for body in bodies)


def test_streams_are_finished_after_sigterm(families: Families, held: HeldUpstream) -> None:
    def step(member: Member) -> Any:
        url = httpx.URL(member.base_url)
        with socket.create_connection((url.host, url.port), timeout=60) as silent:
            with under_way(member, held, STREAMS, stream=True) as replies:
                os.kill(member.pid, signal.SIGTERM)
                wait_until(lambda: is_refused(member))
                closed = silent.recv(1)
                assert not member.has_ended()
            bodies = [(reply.result().status_code, body_of(reply.result())) for reply in replies]
        wait_until(member.has_ended)
        said = member.log.read_text().partition("INFO:     Shutting down")[2]
        # Whether a task outlives its connection by a tenth of a second is LiteLLM's affair.
        passing = ("127.0.0.1:", "background tasks")
        lines = [line.partition(" [")[0] for line in said.splitlines()]
        ending = [line for line in lines if not any(words in line for words in passing)]
        return closed, bodies, ending

    plain, accel = of_both(families, "terminated", step)
    assert accel == plain
    closed, bodies, ending = accel
    assert "INFO:     Waiting for connections to close. (CTRL+C to force quit)" in ending
    assert closed == b"", "a connection without a request is closed at once"
    assert len({body for _, body in bodies}) == 1
    assert bodies[0][0] == 200
    for words in (b"begun ", b"ended", b"data: [DONE]\n\n"):
        assert words in bodies[0][1]


def test_clients_that_leave_are_noticed(families: Families, held: HeldUpstream) -> None:
    """A client that closes in the middle of its answer: nothing of it is left, and the proxy stops at once."""

    def step(member: Member) -> Any:
        with under_way(member, held, 1, stream=True) as replies, member.client() as client:
            body = {"model": "held", "messages": [{"role": "user", "content": "leave"}], "stream": True}
            with client.stream("POST", "/v1/chat/completions", json=body) as reply:
                first = next(reply.iter_lines())
                held.wait_for(2)
        assert replies[0].result().status_code == 200
        wait_until(lambda: get(member, "/health/backlog")[1]["in_flight_requests"] == 1)
        os.kill(member.pid, signal.SIGTERM)
        wait_until(member.has_ended)
        return first.partition(",")[0]

    plain, accel = of_both(families, "dropped", step)
    assert accel == plain
