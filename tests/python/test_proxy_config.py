"""What the doctor reads in a proxy's configuration: where limits are kept, and whether there are any."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from accel.proxy_config import ConfigError, advice, has_redis, may_limit_keys, read

KEYS = {"general_settings": {"custom_auth": "module.function"}}


@pytest.mark.parametrize(
    ("config", "environ", "expected"),
    [
        ({}, {}, False),
        ({"general_settings": None, "litellm_settings": None}, {}, False),
        ({"general_settings": {"coordination_redis": {"host": "h"}}}, {}, True),
        ({"litellm_settings": {"cache": True}}, {}, True),
        ({"litellm_settings": {"cache": True, "cache_params": {"type": "redis"}}}, {}, True),
        ({"litellm_settings": {"cache": True, "cache_params": {"type": "local"}}}, {}, False),
        ({"litellm_settings": {"cache": False, "cache_params": {"type": "redis"}}}, {}, False),
        ({}, {"REDIS_HOST": "h"}, True),
        ({}, {"REDIS_URL": ""}, False),
        ({}, {"REDIS_PORT": "6379"}, False),
        ({"environment_variables": {"REDIS_CLUSTER_NODES": "[]"}}, {}, True),
    ],
)
def test_redis(config: dict[str, Any], environ: dict[str, str], expected: bool) -> None:
    assert has_redis(config, environ) is expected


@pytest.mark.parametrize(
    ("config", "environ", "expected"),
    [
        ({"general_settings": {"master_key": "sk-1234"}}, {}, False),
        (KEYS, {}, True),
        ({"general_settings": {"database_url": "postgresql://"}}, {}, True),
        ({"general_settings": {"enable_jwt_auth": True}}, {}, True),
        ({}, {"DATABASE_URL": "postgresql://"}, True),
    ],
)
def test_keys(config: dict[str, Any], environ: dict[str, str], expected: bool) -> None:
    assert may_limit_keys(config, environ) is expected


def test_advice_is_given_where_limits_would_not_hold() -> None:
    (line,) = advice(KEYS, {}, {"limit_capacity": "off"})
    assert line.startswith("limit_capacity: this configuration has no Redis")
    assert advice(KEYS, {}, {"limit_capacity": "on"}) == []
    assert advice(KEYS, {"REDIS_HOST": "h"}, {"limit_capacity": "off"}) == []
    assert advice({}, {}, {"limit_capacity": "off"}) == []


@pytest.mark.parametrize("content", [None, "- a list", "{", "a: [b"])
def test_a_file_that_cannot_be_read(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"proxy\.yaml"):
        read(path)


def doctor(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    foreign = ("ACCEL_", "REDIS_", "DATABASE_", "CONFIG_FILE_PATH")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    command = [sys.executable, "-m", "accel", "doctor", "--json", *options]
    return subprocess.run(
        command, env={**environ, **variables}, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_doctor_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text("general_settings:\n  custom_auth: module.function\n")
    expected = advice(KEYS, {}, {"limit_capacity": "off"})
    assert orjson.loads(doctor("--config", str(path)).stdout)["recommendations"] == expected
    switched_on = doctor(CONFIG_FILE_PATH=str(path), ACCEL_LIMIT_CAPACITY="on")
    assert orjson.loads(switched_on.stdout)["recommendations"] == []


def test_the_doctor_complains_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    ended = doctor("--config", str(tmp_path / "none.yaml"))
    assert ended.returncode == 2
    assert "none.yaml: [Errno 2] No such file or directory" in ended.stderr
