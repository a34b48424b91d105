"""`accel run -- litellm --num_workers 2`: both workers accelerated, and flags changed while they serve."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import litellm
import orjson
import pytest

from support.processes import wait_until
from support.proxies import MODELS, Proxy

pytestmark = pytest.mark.xdist_group("proxy")

FEATURE = "token_counting"
COUNTS = 400
# Five standard deviations of 400 draws at 25 %: 43 calls, to either side of 100.
QUARTER = range(57, 144)
MESSAGES = [
    {"role": "user", "content": "Which river carries the stones past the old mill? Ça va? 今天的会议 👩‍💻 "}
]


def feature_of(status: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = status["features"][FEATURE]
    return found


def serving_workers(proxy: Proxy) -> dict[int, dict[str, Any]]:
    """The last status of both workers; the process that started them is left out."""
    return {pid: status for pid, status in proxy.workers().items() if pid != proxy.process.pid}


def count(client: httpx.Client, model: str = "chat") -> int:
    reply = client.post("/utils/token_counter", json={"model": model, "messages": MESSAGES})
    total: int = reply.raise_for_status().json()["total_tokens"]
    return total


def calls(proxy: Proxy) -> dict[str, int]:
    """Native and Python's calls of both workers together, as each tells at this moment."""
    told: dict[int, dict[str, Any]] = {}

    def both_told() -> bool:
        with proxy.client() as client:
            document = client.get("/accel/status").raise_for_status().json()
        told[document["pid"]] = feature_of(document)["calls"]
        return len(told) == 2

    wait_until(both_told)
    return {
        "native": sum(each["native"] for each in told.values()),
        "python": sum(sum(each["python"].values()) for each in told.values()),
    }


def wait_for_settings(proxy: Proxy, **expected: object) -> None:
    """Both workers tell these settings."""

    def told() -> bool:
        features = [feature_of(status) for status in serving_workers(proxy).values()]
        return len(features) == 2 and all(expected.items() <= feature.items() for feature in features)

    wait_until(told)


def counted(proxy: Proxy, number: int = COUNTS) -> dict[str, int]:
    """How many calls of `number` requests were answered by whom. Each makes more than one call."""
    before = calls(proxy)
    with proxy.client() as client:
        answers = {count(client) for _ in range(number)}
    assert len(answers) == 1, "the count does not depend on who counts"
    after = calls(proxy)
    return {side: after[side] - before[side] for side in after}


def test_both_workers_are_accelerated_and_count_natively(two_workers: Proxy) -> None:
    wait_until(lambda: len(serving_workers(two_workers)) == 2, 120)
    served: dict[int, int] = {}

    def both_count() -> bool:
        with two_workers.client() as client:
            count(client)
            document = client.get("/accel/status").json()
        served[document["pid"]] = feature_of(document)["calls"]["native"]
        seams = feature_of(document)["seams"]
        assert {(seam["state"], seam["reason"]) for seam in seams} == {("applied", None)}
        return len(served) == 2 and all(served.values())

    wait_until(both_count, 120)
    assert set(served) == set(serving_workers(two_workers)), "the endpoint and the run's directory agree"
    listed = orjson.loads(two_workers.accel("status", "--json").stdout)
    assert {worker["pid"] for worker in listed} == set(two_workers.workers())
    for pid, status in serving_workers(two_workers).items():
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == str(two_workers.process.pid)
        assert {seam["state"] for seam in feature_of(status)["seams"]} == {"applied"}
    wait_until(
        lambda: all(feature_of(status)["calls"]["native"] for status in serving_workers(two_workers).values())
    )


def test_the_counts_are_litellms(two_workers: Proxy) -> None:
    assert not hasattr(litellm.token_counter, "__wrapped__")
    with two_workers.client() as client:
        for name in ("chat", "chat-cl100k", "chat-claude"):
            expected = litellm.token_counter(model=MODELS[name], messages=MESSAGES)
            assert {count(client, name) for _ in range(6)} == {expected}
        bare = "claude-sonnet-4-5"
        assert count(client, bare) == litellm.token_counter(model=bare, messages=MESSAGES)


def test_the_process_above_the_workers_is_untouched(two_workers: Proxy) -> None:
    assert two_workers.process.exit_code is None
    command = Path(f"/proc/{two_workers.process.pid}/cmdline").read_text().split("\0")
    assert "run" not in command, "the launcher became LiteLLM"
    own = two_workers.workers().get(two_workers.process.pid)
    if own is not None:
        assert feature_of(own)["calls"]["native"] == 0
        assert feature_of(own)["calls"]["python"] == {}


class TestFlagsAtRunTime:
    def set(self, proxy: Proxy, value: str) -> None:
        ended = proxy.accel("flags", FEATURE, value)
        assert ended.returncode == 0, ended.stderr

    def test_the_command_reaches_both_workers(self, two_workers: Proxy) -> None:
        self.set(two_workers, "off")
        wait_for_settings(two_workers, mode="off")
        split = counted(two_workers, 20)
        assert split["native"] == 0
        assert split["python"] >= 20

        self.set(two_workers, "25%")
        wait_for_settings(two_workers, mode="on", percent=25.0)
        split = counted(two_workers)
        total = split["native"] + split["python"]
        assert total >= COUNTS
        assert round(split["native"] * COUNTS / total) in QUARTER

        self.set(two_workers, "shadow")
        wait_for_settings(two_workers, mode="shadow", percent=100.0)
        assert counted(two_workers, 20)["native"] == 0
        for status in serving_workers(two_workers).values():
            assert feature_of(status)["calls"]["mismatched"] == 0
            assert feature_of(status)["breaker"]["state"] == "closed"

        self.set(two_workers, "on")
        wait_for_settings(two_workers, mode="on", percent=100.0)
        split = counted(two_workers, 20)
        assert (split["native"] >= 20, split["python"]) == (True, 0)

    def test_a_bad_value_changes_nothing(self, two_workers: Proxy) -> None:
        before = two_workers.workers()
        assert two_workers.accel("flags", FEATURE, "101%").returncode == 2
        assert two_workers.accel("flags", "nonsense", "on").returncode == 2
        assert two_workers.workers().keys() == before.keys()
        wait_for_settings(two_workers, mode="on", percent=100.0)

    def test_the_flag_file_is_followed_and_a_bad_one_is_not(self, two_workers: Proxy) -> None:
        def write(content: bytes) -> None:
            path = Path(two_workers.environ["ACCEL_FLAGS"])
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            os.replace(fresh, path)

        def settings(**changes: object) -> bytes:
            return orjson.dumps({"features": {FEATURE: changes}})

        def wait_for_problems(wanted: Callable[[list[str]], bool]) -> None:
            def told() -> bool:
                return all(wanted(status["problems"]) for status in serving_workers(two_workers).values())

            wait_until(told)

        # What the command said wins over the file, so only what it did not say is changed here.
        write(settings(verify_percent=50))
        wait_for_settings(two_workers, verify_percent=50.0)
        for bad in (b"{", settings(percent=101), b'{"features": {"nonsense": {}}}'):
            write(bad)
            wait_for_problems(lambda problems: len(problems) == 1 and "flags.json" in problems[0])
            wait_for_settings(two_workers, mode="on", percent=100.0, verify_percent=50.0)
            assert counted(two_workers, 5)["native"] >= 5, "still serving"
        write(settings(verify_percent=0.1))
        wait_for_settings(two_workers, verify_percent=0.1)
        wait_for_problems(lambda problems: problems == [])
