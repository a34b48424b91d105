"""Real LiteLLM proxies for tests, with and without accel, and what one asks of them."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson

from accel.demo.config import proxy_environment
from accel.state import live_runs, read_snapshots
from support.processes import HOST, ManagedProcess, answers, free_port

MASTER_KEY = "sk-test-master-0123456789abcdef"
READY_S = 280.0
REQUEST_TIMEOUT_S = 120.0

# Real names where LiteLLM must know a price and a tokenizer: cl100k, o200k, Anthropic's; then the mock's orders.
MODELS: Mapping[str, str] = {
    "chat": "gpt-4o-mini",
    "chat-cl100k": "gpt-3.5-turbo",
    "chat-claude": "claude-3-5-haiku-20241022",
    "no-usage": "mock-nousage",
    "embedding": "text-embedding-3-small",
    **{f"error-{status}": f"mock-{status}" for status in (400, 401, 429, 500)},
}


@dataclass(frozen=True)
class Proxy:
    """A running server; `environ` is what it was started with, its private run directory included."""

    process: ManagedProcess
    base_url: str
    environ: Mapping[str, str]

    def client(self, key: str | None = MASTER_KEY) -> httpx.Client:
        """A client with this key. Without kept connections, so that every worker gets its share of requests."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(
            base_url=self.base_url,
            headers=headers,
            timeout=REQUEST_TIMEOUT_S,
            limits=limits,
            trust_env=False,
            # There is no TLS, and to load certificates takes longer than a request.
            verify=False,
        )

    def accel(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command `accel`, as an operator of this proxy runs it."""
        return subprocess.run(
            [sys.executable, "-m", "accel", *arguments],
            env={**self.environ, "LITELLM_MASTER_KEY": MASTER_KEY},
            capture_output=True,
            text=True,
            timeout=REQUEST_TIMEOUT_S,
            check=False,
        )

    def workers(self) -> dict[int, dict[str, Any]]:
        """Every process's last status by pid, from the run's directory."""
        runs = [run for run in live_runs(self.environ) if run.process.pid == self.process.pid]
        return {
            snapshot.process.pid: snapshot.body["status"]
            for run in runs
            for snapshot in read_snapshots(run.directory).live
        }


class Pair(NamedTuple):
    """The same proxy twice."""

    plain: Proxy
    accel: Proxy


# Served by the upstream whose answers wait.
HELD_MODELS: Mapping[str, str] = {"held": "gpt-4o-mini", "transcription": "whisper-1"}


def write_config(directory: Path, upstream: str, held: str | None = None, **general_settings: Any) -> Path:
    """The proxy's configuration: one deployment for each model, nothing retried. JSON, which is YAML too."""
    served = [*((upstream, *pair) for pair in MODELS.items())]
    if held is not None:
        served += ((held, *pair) for pair in HELD_MODELS.items())
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{model}", "api_base": f"{base_url}/v1", "api_key": "unused"},
            }
            for base_url, name, model in served
        ],
        # The errors seen are the first answers: no retry, and no cooldown after them.
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": general_settings,
    }
    path = directory / "proxy.yaml"
    path.write_bytes(orjson.dumps(config))
    return path


def environment(runtime: Path, master_key: str | None = MASTER_KEY, **variables: str) -> dict[str, str]:
    """An environment without foreign proxies' and accel's settings, apart from the front, which is on; runs stay
    below `runtime`, made 0700.
    """
    runtime.mkdir(mode=0o700, exist_ok=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("ACCEL_")}
    # Runs of the user's own proxies may be in either of these places.
    places = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime)}
    flags = {"ACCEL_REQUEST_LANE": "on"}
    result = {**proxy_environment(own, master_key or ""), **places, **flags, **variables}
    if master_key is None:
        del result["LITELLM_MASTER_KEY"]
    return result


def script(name: str) -> str:
    """A console script of this environment."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def litellm_command(config: Path, port: int, workers: int = 1) -> list[str]:
    """The proxy as a user starts it, without accel."""
    options = {"--config": str(config), "--host": HOST, "--port": str(port), "--num_workers": str(workers)}
    if workers > 1:
        # Where the machine is busy, LiteLLM is not imported in uvicorn's five seconds; it would be killed.
        options["--timeout_worker_healthcheck"] = str(int(READY_S))
    return [script("litellm"), *(word for option in options.items() for word in option)]


def accelerated(command: Sequence[str]) -> list[str]:
    """The same command under the launcher."""
    return [sys.executable, "-m", "accel", "run", "--", *command]


@contextmanager
def serving(
    name: str, command: Sequence[str], port: int, environ: Mapping[str, str], log: Path
) -> Iterator[Proxy]:
    """Start it, wait until it serves, and stop the whole group afterwards."""
    with ManagedProcess(name, command, log=log, environ=environ) as process:
        base_url = f"http://{HOST}:{port}"
        process.wait_until(lambda: answers(f"{base_url}/health/readiness"), READY_S)
        yield Proxy(process, base_url, environ)


@contextmanager
def litellm_proxy(
    directory: Path, config: Path, environ: Mapping[str, str], *, accel: bool, workers: int = 1
) -> Iterator[Proxy]:
    """A LiteLLM proxy on a port of its own, with or without accel."""
    port = free_port()
    command = litellm_command(config, port, workers)
    name = "the proxy with accel" if accel else "the plain proxy"
    log = directory / f"{name.replace(' ', '-')}.log"
    with serving(name, accelerated(command) if accel else command, port, environ, log) as proxy:
        yield proxy
