"""A server in unusual states: blocked, forked, without descriptors, watched by a debugger, switched off."""

import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.lane import REQUEST, server, wait_until
from support.lane_client import CHAT, DIAGONAL, Client, combinations, front, head, pair, post
from support.lane_settled import figures, settled


@pytest.fixture(params=combinations(DIAGONAL))
def each(request: pytest.FixtureRequest) -> tuple[str, str]:
    combination: tuple[str, str] = request.param
    return combination


def test_connections_made_while_the_loop_is_blocked(each: tuple[str, str], tmp_path: Path) -> None:
    """They wait, and are answered afterwards."""
    with pair(tmp_path, *each) as both:
        answers = []
        for served in both:
            with ExitStack() as stack:
                blocking, kept, *others = (stack.enter_context(Client(served)) for _ in range(2 + 50))
                kept.ask(REQUEST)
                blocking.send(head("/block/1000"))
                others += [stack.enter_context(Client(served)) for _ in range(50)]
                for client in (kept, *others):
                    client.send(REQUEST)
                answers.append([client.read() for client in (kept, *others)])
                assert blocking.read().status == b"HTTP/1.1 200 OK"
        assert answers[0] == answers[1]


def test_a_blocked_process_leaves_connections_to_another(each: tuple[str, str], tmp_path: Path) -> None:
    """Two processes accept from one socket; while the loop of one is blocked, the other serves everybody."""
    release = tmp_path / "release"
    with server(
        tmp_path, *each, accel=True, arguments=("--processes", "2"), environ={"LANE_RELEASE": str(release)}
    ) as served:
        wait_until(lambda: served.process.output().count("READY") == 2)
        with Client(served) as blocked:
            pid = blocked.ask(head("/self")).told()["pid"]
            blocked.send(head("/hold"))
            wait_until(lambda: "HOLDING" in served.process.output())
            pids: Counter[int] = Counter()
            for _ in range(40):
                with Client(served) as client:
                    told = client.ask(head("/self")).told()
                    assert told["lane"]["front"]["state"] == "serving"
                    pids[told["pid"]] += 1
            blocked.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                # All of them were answered before the blocked one.
                blocked.socket.recv(1)
            blocked.socket.settimeout(90)
            release.touch()
            assert blocked.read().status == b"HTTP/1.1 200 OK"
            assert len(pids) == 1
            assert pid not in pids


def test_the_lanes_thread_ends_by_itself(each: tuple[str, str], tmp_path: Path) -> None:
    """uvicorn serves as without a front: connections that are there, and new ones."""
    with server(tmp_path, *each, accel=True) as served, Client(served) as kept:
        kept.ask(REQUEST)
        assert kept.ask(head("/lose")).told() is True
        for _ in range(5):
            with Client(served) as client:
                assert client.ask(REQUEST).told()["path"] == "/v1/chat/completions"
        # With nobody to take it back, it stays however often it asks.
        for _ in range(10):
            assert kept.ask(REQUEST).told()["path"] == "/v1/chat/completions"
        told = served.itself()["lane"]["front"]
        assert (told["state"], told["held"]) == ("lost", 0)
        assert "the front's thread has ended" in served.process.output()


def test_the_flag_at_run_time(each: tuple[str, str], tmp_path: Path) -> None:
    """Off: connections go on, new ones are handed over unread; a share of requests; on again."""
    with pair(tmp_path, *each) as both:
        with Client(both.plain) as plain:
            answers = [plain.ask(REQUEST), plain.ask(head("/told"))]
        with ExitStack() as stack:
            served = both.front
            before = [stack.enter_context(Client(served)) for _ in range(3)]
            before[0].ask(REQUEST)
            before[1].send(REQUEST[:30])

            def ask(client: Client, count: int = 1) -> None:
                for _ in range(count):
                    assert [client.ask(REQUEST), client.ask(head("/told"))] == answers

            served.ask("/flag/mode/off")
            counted = served.handed_over()
            before[1].send(REQUEST[30:])
            assert before[1].read() == answers[0]
            for client in before:
                ask(client, 3)
            for _ in range(10):
                with Client(served) as client:
                    client.send(REQUEST[:30])
                    # Handed over unread: nothing is waited for.
                    client.send(REQUEST[30:])
                    assert client.read() == answers[0]
                    ask(client)
            after = served.handed_over()
            changed = {name for name in after if after[name] != counted.get(name)}
            # The request that had begun before, and what asks, may count otherwise.
            assert "off" in changed
            assert after["off"] - counted.get("off", 0) >= 3 * 6 + 10 * 3

            served.ask("/flag/mode/on")
            served.ask("/flag/percent/0")
            counted = served.handed_over()
            for _ in range(10):
                with Client(served) as client:
                    ask(client)
            after = served.handed_over()
            assert after["percent"] - counted.get("percent", 0) >= 20

            served.ask("/flag/percent/50")
            counted = served.handed_over()
            with Client(served) as client:
                for number in range(200):
                    client.ask(post(CHAT, b"{}", {"authorization": f"Bearer sk-{number}"}))
            after = served.handed_over()
            # Five standard deviations of 200 draws of keys, or of numbers where the connection stayed.
            assert 60 < after["percent"] - counted["percent"] < 140


