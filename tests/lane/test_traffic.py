"""Traffic of every kind through the front, and the same to plain uvicorn: large, slow, many, cut off."""

import hashlib
import os
import random
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from support.lane import REQUEST, Server, wait_until
from support.lane_client import CHAT, Answer, Client, Pair, combinations, front, head, pair, post, post_chunked
from support.lane_settled import figures, settled

LARGE = random.Random("large").randbytes(30_000_000)
PATTERN = bytes(range(256)) * (65536 // 256)
STREAMED = hashlib.sha256((PATTERN * 458)[:30_000_000]).hexdigest()
MANY = 1000


@pytest.fixture(scope="module", params=combinations())
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("traffic"), *request.param) as servers:
        yield servers
        assert "Traceback" not in servers.front.process.output()


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def held(served: Server, count: int) -> None:
    """Wait until the front holds so many connections, those that asked for it apart."""
    wait_until(lambda: front(served)["held"] == count)


@pytest.mark.parametrize(
    ("path", "chunked", "reason"),
    [("/told", False, "route"), (CHAT, False, "large body"), (CHAT, True, "chunked body")],
    ids=["other", "chat", "chat-chunked"],
)
def test_a_large_upload_arrives_whole(both: Pair, path: str, chunked: bool, reason: str) -> None:
    request = post_chunked(path, pieces(LARGE, 100_000)) if chunked else post(path, LARGE)
    before = both.front.handed_over().get(f"declined: {reason}", 0)
    answers = []
    for served in both:
        with Client(served) as client:
            answers.append((client.ask(request), client.ask(head("/told"))))
    assert answers[0] == answers[1]
    assert answers[0][0].told()["digest"] == hashlib.sha256(LARGE).hexdigest()
    assert both.front.handed_over()[f"declined: {reason}"] > before


def test_an_answer_before_the_upload_is_read(both: Pair) -> None:
    def outcome(served: Server) -> list[Answer]:
        with Client(served) as client:
            sender = threading.Thread(target=client.send, args=(post("/early", LARGE),))
            sender.start()
            answers = [client.read()]
            sender.join()
            return [*answers, client.ask(head("/told")), client.ask(REQUEST)]

    plain, accel = map(outcome, both)
    assert plain == accel
    assert plain[0].body == b"early"


def test_a_large_answer_reaches_a_slow_reader(both: Pair) -> None:
    """And the connection goes on afterwards; so it does where the next request came before the answer was read."""

    def outcome(served: Server, early: bool) -> list[Any]:
        with Client(served, receive_bytes=4096) as client:
            client.send(head("/bytes/30000000") + (REQUEST if early else b""))
            for _ in range(20):
                select.select([client.socket], [], [], 10)
                time.sleep(0.005)  # This is the slowness.
                client.socket.recv(1, socket.MSG_PEEK)
            answer = client.read()
            client.send(b"" if early else REQUEST)
            rest = [client.read(), client.ask(head("/told/last"))]
            return [answer.status, answer.fields, hashlib.sha256(answer.body).hexdigest(), *rest]

    for early in (False, True):
        plain, accel = (outcome(served, early) for served in both)
        assert plain == accel
        assert plain[2] == STREAMED


def drip(client: Client, data: bytes, pause_s: float) -> None:
    for byte in data:
        client.send(bytes([byte]))
        time.sleep(pause_s)  # This is the dripping.


def dripped_head(client: Client, request: bytes) -> None:
    start, _, body = request.partition(b"\r\n\r\n")
    drip(client, start + b"\r\n\r\n", 0.002)
    client.send(body)


def dripped_body(client: Client, request: bytes) -> None:
    start, _, body = request.partition(b"\r\n\r\n")
    client.send(start + b"\r\n\r\n")
    drip(client, body, 0.008)


def paused(client: Client, request: bytes) -> None:
    start, _, body = request.partition(b"\r\n\r\n")
    client.send(start + b"\r\n\r\n")
    time.sleep(0.15)
    client.send(body)


