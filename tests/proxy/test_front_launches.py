"""Each worker has a front of its own, however the proxy was launched; a stuck one takes no connection."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.processes import free_port, wait_until
from support.proxies import Proxy, accelerated, environment, litellm_command, serving, write_config

pytestmark = pytest.mark.xdist_group("proxy")

REQUESTS = 30
CHAT = {"model": "chat", "messages": [{"role": "user", "content": "a river"}]}


def lane_of(status: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = status["features"]["request_lane"]
    return found


def workers(proxy: Proxy) -> dict[int, dict[str, Any]]:
    """What `accel status` says of the feature in each process but the one that was started."""
    listed = orjson.loads(proxy.accel("status", "--json").stdout)
    return {each["pid"]: lane_of(each["status"]) for each in listed if each["pid"] != proxy.process.pid}


def serving_workers(proxy: Proxy, count: int) -> dict[int, dict[str, Any]]:
    """The same, once so many have a front."""

    def all_serve() -> bool:
        return [lane["front"]["state"] for lane in workers(proxy).values()] == ["serving"] * count

    wait_until(all_serve, 120)
    return workers(proxy)


def ask(proxy: Proxy, count: int = REQUESTS) -> None:
    with proxy.client() as client:
        for _ in range(count):
            assert client.post("/v1/chat/completions", json=CHAT).status_code == 200


def plans(lanes: dict[int, dict[str, Any]]) -> int:
    return sum(lane["calls"]["python"].get("declined: no plan", 0) for lane in lanes.values())


@pytest.mark.parametrize("kind", ["two_workers", "gunicorn"])
def test_every_worker_has_a_front(kind: str, request: pytest.FixtureRequest) -> None:
    proxy: Proxy = request.getfixturevalue(kind)
    before = serving_workers(proxy, 2)
    ask(proxy)
    # What a worker says of itself is a second old at most.
    wait_until(lambda: plans(workers(proxy)) - plans(before) == REQUESTS)
    shown = proxy.accel("status").stdout
    assert "fronts of servers" in shown
    assert shown.count("serving") == 2


def test_the_process_above_has_none(gunicorn: Proxy) -> None:
    wait_until(lambda: gunicorn.process.pid in gunicorn.workers())
    lane = lane_of(gunicorn.workers()[gunicorn.process.pid])
    assert lane["front"] == {"state": "none", "reason": "uvicorn has started no server since accel was imported"}
    assert lane["calls"]["python"] == {}


def test_a_stopped_worker_takes_no_connection(two_workers: Proxy) -> None:
    stopped, other = serving_workers(two_workers, 2)
    try:
        os.kill(stopped, signal.SIGSTOP)
        with two_workers.client() as client:
            told = {client.get("/accel/status").json()["pid"] for _ in range(REQUESTS)}
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert told == {other}


def test_a_blocked_worker_takes_no_connection(gunicorn: Proxy, tmp_path: Path) -> None:
    """Its event loop serves one request and nothing else; no other request ends up behind it."""
    ask(gunicorn)
    blocks = tmp_path / "blocks"
    blocks.touch()
    before = workers(gunicorn)

    def be_blocked() -> int:
        with gunicorn.client("sk-user") as client:
            headers = {"x-test-blocks-while": str(blocks)}
            return client.post("/v1/chat/completions", json=CHAT, headers=headers).status_code

    with ThreadPoolExecutor(1) as pool:
        try:
            blocked = pool.submit(be_blocked)
            # Handed over, and so in the hands of the event loop.
            wait_until(lambda: plans(workers(gunicorn)) > plans(before))
            with gunicorn.client() as client:
                told = {client.get("/accel/status").json()["pid"] for _ in range(REQUESTS)}
            assert not blocked.done()
        finally:
            blocks.unlink()
        assert blocked.result() == 200
    assert len(told) == 1


def test_litellms_own_gunicorn(upstream: str, tmp_path: Path) -> None:
    port = free_port()
    command = [*litellm_command(write_config(tmp_path, upstream), port), "--run_gunicorn"]
    environ = environment(tmp_path / "runtime")
    with serving("gunicorn", accelerated(command), port, environ, tmp_path / "log") as proxy:
        serving_workers(proxy, 1)
        ask(proxy, 5)
        wait_until(lambda: plans(workers(proxy)) == 5)
