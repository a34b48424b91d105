"""Two real proxies of one configuration, plain and under `accel run`, and what one request costs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

# The tests start the same proxies; theirs is the code that starts, awaits and stops them.
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.processes import mock_upstream
from support.proxies import MASTER_KEY, Proxy, environment, litellm_proxy

WITH_BUDGET = "sk-budget"
WITHOUT_BUDGET = "sk-free"

# Without a database only custom auth makes keys; the common checks are those that reserve a budget.
_AUTH = f"""
import os

from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth

ROLES = {{
    os.environ["LITELLM_MASTER_KEY"]: LitellmUserRoles.PROXY_ADMIN,
    "{WITH_BUDGET}": LitellmUserRoles.INTERNAL_USER,
    "{WITHOUT_BUDGET}": LitellmUserRoles.INTERNAL_USER,
}}
BUDGETS = {{"{WITH_BUDGET}": 1e9}}


async def authenticate(request, api_key):
    if api_key not in ROLES:
        raise ProxyException(message="unknown key", type="auth_error", param="key", code=401)
    return UserAPIKeyAuth(api_key=api_key, user_role=ROLES[api_key], max_budget=BUDGETS.get(api_key))
"""

# Behind an upstream of OpenAI's kind LiteLLM knows no price for a Claude model, and a budget needs one. In
# `litellm_params` they would be registered anew for every request, which costs it about as much as counting.
_PRICES = {"input_cost_per_token": 3e-6, "output_cost_per_token": 1.5e-5}

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Side:
    """One of the proxies, with a kept connection to it."""

    proxy: Proxy
    client: httpx.Client

    def ask(self, key: str, body: bytes) -> httpx.Response:
        """One chat request. Raises `httpx.HTTPStatusError`."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        return self.client.post("/v1/chat/completions", content=body, headers=headers).raise_for_status()

    def cpu_s(self) -> float:
        """Processor time so far of the proxy and of all that it started, ended ones included."""
        # It leads a session of its own, to which whatever it starts belongs.
        return sum(_ticks_of_session(self.proxy.process.pid)) / _TICKS

    def native_counts(self) -> int:
        """How many texts accel has counted; 0 without accel."""
        reply = self.client.get("/accel/status", headers={"Authorization": f"Bearer {MASTER_KEY}"})
        if reply.status_code == 404:
            return 0
        native: int = reply.raise_for_status().json()["features"]["token_counting"]["calls"]["native"]
        return native


@contextmanager
def running(directory: Path, models: Sequence[str]) -> Iterator[dict[str, Side]]:
    """The mock upstream and both proxies, by the names that contestants have; all are stopped afterwards."""
    (directory / "auth_of_bench.py").write_text(_AUTH)
    with ExitStack() as stack:
        upstream = stack.enter_context(mock_upstream(directory))
        config = _write_config(directory, upstream, models)
        sides = {}
        for name in ("litellm", "accel"):
            environ = environment(directory / f"run-{name}")
            proxy = stack.enter_context(litellm_proxy(directory, config, environ, accel=name == "accel"))
            client = stack.enter_context(httpx.Client(base_url=proxy.base_url, timeout=60, trust_env=False))
            sides[name] = Side(proxy, client)
        yield sides


def _write_config(directory: Path, upstream: str, models: Sequence[str]) -> Path:
    """One deployment for each model. A budget is reserved for the name that the request says, so that the
    group's name must be the model's own for LiteLLM to count with the model's tokenizer."""
    config = {
        "model_list": [
            {
                "model_name": model,
                "litellm_params": {
                    "model": f"openai/{model}",
                    "api_base": f"{upstream}/v1",
                    "api_key": "unused",
                },
                "model_info": _PRICES,
            }
            for model in models
        ],
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {
            "custom_auth": "auth_of_bench.authenticate",
            "custom_auth_run_common_checks": True,
        },
    }
    path = directory / "proxy.yaml"
    path.write_bytes(orjson.dumps(config))
    return path


def _ticks_of_session(session: int) -> Iterator[int]:
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            # After the name, which is in parentheses and may hold anything: field 3 of proc(5) and on.
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if int(fields[3]) == session:
            yield sum(map(int, fields[11:15]))  # utime, stime, and those of children that ended