def test_a_fork_does_no_harm(each: tuple[str, str], tmp_path: Path) -> None:
    with pair(tmp_path, *each) as both:
        for served in both:
            before = settled(served)
            with Client(served) as kept, Client(served) as silent:
                kept.ask(REQUEST)
                for _ in range(3):
                    assert served.ask("/fork") == [0, 0]
                    assert kept.ask(REQUEST).status == silent.ask(REQUEST).status == b"HTTP/1.1 200 OK"
            assert figures(settled(served)) == figures(before)
            assert "Traceback" not in served.process.output()
        assert front(both.front)["state"] == "serving"


def test_a_process_without_descriptors_recovers(each: tuple[str, str], tmp_path: Path) -> None:
    """While there are none, established connections go on; afterwards everybody is served."""
    with server(tmp_path, *each, accel=True, arguments=("--descriptors", "60")) as served:
        before = settled(served)
        with ExitStack() as stack:
            first = [stack.enter_context(Client(served)) for _ in range(10)]
            for client in first:
                client.ask(REQUEST)
            crowd = [stack.enter_context(Client(served)) for _ in range(100)]
            wait_until(lambda: "out of system resource" in served.process.output())
            for _ in range(30):
                for client in first:
                    assert client.ask(REQUEST).status == b"HTTP/1.1 200 OK"
            for client in crowd[:90]:
                client.close()
            for client in crowd[90:]:
                assert client.ask(REQUEST).status == b"HTTP/1.1 200 OK"
        assert figures(settled(served)) == figures(before)


def test_the_loops_debug_mode(each: tuple[str, str], tmp_path: Path) -> None:
    """It complains of nothing, and nothing is left unclosed or unawaited."""
    environ = {"PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1"}
    said = []
    with pair(tmp_path, *each, environ=environ) as both:
        for served in both:
            with ExitStack() as stack:
                clients = [stack.enter_context(Client(served)) for _ in range(10)]
                for _ in range(5):
                    for client in clients:
                        client.ask(REQUEST)
                        client.ask(head("/bytes/300000"))
            with Client(served) as last:
                last.ask(head("/stop"))
                last.rest()
            assert served.process.wait(60) == 0
            said.append(Counter(re.findall(r"\w*Warning.*|.*Traceback.*|.*never .*", served.process.output())))
    assert said[1] - said[0] == Counter()


def test_one_server_after_the_other(each: tuple[str, str], tmp_path: Path) -> None:
    """Three times in one process: what one leaves behind, the next one does not add to."""
    ended = []
    with pair(tmp_path, *each, arguments=("--rounds", "3")) as both:
        for served in both:
            for number in range(3):
                wait_until(lambda: served.process.output().count("READY") == number + 1)  # noqa: B023
                with Client(served) as client, Client(served) as idle, Client(served) as silent:
                    idle.ask(REQUEST)
                    state = client.ask(head("/self")).told()["lane"]
                    assert state is None or state["front"]["state"] == "serving"
                    client.ask(head("/stop"))
                    assert [silent.rest(), idle.rest(), client.rest()] == [b""] * 3
            assert served.process.wait(60) == 0
            ended.append([int(each) for each in re.findall(r"ENDED with (\d+)", served.process.output())])
    for counts in ended:
        assert counts[0] == counts[1] == counts[2]