def halting(client: Client, request: bytes) -> None:
    """Stops within the head, within the body, and shorter than the patience of the front elsewhere."""
    client.send(request[:9])
    time.sleep(0.03)
    client.send(request[9:40])
    time.sleep(0.12)
    client.send(request[40:-3])
    time.sleep(0.03)
    client.send(request[-3:])


@pytest.mark.parametrize("sender", [dripped_head, dripped_body, paused, halting])
def test_slow_requests(both: Pair, sender: Callable[[Client, bytes], None]) -> None:
    requests = [
        post(CHAT, b'{"model": "m", "a": 1}'),
        post("/told", b"another route's bytes"),
        post_chunked(CHAT, [b'{"model"', b": 1}"]),
        head("/told", fields={"x-long": "v" * 60}),
    ]
    before = both.front.handed_over().get("declined: slow request", 0)
    outcomes: dict[int, list[Any]] = {}

    def ask(number: int, served: Server) -> None:
        with Client(served) as client:
            answers = []
            for request in requests:
                sender(client, request)
                answers.append(client.read())
            outcomes[number] = [*answers, client.ask(REQUEST)]

    threads = [threading.Thread(target=ask, args=each) for each in enumerate(both)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes[0] == outcomes[1]
    assert both.front.handed_over()["declined: slow request"] > before


def mixed(chance: random.Random) -> bytes:
    """One request of any kind."""
    body = chance.randbytes(chance.choice((0, 1, 100, 5000, 70_000, 300_000)))
    kinds: list[Callable[[], bytes]] = [
        lambda: head(f"/told/{chance.random()}?q=%20{chance.random()}"),
        lambda: head("/told", "HEAD"),
        lambda: head("/told", chance.choice(("DELETE", "OPTIONS", "PATCH"))),
        lambda: post(CHAT, body, {"authorization": f"Bearer sk-{chance.randrange(9)}"}),
        lambda: post(CHAT, body, {"content-type": "text/plain"}),
        lambda: post("/v1/embeddings", body),
        lambda: post_chunked(chance.choice((CHAT, "/told")), pieces(body, chance.randrange(1, 60_000) or 1)[:30]),
        lambda: head(f"/bytes/{chance.randrange(1_000_000)}"),
        lambda: head(f"/after/{chance.randrange(15)}"),
        lambda: head(f"/sleep/{chance.randrange(15)}"),
        lambda: REQUEST,
    ]
    return chance.choice(kinds)()


@pytest.mark.parametrize("seed", range(3))
def test_a_mix_on_one_connection(both: Pair, seed: int) -> None:
    chance = random.Random(f"mix {seed}")
    requests = [mixed(chance) for _ in range(40)]
    before = front(both.front)
    with ExitStack() as stack:
        plain, accel = (stack.enter_context(Client(served)) for served in both)
        for request in requests:
            assert plain.ask(request) == accel.ask(request), request[:200]
        last = head("/told/last", fields={"connection": "close"})
        assert plain.ask(last) == accel.ask(last)
        assert (plain.rest(), accel.rest()) == (b"", b"")
    assert front(both.front)["returned"] >= before["returned"] + 3


def test_a_thousand_connections(both: Pair) -> None:
    """Idle ones, of which every other has asked before; then all ask at once."""
    answers: list[list[Answer]] = []
    for served in both:
        with ExitStack() as stack:
            clients = [stack.enter_context(Client(served)) for _ in range(MANY)]
            for client in clients[::2]:
                client.ask(REQUEST)
            if served is both.front:
                held(served, MANY)
            for client in clients:
                client.send(REQUEST)
            answers.append([client.read() for client in clients])
    assert answers[0] == answers[1]
    settled(both.front)


@pytest.mark.parametrize("returned", [True, False], ids=["returned", "as-it-comes"])
def test_bursts_in_one_write(both: Pair, returned: bool) -> None:
    chance = random.Random("bursts")
    for count in range(2, 11):
        bursts = [
            [
                chance.choice((REQUEST, head(f"/told/{chance.random()}"), post("/told", b"abc")))
                for _ in range(count)
            ]
            for _ in range(1 if returned else 4)
        ]
        answers = []
        for served in both:
            with Client(served) as client:
                some = [client.ask(REQUEST)]
                for burst in bursts:
                    if returned and served is both.front:
                        held(served, 1)
                    client.send(b"".join(burst))
                    some += [client.read() for _ in burst]
                answers.append([*some, client.ask(REQUEST)])
        assert answers[0] == answers[1]
    assert both.front.handed_over()["declined: pipelined"] >= 9


HALF_CLOSED = {
    "nothing": b"",
    "half a head": REQUEST[:30],
    "half a body": REQUEST[:-1],
    "a whole request": REQUEST,
    "another route": head("/told"),
    "one that takes its time": head("/sleep/40"),
    "a chunked one": post_chunked(CHAT, [b"{}"]),
    "bad bytes": b"\x00\x01\r\n\r\n",
}


def half_closed(served: Server, data: bytes) -> bytes:
    """What comes back from a client that sends this and closes its side."""
    with Client(served) as client:
        # Stopped, it sees both at once, however busy the machine is.
        os.kill(served.process.pid, signal.SIGSTOP)
        client.send(data)
        client.socket.shutdown(socket.SHUT_WR)
        os.kill(served.process.pid, signal.SIGCONT)
        return client.rest()


@pytest.mark.parametrize("data", HALF_CLOSED.values(), ids=HALF_CLOSED)
def test_clients_that_close_their_side(both: Pair, data: bytes) -> None:
    """Whether it is answered depends on whether the end comes before the answer; mostly it does so in one way."""
    plain, accel = ([half_closed(served, data) for _ in range(15)] for served in both)
    assert max(plain, key=plain.count) == max(accel, key=accel.count)


def test_a_client_that_closes_its_side_behind_two_requests(both: Pair) -> None:
    """How many of them are answered depends on when the end is read, in uvicorn alone too; never a part of one."""
    second = head("/told", fields={"connection": "close"})
    with Client(both.plain) as client:
        client.send(REQUEST + second)
        whole = client.rest()
    first = whole[: whole.index(b"HTTP/1.1", 1)]
    for served in both:
        assert {half_closed(served, REQUEST + second) for _ in range(15)} <= {b"", first, whole}


def test_clients_that_go_away(both: Pair) -> None:
    """At every stage, by a reset or a plain close: nothing stays of them, and nobody else notices."""
    stages: list[tuple[bytes, int]] = [
        (b"", 0),
        (REQUEST[:30], 0),
        (post(CHAT, LARGE[:500_000])[:300_000], 0),
        (post(CHAT, LARGE[:2_000_000])[:1_500_000], 0),
        (post("/told", LARGE[:500_000])[:300_000], 0),
        (head("/sleep/40"), 0),
        (head("/bytes/30000000"), 100_000),
        (REQUEST, 20),
        (REQUEST + REQUEST[:30], 20),
    ]
    for served in both:
        before = settled(served)
        with Client(served) as witness:
            for _ in range(5):
                for sent, wanted in stages:
                    for leave in (Client.reset, Client.close):
                        with Client(served) as client:
                            client.send(sent)
                            if wanted:
                                client.some(wanted)
                            leave(client)
                assert witness.ask(REQUEST).status == b"HTTP/1.1 200 OK"
        after = settled(served)
        assert figures(after) == figures(before)


def test_a_client_that_sends_ahead_is_held_up(both: Pair) -> None:
    """What comes before its turn waits in the client, and not in the server's memory."""
    filler = post("/told", LARGE[:60_000])

    def sent_before_the_answer(served: Server) -> int:
        with Client(served) as client:
            client.send(head("/sleep/600") + filler)
            client.socket.setblocking(False)
            count = 0
            while count < 60_000_000:
                readable, writable, _ = select.select([client.socket], [client.socket], [], 10)
                if readable:
                    break
                if writable:
                    count += client.socket.send(filler)
            return count

    plain, accel = map(sent_before_the_answer, both)
    assert plain < 60_000_000
    assert accel < 60_000_000
