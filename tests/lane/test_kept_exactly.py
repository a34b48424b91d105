"""What uvicorn promises of connections holds with the front too: time-outs, limits, addresses, log lines."""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.lane import REQUEST, Server, wait_until
from support.lane_client import CHAT, DIAGONAL, Client, Pair, combinations, front, head, pair, post
from support.patience import scaled_s


@pytest.fixture(params=combinations())
def each(request: pytest.FixtureRequest) -> tuple[str, str]:
    combination: tuple[str, str] = request.param
    return combination


def compare(both: Pair, outcome: Callable[[Server], Any]) -> Any:
    """The outcome for plain uvicorn, which is the front's too."""
    plain, accel = map(outcome, both)
    assert plain == accel
    return plain


def held(served: Server, count: int) -> None:
    """Wait until the server has all of these connections, in the front or elsewhere."""
    if served.itself()["lane"]:
        wait_until(lambda: front(served)["held"] == count)


@pytest.mark.patient
def test_idle_connections_time_out(each: tuple[str, str], tmp_path: Path) -> None:
    """After an answer, in the front's hands or in uvicorn's; never before the first request, nor within one."""

    def outcome(served: Server) -> list[Any]:
        with ExitStack() as stack:
            silent, partial, returned, stayed, returned_partial = (
                stack.enter_context(Client(served)) for _ in range(5)
            )
            partial.send(REQUEST[:30])
            returned.ask(REQUEST)
            returned_partial.ask(REQUEST)
            # Pipelined, so that it is uvicorn's for good.
            stayed.send(REQUEST * 2)
            stayed.read(), stayed.read()
            held(served, 3)
            returned_partial.send(REQUEST[:30])
            start = time.monotonic()
            rests = [returned.rest(), stayed.rest()]
            lasted = time.monotonic() - start
            partial.send(REQUEST[30:])
            returned_partial.send(REQUEST[30:])
            whole = [client.read() for client in (partial, returned_partial)]
            return [rests, 0.5 < lasted < scaled_s(5), whole, silent.ask(REQUEST)]

    with pair(tmp_path, *each, timeout_keep_alive=int(scaled_s(1))) as both:
        rests, in_time, *_ = compare(both, outcome)
        assert rests == [b"", b""]
        assert in_time


def test_the_limit_of_connections(each: tuple[str, str], tmp_path: Path) -> None:
    """Idle ones count, wherever they are held; so do tasks."""

    last = head("/told", fields={"connection": "close"})

    def outcome(served: Server) -> list[Any]:
        found: list[Any] = []
        for silent in range(7):
            with ExitStack() as stack:
                for _ in range(silent):
                    stack.enter_context(Client(served))
                # By the third one all that connected before have been accepted.
                for _ in range(3):
                    with Client(served) as client:
                        answer = client.ask(last)
                        assert client.rest() == b""
                found.append(answer)
            gone(served)
        with ExitStack() as stack:
            # These stay open, wherever they are, after their answer.
            found += [stack.enter_context(Client(served)).ask(REQUEST) for _ in range(7)]
        gone(served)
        return found

    def gone(served: Server) -> None:
        """Wait until the server has noticed that all have left: then nobody is refused."""

        def alone() -> bool:
            with Client(served) as client:
                return client.ask(last).status.endswith(b"200 OK") and client.rest() == b""

        wait_until(alone)

    with pair(tmp_path, *each, limit_concurrency=5) as both:
        statuses = [each.status[9:12] for each in compare(both, outcome)]
        assert statuses == [b"200"] * 4 + [b"503"] * 3 + [b"200"] * 4 + [b"503"] * 3


