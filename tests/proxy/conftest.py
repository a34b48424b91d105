"""The proxies that several tests share: a start costs eight seconds, so each kind starts once."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.families import Family, family
from support.held_upstream import HeldUpstream, held_upstream
from support.processes import HOST, free_port, mock_upstream, wait_until
from support.proxies import Pair, Proxy, accelerated, environment, litellm_proxy, script, serving, write_config

# Keys of the custom auth are told apart by their text; without a database there are no others.
CUSTOM_AUTH = """
import os
import time

from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth

ROLES = {
    os.environ["LITELLM_MASTER_KEY"]: LitellmUserRoles.PROXY_ADMIN,
    "sk-admin": LitellmUserRoles.PROXY_ADMIN,
    "sk-viewer": LitellmUserRoles.PROXY_ADMIN_VIEW_ONLY,
    "sk-user": LitellmUserRoles.INTERNAL_USER,
    "sk-budget": LitellmUserRoles.INTERNAL_USER,
    "sk-spender": LitellmUserRoles.INTERNAL_USER,
    "sk-poor": LitellmUserRoles.INTERNAL_USER,
}
BUDGETS = {"sk-budget": 100.0, "sk-spender": 100.0, "sk-poor": 0.01}


def block(path):
    # The event loop, and not only this request.
    while os.path.exists(path):
        time.sleep(0.01)


async def authenticate(request, api_key):
    if api_key == "sk-user":
        block(request.headers.get("x-test-blocks-while", ""))
    if api_key not in ROLES:
        raise ProxyException(message="unknown key", type="auth_error", param="key", code=401)
    return UserAPIKeyAuth(api_key=api_key, user_role=ROLES[api_key], max_budget=BUDGETS.get(api_key))
"""


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bundled mock upstream's base URL."""
    with mock_upstream(tmp_path_factory.mktemp("upstream")) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def two_workers(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """`accel run -- litellm --num_workers 2` with a master key, and a flag file that may be rewritten."""
    directory = tmp_path_factory.mktemp("two-workers")
    flags = directory / "flags.json"
    flags.write_text('{"features": {}}')
    environ = environment(directory / "runtime", ACCEL_FLAGS=str(flags))
    config = write_config(directory, upstream)
    with litellm_proxy(directory, config, environ, accel=True, workers=2) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def custom_auth_pair(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A plain and an accelerated proxy of one configuration, with keys of several roles and budgets."""
    directory = tmp_path_factory.mktemp("pair")
    (directory / "custom_auth_of_tests.py").write_text(CUSTOM_AUTH)
    settings = {"custom_auth": "custom_auth_of_tests.authenticate", "custom_auth_run_common_checks": True}
    config = write_config(directory, upstream, **settings)
    with ExitStack() as stack:
        plain, accel = (
            stack.enter_context(litellm_proxy(directory, config, environment(directory / "runtime"), accel=accel))
            for accel in (False, True)
        )
        yield Pair(plain, accel)


@pytest.fixture(scope="session")
def held() -> Iterator[HeldUpstream]:
    """The upstream whose answers wait."""
    with held_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def families(
    upstream: str, held: HeldUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Family, Family]]:
    """The plain proxies and those with a front: the same configuration on every parser and loop."""
    directory = tmp_path_factory.mktemp("families")
    config = write_config(directory, upstream, held.base_url, enable_drain_endpoint=True)
    environ = environment(directory / "runtime")
    with (
        family(directory, config, environ, accel=False) as plain,
        family(directory, config, environ, accel=True) as accel,
    ):
        yield plain, accel


# The master counts, so that its tally is not zero when it forks. Of the hooks before a fork the last
# registered runs first: the one of this file, which gunicorn reads before LiteLLM and accel, runs after
# accel's own, at the very moment of the fork.
GUNICORN_CONFIG = """
import os, sys, threading

def record(what, **facts):
    import orjson
    threads = [thread.name for thread in threading.enumerate()]
    with open(os.environ["RECORDS"], "ab") as file:
        file.write(orjson.dumps({"what": what, "pid": os.getpid(), "threads": threads, **facts}) + b"\\n")

def native():
    return sys.modules["accel"].status().features["token_counting"]["calls"]["native"]

def pre_fork(server, worker):
    import litellm
    for _ in range(7):
        litellm.token_counter(model="gpt-4o", text="a river in the master")
    record("before ours", native=native())
    forking.append(worker)

def post_fork(server, worker):
    record("after in child", native=native())

def at_fork():
    # Helpers of the operating system's kind fork too; only workers are meant.
    if forking:
        forking.pop()
        record("at fork")

forking = []
os.register_at_fork(before=at_fork)
"""


@pytest.fixture(scope="session")
def gunicorn(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """gunicorn with two workers on the proxy's app, loaded before they are forked, with keys of several roles."""
    directory = tmp_path_factory.mktemp("gunicorn")
    (directory / "custom_auth_of_tests.py").write_text(CUSTOM_AUTH)
    (directory / "gunicorn.conf.py").write_text(GUNICORN_CONFIG)
    config = write_config(directory, upstream, custom_auth="custom_auth_of_tests.authenticate")
    environ = environment(
        directory / "runtime", CONFIG_FILE_PATH=str(config), RECORDS=str(directory / "records.jsonl")
    )
    port = free_port()
    options = {
        "--config": str(directory / "gunicorn.conf.py"),
        "--workers": "2",
        "--worker-class": "uvicorn.workers.UvicornWorker",
        "--bind": f"{HOST}:{port}",
        "--timeout": "120",
    }
    words = [word for option in options.items() for word in option]
    command = accelerated([script("gunicorn"), "--preload", *words, "litellm.proxy.proxy_server:app"])
    with serving("gunicorn", command, port, environ, directory / "log") as proxy:
        wait_until(lambda: len(proxy.workers()) == 3, 120)
        yield proxy


@pytest.fixture(scope="session")
def gunicorn_records(gunicorn: Proxy) -> list[dict[str, Any]]:
    """What gunicorn's hooks saw around each fork of a worker."""
    return [orjson.loads(line) for line in Path(gunicorn.environ["RECORDS"]).read_bytes().splitlines()]
