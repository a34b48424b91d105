"""gunicorn that loads the proxy before it forks: each worker is accelerated and counts for itself."""

from typing import Any

import pytest

from support.processes import wait_until
from support.proxies import Proxy

pytestmark = pytest.mark.xdist_group("proxy")

NATIVE_IN_MASTER = 7  # for each fork; see the gunicorn configuration


def test_each_worker_is_accelerated(gunicorn: Proxy) -> None:
    statuses = gunicorn.workers()
    assert gunicorn.process.pid in statuses, "the master reports too"
    assert len(statuses) == 3
    for status in statuses.values():
        seams = status["features"]["token_counting"]["seams"]
        assert {(seam["state"], seam["reason"]) for seam in seams} == {("applied", None)}
    served: dict[int, int] = {}

    def both_count() -> bool:
        with gunicorn.client() as client:
            client.post("/utils/token_counter", json={"model": "chat", "prompt": "a river"}).raise_for_status()
            document = client.get("/accel/status").json()
        served[document["pid"]] = native_calls(document)
        return len(served) == 2 and all(served.values())

    wait_until(both_count, 120)
    assert set(served) == set(statuses) - {gunicorn.process.pid}


def test_counts_start_from_zero_in_a_worker(gunicorn: Proxy, gunicorn_records: list[dict[str, Any]]) -> None:
    born = [record for record in gunicorn_records if record["what"] == "after in child"]
    assert len(born) == 2
    for record in born:
        assert record["native"] == 0
        assert record["pid"] != gunicorn.process.pid
    masters = native_calls(gunicorn.workers()[gunicorn.process.pid])
    assert masters == 2 * NATIVE_IN_MASTER, "counted before each of two forks, and kept"


def test_no_thread_of_ours_lives_while_the_master_forks(gunicorn_records: list[dict[str, Any]]) -> None:
    ready = [record for record in gunicorn_records if record["what"] == "before ours"]
    forking = [record for record in gunicorn_records if record["what"] == "at fork"]
    assert len(ready) == len(forking) == 2
    for record in ready:
        assert "accel-ticker" in record["threads"], "or the next line would prove nothing"
    for record in forking:
        assert not [name for name in record["threads"] if "accel" in name]


def native_calls(status: dict[str, Any]) -> int:
    native: int = status["features"]["token_counting"]["calls"]["native"]
    return native
