"""The proxy of the demonstration: its configuration file, its environment and its command."""

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import orjson

from accel.demo.processes import HOST

# Settings of the user's own proxies would send the demonstration to their databases and providers.
_FOREIGN = (
    *("LITELLM_", "DATABASE_", "REDIS_", "STORE_MODEL_IN_DB", "PROMETHEUS_"),
    *("OPENAI_", "AZURE_", "ANTHROPIC_"),
    *("SSL_KEYFILE", "SSL_CERTFILE", "LIMIT_CONCURRENCY", "MAX_REQUESTS_", "DEBUG", "DETAILED_DEBUG"),
)

# Real model names, so that LiteLLM has prices and tokenizers for them; `demo-chat` has two deployments,
# among which latency-based routing chooses after counting the prompt's tokens.
_MODELS = (
    ("demo-chat", "gpt-4o-mini"),
    ("demo-chat", "gpt-3.5-turbo"),
    ("demo-no-usage", "mock-nousage"),
    ("demo-embedding", "text-embedding-3-small"),
    ("demo-429", "mock-429"),
    ("demo-500", "mock-500"),
)


def write_config(directory: Path, upstream_port: int) -> Path:
    """Write the proxy's configuration for this upstream. JSON, which is YAML too. Raises `OSError`."""
    upstream = {"api_base": f"http://{HOST}:{upstream_port}/v1", "api_key": "unused"}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"openai/{model}", **upstream}}
            for name, model in _MODELS
        ],
        # The errors shown are the first answers: no retry, and no cooldown after them.
        "router_settings": {
            "routing_strategy": "latency-based-routing",
            "num_retries": 0,
            "disable_cooldowns": True,
        },
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }
    path = directory / "proxy.yaml"
    path.write_bytes(orjson.dumps(config, option=orjson.OPT_INDENT_2))
    return path


def proxy_environment(environ: Mapping[str, str], master_key: str) -> dict[str, str]:
    """The user's environment without the settings of other proxies, and with no need of a network."""
    result = {name: value for name, value in environ.items() if not name.startswith(_FOREIGN)}
    result.update(
        LITELLM_MASTER_KEY=master_key,
        LITELLM_MODE="PRODUCTION",  # in any other mode LiteLLM reads a .env file that it finds
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS="True",
        NO_PROXY=HOST,
        no_proxy=HOST,
    )
    return result


def proxy_command(config: Path, port: int) -> list[str]:
    """The proxy started through the launcher, as a user would. Raises `FileNotFoundError`."""
    litellm = Path(sysconfig.get_path("scripts")) / "litellm"
    if not os.access(litellm, os.X_OK):
        raise FileNotFoundError(f"{litellm} is missing; install it with: pip install 'litellm[proxy]'")
    launcher = [sys.executable, "-m", "accel", "run", "--"]
    options = {"--config": str(config), "--host": HOST, "--port": str(port), "--num_workers": "1"}
    return [*launcher, str(litellm), *(word for option in options.items() for word in option)]
