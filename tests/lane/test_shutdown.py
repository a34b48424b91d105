"""A server that is told to end, with and without the front: what was begun is finished, the rest is closed."""

import hashlib
import os
import re
import select
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.lane import REQUEST, Server, server, wait_until
from support.lane_client import CHAT, Client, combinations, front, head, pair, post
from support.patience import scaled_s
from support.processes import HOST

THREADS = 8
EXIT_S = 60.0
"""Much longer than any server here takes from its last answer to its end."""


@pytest.fixture(params=combinations())
def each(request: pytest.FixtureRequest) -> tuple[str, str]:
    combination: tuple[str, str] = request.param
    return combination


def tell(served: Server, number: signal.Signals = signal.SIGTERM) -> None:
    """Signal the server, which has not been waited for."""
    os.kill(served.process.pid, number)


def begun(served: Server) -> int:
    """How many orders to take time the application has begun with."""
    return served.process.output().count("BEGUN")


def refused(served: Server) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, served.port)) != 0


def load(served: Server, number: int, keep: bool, outcomes: Counter[str]) -> None:
    """Ask until the server is gone, on one connection as long as it lasts or on a new one each time."""
    while True:
        try:
            client = Client(served)
        except OSError:
            outcomes["refused"] += 1
            return
        with client:
            while True:
                order = f"/begin/{20 + 7 * (number % 5)}"
                try:
                    client.send(
                        head(order) if number % 2 else post(CHAT, b"{}").replace(CHAT.encode(), order.encode())
                    )
                    answer = client.read()
                except EOFError:
                    # Not a byte of an answer: the server had not read the request.
                    outcomes["closed unread"] += 1
                    break
                except (ConnectionResetError, BrokenPipeError):
                    outcomes["closed unread"] += 1
                    break
                except ConnectionError:
                    outcomes["cut off"] += 1
                    break
                outcomes["answered" if answer.body == b'"ended"' else "wrong"] += 1
                if not keep or b"connection: close" in answer.fields:
                    break


