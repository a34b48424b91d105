"""The configurations of the full run, and the proxies that serve them: a side's from one import of LiteLLM."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from support.processes import HOST, ManagedProcess, answers, free_port
from support.proxies import READY_S, Proxy, accelerated, environment

AUTH = """
import os

from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth

KEYS = {
    os.environ["LITELLM_MASTER_KEY"]: {"user_role": LitellmUserRoles.PROXY_ADMIN},
    "sk-user": {"user_id": "ann", "key_alias": "ann's", "metadata": {"tags": ["of the key"]}},
    "sk-team": {
        "user_id": "bob", "team_id": "team-1", "team_alias": "the team", "org_id": "org-1",
        "metadata": {"a": "b"}, "team_metadata": {"c": "d"},
    },
    "sk-limited": {"rpm_limit": 2, "tpm_limit": 100000, "max_parallel_requests": 5},
    "sk-models": {"models": ["chat"]},
    "sk-budget": {"max_budget": 100.0, "spend": 1.5},
    "sk-poor": {"max_budget": 0.01, "spend": 0.5},
}


async def authenticate(request, api_key):
    if api_key not in KEYS:
        raise ProxyException(message="unknown key", type="auth_error", param="key", code=401)
    settings = {"user_role": LitellmUserRoles.INTERNAL_USER, **KEYS[api_key]}
    return UserAPIKeyAuth(api_key=api_key, **settings)
"""


@dataclass(frozen=True)
class World:
    """What differs from one configuration to the next; each is the file's part of that name."""

    callbacks: str
    router: Mapping[str, Any]
    litellm: Mapping[str, Any]
    general: Mapping[str, Any]
    prices: bool = False


WORLDS: Mapping[str, World] = {
    # Nothing that a request passes is the user's: what may be left out is.
    "bare": World(
        callbacks="callbacks: bare",
        router={"num_retries": 0, "disable_cooldowns": True},
        litellm={},
        general={},
    ),
    # The user's own code everywhere, keys of all kinds, and what an operator may switch on.
    "hooks": World(
        callbacks="callbacks: hooks",
        router={
            "num_retries": 0,
            "routing_strategy": "cost-based-routing",
            "enable_pre_call_checks": True,
            "enable_tag_filtering": True,
            "cooldown_time": 600,
            "allowed_fails": 1,
        },
        litellm={"cache": True, "cache_params": {"type": "local", "mode": "default_off"}, "json_logs": False},
        general={"custom_auth": "auth_of_run.authenticate", "custom_auth_run_common_checks": True},
    ),
    # Plain functions as callbacks, texts kept from the logs, and the other switches.
    "functions": World(
        callbacks="success_callback: on_success, failure_callback: on_failure",
        router={
            "num_retries": 0,
            "routing_strategy": "least-busy",
            "disable_cooldowns": True,
            "default_litellm_params": {"metadata": {"of": "the router"}},
            "retry_policy": {"BadRequestErrorRetries": 0},
        },
        litellm={
            "turn_off_message_logging": True,
            "drop_params": True,
            "return_response_headers": True,
            "default_fallbacks": ["chat-cl100k"],
            "request_timeout": 60,
        },
        general={
            "custom_auth": "auth_of_run.authenticate",
            "forward_client_headers_to_llm_api": True,
            "user_header_name": "x-litellm-end-user-id",
        },
        prices=True,
    ),
}


def write(world: World, directory: Path, upstream: str) -> Path:
    """The proxy's configuration with all that belongs to it; JSON, which is YAML too."""
    directory.mkdir()
    (directory / "auth_of_run.py").write_text(AUTH)
    (directory / "recorder_of_run.py").write_text(
        "from support.run_recorder import bare, hooks, on_failure, on_success  # noqa: F401\n"
    )
    pairs = (entry.split(": ") for entry in world.callbacks.split(", "))
    callbacks = {name: [f"recorder_of_run.{value}"] for name, value in pairs}
    config = {
        "model_list": list(_deployments(upstream, prices=world.prices)),
        "router_settings": {
            "fallbacks": [{"fallen": ["chat"]}, {"fallen-twice": ["error-500", "chat-cl100k"]}],
            "model_group_alias": {
                "alias": "chat",
                "hidden-alias": {"model": "chat-cl100k", "hidden": True},
            },
            **world.router,
        },
        "litellm_settings": {**callbacks, **world.litellm},
        "general_settings": dict(world.general),
    }
    path = directory / "proxy.yaml"
    path.write_bytes(orjson.dumps(config))
    return path


