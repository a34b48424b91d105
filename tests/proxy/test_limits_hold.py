"""A real proxy without Redis and a thousand keys: LiteLLM's limits do not hold, and with the feature they do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from support.processes import wait_until
from support.proxies import Proxy, environment, litellm_proxy, write_config

pytestmark = pytest.mark.xdist_group("proxy")

KEYS = 1000
AUTH = """
import os

from litellm.proxy._types import LitellmUserRoles, UserAPIKeyAuth


async def authenticate(request, api_key):
    if api_key == os.environ["LITELLM_MASTER_KEY"]:
        return UserAPIKeyAuth(api_key=api_key, user_role=LitellmUserRoles.PROXY_ADMIN)
    return UserAPIKeyAuth(api_key=api_key, user_role=LitellmUserRoles.INTERNAL_USER, rpm_limit=1)
"""
BODY = {"model": "chat", "messages": [{"role": "user", "content": "How high is the Zugspitze?"}]}


@pytest.fixture(scope="module")
def proxy(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy with accel whose keys may send one request in ten minutes: nobody's window ends in the test."""
    directory = tmp_path_factory.mktemp("limits")
    (directory / "auth_of_limited_keys.py").write_text(AUTH)
    config = write_config(directory, upstream, custom_auth="auth_of_limited_keys.authenticate")
    environ = environment(directory / "runtime", LITELLM_RATE_LIMIT_WINDOW_SIZE="600")
    with litellm_proxy(directory, config, environ, accel=True) as started:
        yield started


def answered(proxy: Proxy, keys: list[str]) -> list[int]:
    """What each key's request is answered."""
    with httpx.Client(base_url=proxy.base_url, timeout=60, trust_env=False, verify=False) as client:

        def ask(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return client.post("/v1/chat/completions", json=BODY, headers=headers).status_code

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(ask, keys))


def feature(proxy: Proxy) -> dict[str, Any]:
    with proxy.client() as client:
        status = client.get("/accel/status").raise_for_status().json()
    found: dict[str, Any] = status["features"]["limit_capacity"]
    return found


def test_a_thousand_keys_at_run_time(proxy: Proxy) -> None:
    few = [f"sk-few-{number}" for number in range(150)]
    for _ in range(2):
        assert set(answered(proxy, few)) == {200}, "LiteLLM's own limits hold: there is nothing to mend"
    assert feature(proxy)["limiters"][0]["capacity"] == 0

    assert proxy.accel("flags", "limit_capacity", "on").returncode == 0
    wait_until(lambda: feature(proxy)["mode"] == "on")
    many = [f"sk-many-{number}" for number in range(KEYS)]
    assert set(answered(proxy, many)) == {200}
    assert set(answered(proxy, many)) == {429}
    (row,) = feature(proxy)["limiters"]
    assert (row["redis"], row["capacity"], row["evicted"]) == (False, 400_000, 0)
    # Window and requests of each; LiteLLM counts tokens of what it served too.
    assert row["items"] >= 2 * KEYS

    # Off, for a window nobody gets a second quota.
    assert proxy.accel("flags", "limit_capacity", "off").returncode == 0
    wait_until(lambda: feature(proxy)["mode"] == "off")
    assert set(answered(proxy, many[:200])) == {429}
