"""What a proxy's configuration file says of where LiteLLM will keep its limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accel.errors import AccelError
from accel.features.limit_capacity import LITELLM_KEYS

# By what LiteLLM finds a Redis to connect to, in the environment or in `environment_variables`.
_REDIS_VARIABLES = ("REDIS_HOST", "REDIS_URL", "REDIS_CLUSTER_NODES", "REDIS_SENTINEL_NODES")
# The response cache whose Redis the limiter borrows; without a type it is Redis.
_REDIS_CACHES = (None, "redis")
_MAKES_KEYS = ("database_url", "custom_auth", "enable_jwt_auth", "enable_oauth2_auth")


class ConfigError(AccelError):
    """A configuration file that cannot be read."""


def read(path: str | Path) -> dict[str, Any]:
    """The file's content. Raises `ConfigError`, naming the file."""
    # LiteLLM's proxy brings it.
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: not a mapping")
    return content


def has_redis(config: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether LiteLLM's limiter will have Redis; one that is kept in the database cannot be seen here."""
    litellm_settings = _part(config, "litellm_settings")
    if _part(config, "general_settings").get("coordination_redis"):
        return True
    if (
        litellm_settings.get("cache") is True
        and _part(litellm_settings, "cache_params").get("type") in _REDIS_CACHES
    ):
        return True
    variables = {**_part(config, "environment_variables"), **environ}
    return any(variables.get(name) for name in _REDIS_VARIABLES)


def may_limit_keys(config: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether there can be keys besides the master key, which has no limits."""
    settings = _part(config, "general_settings")
    variables = {**_part(config, "environment_variables"), **environ}
    return bool(variables.get("DATABASE_URL")) or any(settings.get(name) for name in _MAKES_KEYS)


def advice(config: Mapping[str, Any], environ: Mapping[str, str], modes: Mapping[str, str]) -> list[str]:
    """What to do about it, given the features' modes."""
    if modes.get("limit_capacity") == "on" or has_redis(config, environ) or not may_limit_keys(config, environ):
        return []
    return [
        "limit_capacity: this configuration has no Redis, and its keys can have limits: with more than some "
        f"{LITELLM_KEYS} of them in use LiteLLM does not enforce these; mode 'on' makes them hold in each worker"
    ]


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}