def test_the_limit_of_requests(each: tuple[str, str], tmp_path: Path) -> None:
    """It ends by itself, having answered all that it was asked before, on one connection and on many."""

    def outcome(served: Server) -> list[Any]:
        with Client(served) as client:
            answers = [client.ask(REQUEST).status for _ in range(14)]
            with Client(served) as other:
                answers += [other.ask(REQUEST).status, other.ask(head("/told")).status]
            return [
                answers,
                client.rest(),
                served.process.wait(60),
                "request limit of 16" in served.process.output(),
            ]

    with pair(tmp_path, *each, limit_max_requests=16) as both:
        assert compare(both, outcome)[1:] == [b"", 0, True]


@pytest.mark.parametrize("trusted", ["127.0.0.1", "*", "10.0.0.1", ""])
@pytest.mark.parametrize("combination", combinations(DIAGONAL))
def test_the_clients_address(combination: tuple[str, str], trusted: str, tmp_path: Path) -> None:
    fields: list[dict[str, object]] = [
        {},
        {"x-forwarded-for": "203.0.113.7"},
        {"x-forwarded-for": "203.0.113.7, 10.0.0.1", "x-forwarded-proto": "https"},
        {"x-forwarded-for": "203.0.113.7", "X-Forwarded-For": "198.51.100.2, 127.0.0.1"},
        {"x-forwarded-for": "not an address", "forwarded": "for=192.0.2.1"},
        {"x-forwarded-proto": "wss"},
    ]

    def outcome(served: Server) -> list[Any]:
        with Client(served) as client:
            return [
                client.ask(request).told()
                for each in fields
                for request in (head("/told", fields=each), post(CHAT, b"{}", each))
            ]

    with pair(tmp_path, *combination, forwarded_allow_ips=trusted) as both:
        told = compare(both, outcome)
        assert told[0]["client_host"] == "127.0.0.1"
        assert (told[2]["client_host"] == "203.0.113.7") == (trusted in ("127.0.0.1", "*"))


def test_the_access_log(each: tuple[str, str], tmp_path: Path) -> None:
    def outcome(served: Server) -> list[str]:
        with Client(served) as client:
            for path in ("/told?a=%20b", "/crash-not", "/bytes/1000", "/a%0Ab"):
                client.ask(head(path))
                client.ask(post(CHAT, b"{}"))
            client.ask(head("/told", "HEAD"))
        with Client(served) as client:
            client.send(head("/crash", fields={"connection": "close"}))
            client.rest()
        lines = [line for line in served.process.output().splitlines() if "HTTP/1" in line]
        return [re.sub(r"127\.0\.0\.1:\d+", "CLIENT", line) for line in lines]

    with pair(tmp_path, *each) as both:
        lines = compare(both, outcome)
        assert len(lines) == 10
        assert all(" - " in line for line in lines)


@pytest.mark.parametrize("proto", [0, 6])
def test_the_options_of_a_served_connection(each: tuple[str, str], proto: int, tmp_path: Path) -> None:
    """As the loop itself sets them; and one descriptor for each connection."""

    def outcome(served: Server) -> list[Any]:
        with Client(served) as client:
            return [client.ask(head("/options")).told() for _ in range(5)]

    with pair(tmp_path, *each, arguments=("--proto", str(proto))) as both:
        seen = compare(both, outcome)
        assert [len(each) for each in seen] == [1] * 5


def test_the_servers_of_the_server(each: tuple[str, str], tmp_path: Path) -> None:
    """What uvicorn's callers find in `server.servers`, and that it closes as asyncio's does."""

    def outcome(served: Server) -> list[Any]:
        with Client(served) as client, Client(served) as idle:
            idle.ask(REQUEST)
            before = client.ask(head("/listening")).told()
            assert [name[1] for name in before[0].pop("names")] == [served.port]
            closed = client.ask(head("/close")).told()
            with pytest.raises(ConnectionRefusedError):
                Client(served)
            return [before, closed, client.ask(REQUEST)]

    with pair(tmp_path, *each) as both:
        before, closed, _ = compare(both, outcome)
        assert before == [{"serving": True, "own loop": True}]
        assert closed[0]["serving"] is False