def _deployments(upstream: str, *, prices: bool) -> Iterator[dict[str, Any]]:
    def deployment(name: str, model: str, info: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
        served = {"model": f"openai/{model}", "api_base": f"{upstream}/v1", "api_key": "unused", **params}
        return {
            "model_name": name,
            "litellm_params": {key: value for key, value in served.items() if value is not None},
            # Else LiteLLM makes one of the parameters, the upstream's port included.
            "model_info": {
                "id": f"{name}:{model}:{len(params)}".replace("/", "-").replace(":", "-"),
                **(info or {}),
            },
        }

    yield deployment("chat", "gpt-4o-mini")
    yield deployment("chat-cl100k", "gpt-3.5-turbo")
    yield deployment("no-usage", "mock-nousage")
    yield deployment("embedding", "text-embedding-3-small", {"mode": "embedding"})
    for status in (400, 401, 404, 429, 500, 503):
        yield deployment(f"error-{status}", f"mock-{status}")
    for letter in "abc":
        yield deployment("several", f"mock-{letter}")
    # Chance has no choice.
    yield deployment("weighted", "mock-light", weight=0)
    yield deployment("weighted", "mock-heavy", weight=3, rpm=None)
    yield deployment("ordered", "mock-first", order=1)
    yield deployment("ordered", "mock-second", order=2, rpm=100)
    yield deployment("fallen", "mock-500")
    yield deployment("fallen-twice", "mock-503")
    yield deployment("wild/*", "*")
    yield deployment("openai/*", "*", tpm=None, rpm=100000)
    yield deployment("tagged", "mock-free", tags=["free"])
    yield deployment("tagged", "mock-paid", tags=["paid"], rpm=1000)
    yield deployment("priced", "mock-priced", input_cost_per_token=2e-6, output_cost_per_token=3e-6)
    yield deployment("limited", "mock-limited", {"base_model": "gpt-4o"}, rpm=2, tpm=1000)
    yield deployment("mocked", "mock-mocked", mock_response="mocked by the configuration")
    yield deployment("broken-half", "mock-429")
    yield deployment("broken-half", "mock-well", rpm=10)
    yield deployment("broken-whole", "mock-500")
    yield deployment("broken-whole", "mock-503", rpm=10)
    if prices:
        yield deployment("several", "mock-d", {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6})


@dataclass(frozen=True)
class Served(Proxy):
    """A proxy of the run; `records` is what its callbacks wrote."""

    records: Path
    log: Path


@contextmanager
def starting_worlds(
    directory: Path, upstream: str, *, accel: bool
) -> Iterator[Callable[[], Mapping[str, Served]]]:
    """Starts a proxy for each configuration, all with accel or all without; the function waits for them and gives
    them by the configuration's name.

    What the test's own environment says of accel holds for those with it: `ACCEL_OVERHEAD=off`.
    """
    directory.mkdir()
    members: list[dict[str, Any]] = []
    for name, world in WORLDS.items():
        config = write(world, directory / name, upstream)
        variables = {"CONFIG_FILE_PATH": str(config), "RUN_RECORDS": str(directory / f"{name}.jsonl")}
        members.append(
            {"host": HOST, "port": free_port(), "log": str(directory / f"{name}.log"), "environ": variables}
        )
    switches = {name: value for name, value in os.environ.items() if name.startswith("ACCEL_")}
    environ = environment(
        directory / "runtime",
        PYTHONPATH=str(Path(__file__).parents[1]),
        # Sets that LiteLLM makes lists of.
        PYTHONHASHSEED="0",
        # Of one without accel nobody asks it; the switch is for what would import it by mistake.
        **(switches if accel else {"ACCEL_ENABLED": "0"}),
    )
    command = [sys.executable, "-m", "support.run_family", orjson.dumps(members).decode()]
    command = accelerated(command) if accel else command
    kind = "with accel" if accel else "without"
    with ManagedProcess(f"the run {kind}", command, log=directory / "family.log", environ=environ) as process:

        def ready() -> Mapping[str, Served]:
            found = {}
            for name, member in zip(WORLDS, members, strict=True):
                base_url = f"http://{HOST}:{member['port']}"
                process.wait_until(lambda url=base_url: answers(f"{url}/health/liveliness"), READY_S)  # type: ignore[misc]
                records = Path(member["environ"]["RUN_RECORDS"])
                found[name] = Served(process, base_url, environ, records, Path(member["log"]))
            return found

        yield ready
