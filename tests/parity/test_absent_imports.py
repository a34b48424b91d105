"""What LiteLLM's proxy does where optional packages are missing, with accel and without."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import litellm.proxy.proxy_server
import pytest
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.auth import user_api_key_auth
from litellm.proxy.db import log_db_metrics

import accel
from accel.features.overhead.absent import LOOK_AGAIN_S, Absent
from support.calls import calls_of
from support.live import kept_flags

assert litellm.proxy.proxy_server  # as in the proxy, everything is imported


def has_sdk() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.sdk") is not None
    except ModuleNotFoundError:
        return False


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        yield


def blamed(error: Exception) -> Any:
    try:
        return log_db_metrics.is_exception_related_to_db(error)
    except Exception as raised:  # noqa: BLE001  # compared
        return type(raised), str(raised), getattr(raised, "name", None), raised.__cause__


ERRORS = (ValueError("no"), httpx.ConnectError("no"), RuntimeError())


@pytest.mark.skipif(importlib.util.find_spec("prisma") is not None, reason="Prisma is installed")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_database_is_blamed_alike(error: Exception) -> None:
    with calls_of("overhead") as calls:
        found = blamed(error)
    assert (calls.native, calls.failed) == (1, 0)
    with accel.disabled():
        assert blamed(error) == found


def test_every_name_of_it_is_put_back() -> None:
    function: Any = log_db_metrics.is_exception_related_to_db

    def holders() -> dict[str, Any]:
        modules = [(name, module) for name, module in list(sys.modules.items()) if name.startswith("litellm")]
        return {
            f"{name}:{attribute}": value
            for name, module in modules
            for attribute, value in list(vars(module).items())
            if attribute.endswith("is_exception_related_to_db")
        }

    assert len(holders()) >= 6
    assert set(holders().values()) == {function}
    accel.unpatch("overhead")
    try:
        assert len(set(holders().values())) == 1
        assert set(holders().values()) != {function}
    finally:
        accel.patch("overhead")


def test_prisma_that_is_there_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    package, errors = types.ModuleType("prisma"), types.ModuleType("prisma.errors")
    errors.PrismaError = type("PrismaError", (Exception,), {})  # type: ignore[attr-defined]
    package.errors = errors  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "prisma", package)
    monkeypatch.setitem(sys.modules, "prisma.errors", errors)
    with calls_of("overhead") as calls:
        assert [blamed(error) for error in ERRORS] == [False, True, False]
    assert calls.native == 0


@pytest.mark.skipif(importlib.util.find_spec("prisma") is not None, reason="Prisma is installed")
def test_prismas_errors_alone_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert blamed(ERRORS[0])[0] is ModuleNotFoundError
    errors = types.ModuleType("prisma.errors")
    errors.PrismaError = type("PrismaError", (Exception,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "prisma.errors", errors)
    ours = [blamed(error) for error in ERRORS]
    with accel.disabled():
        assert [blamed(error) for error in ERRORS] == ours


@pytest.mark.skipif(has_sdk(), reason="OpenTelemetry's SDK is installed")
def test_traces_go_nowhere_without_their_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    with calls_of("overhead") as calls:
        assert user_api_key_auth._seed_request_destinations(UserAPIKeyAuth()) is None
    assert (calls.native, calls.failed) == (1, 0)
    assert "litellm.integrations.otel.logger" not in sys.modules
    with accel.disabled():
        assert user_api_key_auth._seed_request_destinations(UserAPIKeyAuth()) is None


def test_an_exporter_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", types.ModuleType("opentelemetry.sdk"))
    with calls_of("overhead") as calls:
        assert user_api_key_auth._seed_request_destinations(UserAPIKeyAuth()) is None
    assert calls.native == 0


def test_a_logger_in_its_place_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    logger = types.ModuleType("litellm.integrations.otel.logger")
    logger.__getattr__ = asked.append  # type: ignore[method-assign,assignment]
    monkeypatch.setitem(sys.modules, "litellm.integrations.otel.logger", logger)
    user_api_key_auth._seed_request_destinations(UserAPIKeyAuth())
    ours = asked[:]
    asked.clear()
    with accel.disabled():
        user_api_key_auth._seed_request_destinations(UserAPIKeyAuth())
    assert ours == asked
    assert "fan_out_provider" in asked


class TestAbsent:
    def test_one_on_a_path_that_came_meanwhile_is_seen(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        absent = Absent("no_such_package_anywhere", lambda: 0.0)
        assert absent.is_sure()
        (tmp_path / "no_such_package_anywhere.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        assert not absent.is_sure()

    def test_a_package_is_looked_for_again_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now, looked = [100.0], []
        real = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: looked.append(name) or real(name))
        absent = Absent("no_such_package_anywhere", lambda: now[0])
        assert absent.is_sure()
        assert absent.is_sure()
        assert len(looked) == 1
        now[0] += LOOK_AGAIN_S
        assert absent.is_sure()
        assert len(looked) == 2

    def test_one_that_came_meanwhile_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        absent = Absent("no_such_package_anywhere", lambda: now[0])
        assert absent.is_sure()
        monkeypatch.setitem(sys.modules, "no_such_package_anywhere", types.ModuleType("x"))
        assert not absent.is_sure()

    def test_one_inside_of_another(self) -> None:
        assert Absent("no_such_package_anywhere.inside").is_sure()
        assert Absent("json.no_such_part").is_sure()
        assert not Absent("json.decoder").is_sure()

    def test_one_that_is_installed(self) -> None:
        assert not Absent("json").is_sure()
        assert not Absent("wave").is_sure()

    def test_none_in_its_place_is_pythons_affair(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "no_such_package_anywhere", None)
        assert not Absent("no_such_package_anywhere").is_sure()