def test_no_request_that_was_begun_is_lost_under_load(each: tuple[str, str], tmp_path: Path) -> None:
    """For plain uvicorn and for the front alike: each answer that a client begins to get is whole, the application
    has begun exactly those requests that were answered, and whoever got none was closed on before he was read:
    an idle connection whose next request crossed the closing, or one that the kernel had accepted alone.
    """
    codes = []
    with pair(tmp_path, *each) as both:
        for served in both:
            outcomes: Counter[str] = Counter()
            threads = [
                threading.Thread(target=load, args=(served, number, number < THREADS // 2, outcomes))
                for number in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            wait_until(lambda served=served: begun(served) > 60)
            tell(served)
            codes.append(served.process.wait(EXIT_S))
            for thread in threads:
                thread.join()
            assert begun(served) == outcomes["answered"], outcomes
            assert outcomes.keys() <= {"answered", "closed unread", "refused"}, outcomes
            # A client meets it once, and finds the server gone when it tries again.
            assert outcomes["closed unread"] <= 2 * THREADS
            assert outcomes["refused"] == THREADS
            assert "Traceback" not in served.process.output()
    assert codes == [-signal.SIGTERM] * 2


def test_what_is_closed_and_what_is_finished(each: tuple[str, str], tmp_path: Path) -> None:
    """Seen while a request is being served: the port refuses, idle and silent connections and those with a part of
    a head are closed; the request is answered, one with a part of its body may send the rest; then it ends.
    """
    body = post("/told", b"0123456789")
    codes = []
    release = tmp_path / "release"
    with pair(tmp_path, *each, environ={"LANE_RELEASE": str(release)}) as both:
        for served in both:
            release.unlink(missing_ok=True)
            with ExitStack() as stack:
                silent, idle, partial, uploading, waiting = (stack.enter_context(Client(served)) for _ in range(5))
                idle.ask(REQUEST)
                partial.send(REQUEST[:30])
                uploading.send(body[:-4])
                if served is both.front:
                    # The slow ones have been handed over.
                    wait_until(lambda served=served: front(served)["held"] == 3)
                waiting.send(head("/begin/released"))
                wait_until(lambda served=served: begun(served) == 1)
                tell(served)
                assert [client.rest() for client in (silent, idle, partial)] == [b""] * 3
                wait_until(lambda served=served: refused(served))
                assert select.select([waiting.socket], [], [], 0)[0] == []
                uploading.send(body[-4:])
                assert uploading.read().told()["length"] == 10
                release.touch()
                assert waiting.read().body == b'"ended"'
                assert (uploading.rest(), waiting.rest()) == (b"", b"")
                codes.append(served.process.wait(EXIT_S))
    assert codes == [-signal.SIGTERM] * 2


def test_a_head_that_the_front_is_reading_is_closed_on(each: tuple[str, str], tmp_path: Path) -> None:
    """The server is told to end within the front's patience; uvicorn closes such a connection too."""
    with pair(tmp_path, *each) as both:
        for served in both:
            with Client(served) as client:
                client.send(REQUEST[:30])
                tell(served)
                assert client.rest() == b""
                assert served.process.wait(EXIT_S) == -signal.SIGTERM


def test_a_large_answer_to_a_slow_reader_is_completed(each: tuple[str, str], tmp_path: Path) -> None:
    expected = hashlib.sha256((bytes(range(256)) * 256 * 458)[:30_000_000]).hexdigest()
    with pair(tmp_path, *each) as both:
        for served in both:
            with Client(served, receive_bytes=4096) as client:
                client.send(head("/bytes/30000000"))
                client.socket.recv(1, socket.MSG_PEEK)
                tell(served)
                wait_until(lambda served=served: refused(served))
                time.sleep(0.3)  # This is the slowness.
                assert hashlib.sha256(client.read().body).hexdigest() == expected
                assert client.rest() == b""
            assert served.process.wait(EXIT_S) == -signal.SIGTERM


def test_a_second_interrupt_forces_the_end(each: tuple[str, str], tmp_path: Path) -> None:
    outcomes: list[Any] = []
    with pair(tmp_path, *each) as both:
        for served in both:
            with Client(served) as client, Client(served) as idle:
                idle.ask(REQUEST)
                client.send(head("/begin/60000"))
                wait_until(lambda served=served: begun(served) == 1)
                tell(served, signal.SIGINT)
                wait_until(lambda served=served: "Waiting for connections" in served.process.output())
                assert idle.rest() == b""
                assert served.process.exit_code is None
                tell(served, signal.SIGINT)
                outcomes.append((served.process.wait(EXIT_S), client.rest()))
    assert outcomes[0] == outcomes[1]


@pytest.mark.patient
def test_what_takes_longer_than_the_grace_is_cancelled(each: tuple[str, str], tmp_path: Path) -> None:
    outcomes: list[Any] = []
    with pair(tmp_path, *each, timeout_graceful_shutdown=int(scaled_s(1))) as both:
        for served in both:
            with Client(served) as client, Client(served) as quick:
                client.send(head("/begin/60000"))
                quick.send(post("/begin/300", b"{}"))
                wait_until(lambda served=served: begun(served) == 2)
                tell(served)
                answered = quick.read()
                code, rest = served.process.wait(EXIT_S), client.rest()
                said = re.findall(r"Cancel \d+ running task\(s\).*", served.process.output())
                outcomes.append((code, rest, answered.body, said))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][3] == ["Cancel 1 running task(s), timeout graceful shutdown exceeded"]


def test_the_front_ends_with_the_server(each: tuple[str, str], tmp_path: Path) -> None:
    """The twin: it was there, and had connections in its hands."""
    with server(tmp_path, *each, accel=True) as served, ExitStack() as stack:
        clients = [stack.enter_context(Client(served)) for _ in range(20)]
        for client in clients[:10]:
            client.ask(REQUEST)
        wait_until(lambda: front(served)["held"] == 20)
        assert front(served)["returned"] >= 10
        tell(served)
        assert {client.rest() for client in clients} == {b""}
        assert served.process.wait(EXIT_S) == -signal.SIGTERM
