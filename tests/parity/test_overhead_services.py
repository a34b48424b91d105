"""What LiteLLM does around service calls and settings, with accel and without."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from random import Random
from types import MappingProxyType
from typing import Any

import litellm
import litellm.proxy.proxy_server
import pytest
from litellm import _internal_context as context
from litellm._service_logger import ServiceLogging
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.auth import auth_checks
from litellm.types.services import ServiceTypes

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.scale import scaled

assert litellm.proxy.proxy_server  # as in the proxy, everything is imported

TARGET = "service_target"
HOOK = "ServiceLogging.async_service_success_hook"
DENY = "_vector_store_deny_by_default"
plain_target: Any = context.service_target.__wrapped__  # type: ignore[attr-defined]
plain_hook: Any = ServiceLogging.async_service_success_hook.__wrapped__  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("overhead", mode="on", percent=100, verify_percent=0)
        with calls_of("overhead") as calls:
            yield
    assert (calls.failed, calls.mismatched) == (0, 0)


class TestTargets:
    def play(self, target: Any, seed: int) -> list[Any]:
        """Blocks in blocks, left in any way; what the target was at every step."""
        chance, seen = Random(seed), list[Any]()

        def block(depth: int) -> None:
            name = chance.choice(["a", "b", None, 7, ""])
            with target(name) as given:
                seen.append((given, context.current_service_target()))
                for _ in range(chance.randrange(3) if depth < 4 else 0):
                    with suppress(KeyError, StopIteration):
                        block(depth + 1)
                seen.append(context.current_service_target())
                if chance.random() < 0.4:
                    raise chance.choice([KeyError(name), StopIteration(name)])

        with suppress(KeyError, StopIteration):
            block(0)
        return [*seen, context.current_service_target()]

    def test_nested_and_left_by_errors(self) -> None:
        with calls_of("overhead", TARGET) as calls:
            for seed in range(scaled(300)):
                assert self.play(context.service_target, seed) == self.play(plain_target, seed)
        assert calls.native >= scaled(300)
        assert (calls.failed, calls.python) == (0, {})

    def test_every_holder_has_it(self) -> None:
        import sys

        held = {
            name
            for name, module in list(sys.modules.items())
            if name.startswith("litellm") and vars(module).get(TARGET) is plain_target
        }
        assert held == set()
        accel.unpatch("overhead")
        try:
            modules = [module for name, module in list(sys.modules.items()) if name.startswith("litellm")]
            assert {vars(module)[TARGET] for module in modules if TARGET in vars(module)} == {plain_target}
        finally:
            accel.patch("overhead")

    def test_decorated_coroutines(self) -> None:
        @context.with_service_target("inside")
        async def ask() -> Any:
            await asyncio.sleep(0)
            return context.current_service_target()

        async def both() -> Any:
            with context.service_target("outside"):
                return await asyncio.gather(ask(), ask()), context.current_service_target()

        with calls_of("overhead", TARGET) as calls:
            assert asyncio.run(both()) == (["inside", "inside"], "outside")
        assert calls.native == 3

    def test_as_a_decorator_and_twice(self) -> None:
        errors: list[Any] = []
        for target in (context.service_target, plain_target):

            @target("decorated")
            def ask() -> Any:
                return context.current_service_target()

            assert [ask(), ask(), context.current_service_target()] == ["decorated", "decorated", None]
            used = target("once")
            with used:
                pass
            with pytest.raises((RuntimeError, AttributeError)) as again, used:
                pass
            errors.append((again.type, str(again.value)))
            with pytest.raises(TypeError) as error:
                target()
            assert str(error.value) == "service_target() missing 1 required positional argument: 'target'"
        assert errors[0] == errors[1]

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_closed_by_the_collector(self) -> None:
        """In another context, as the garbage collector closes a coroutine that never ended."""

        async def never(target: Any) -> None:
            with target("lost"):
                await asyncio.get_running_loop().create_future()

        for target in (context.service_target, plain_target):
            started = never(target)

            async def begin(started: Any = started) -> None:
                with suppress(StopIteration):
                    started.send(None)

            asyncio.run(begin())
            started.close()
            del started
            gc.collect()
            assert context.current_service_target() is None

    def test_entered_and_left_by_hand(self) -> None:
        def played(target: Any) -> list[Any]:
            seen: list[Any] = []
            block = target("twice")
            block.__enter__()
            seen += [block.__exit__(None, None, None), block.__exit__(None, None, None)]
            seen.append(block.__exit__(KeyError, KeyError("late"), None))
            with pytest.raises(RuntimeError) as error:
                target("never begun").__exit__(None, None, None)
            seen += [str(error.value), context.current_service_target()]
            block = target("dropped")
            block.__enter__()
            del block
            gc.collect()
            return [*seen, context.current_service_target()]

        assert played(context.service_target) == played(plain_target)

    def test_another_variable_is_litellms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from contextvars import ContextVar

        other: ContextVar[Any] = ContextVar("other", default="nothing")
        monkeypatch.setattr(context, "_service_target", other)
        with calls_of("overhead", TARGET) as calls, context.service_target("mine"):
            assert other.get() == "mine"
        assert calls.native == 0


class Listener(CustomLogger):
    """Told of everything, and no service logger."""


def hooked(hook: Any, self: Any, **named: Any) -> Any:
    try:
        return asyncio.run(hook(self, **named))
    except Exception as error:  # noqa: BLE001  # compared
        return type(error), str(error)


GOOD: dict[str, Any] = {"service": ServiceTypes.AUTH, "call_type": "/v1/chat/completions", "duration": 0.25}
ODD: dict[str, tuple[Any, ...]] = {
    "service": (ServiceTypes.REDIS, "redis", "nobody", None, 7),
    "call_type": ("", "é", "\ud800", None, 7, b"raw"),
    "duration": (0.0, float("nan"), 1, True, "0.5", "no", None, [1]),
    "event_metadata": (None, {}, {"a": object()}, {1: 2}, [], "text", MappingProxyType({})),
    "caller": (None, "a <- b", "é", "\ud800", 7),
    "parent_otel_span": (object(),),
    "start_time": (1.0, None, "x"),
    "unknown": (1,),
}


class TestSuccessHook:
    def test_what_is_valid_and_what_is_not(self) -> None:
        logger = ServiceLogging()
        assert hooked(plain_hook, logger, **GOOD) is None
        cases = [{**GOOD, name: value} for name, values in ODD.items() for value in values]
        for one, two in product(ODD, ODD):
            cases += [{**GOOD, one: ODD[one][-1], two: ODD[two][-1]}]
        cases += [{name: value for name, value in GOOD.items() if name != left} for left in GOOD]
        for case in cases:
            assert hooked(ServiceLogging.async_service_success_hook, logger, **case) == hooked(
                plain_hook, logger, **case
            ), case

    def test_nobody_listens(self) -> None:
        logger = ServiceLogging()
        hooked(plain_hook, logger, **GOOD)
        with calls_of("overhead", HOOK) as calls:
            assert hooked(ServiceLogging.async_service_success_hook, logger, **GOOD) is None
        assert (calls.native, calls.python) == (1, {})

    @pytest.mark.parametrize("callback", ["otel", "nobody", Listener()])
    def test_somebody_may_listen(self, monkeypatch: pytest.MonkeyPatch, callback: Any) -> None:
        monkeypatch.setattr(litellm, "service_callback", [callback])
        with calls_of("overhead", HOOK) as calls:
            hooked(ServiceLogging.async_service_success_hook, ServiceLogging(), **GOOD)
        assert calls.native == 0

    def test_datadog_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[Any] = []

        class Told:
            async def async_service_success_hook(self, **named: Any) -> None:
                told.append(named["payload"].call_type)

        logger = ServiceLogging()
        logger.dd_logger = Told()  # type: ignore[assignment]
        monkeypatch.setattr(litellm, "service_callback", ["datadog"])
        hooked(ServiceLogging.async_service_success_hook, logger, **GOOD)
        assert told == [GOOD["call_type"]]

    def test_counted_in_tests_of_litellms(self) -> None:
        logger = ServiceLogging(mock_testing=True)
        hooked(ServiceLogging.async_service_success_hook, logger, **GOOD)
        assert logger.mock_testing_async_success_hook == 1

    def test_a_mocked_payload_is_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[Any] = []
        monkeypatch.setattr("litellm._service_logger.ServiceLoggerPayload", lambda **named: made.append(named))
        hooked(ServiceLogging.async_service_success_hook, ServiceLogging(), **GOOD)
        assert len(made) == 1

    def test_a_subclass_is_asked(self) -> None:
        class Mine(ServiceLogging):
            pass

        with calls_of("overhead", HOOK) as calls:
            hooked(Mine.async_service_success_hook, Mine(), **GOOD)
        assert calls.native == 0


class TestVectorStores:
    @pytest.mark.parametrize(
        "value", [True, False, None, "true", "no", "maybe", 1, 0, 2, 1.0, [], object(), "\ud800"]
    )
    def test_any_value(self, value: Any) -> None:
        plain: Any = auth_checks._vector_store_deny_by_default.__wrapped__  # type: ignore[attr-defined]
        for settings in ({DENY[1:]: value}, MappingProxyType({DENY[1:]: value, "master_key": 7}), {}):
            expected = plain(settings)
            found = auth_checks._vector_store_deny_by_default(settings)  # type: ignore[arg-type]
            assert (type(found), found) == (type(expected), expected)

    def test_a_flag_is_native(self) -> None:
        auth_checks._vector_store_deny_by_default({DENY[1:]: "true"})
        with calls_of("overhead", DENY) as calls:
            assert auth_checks._vector_store_deny_by_default({DENY[1:]: True}) is True
            assert auth_checks._vector_store_deny_by_default({}) is False
        assert (calls.native, calls.python) == (2, {})

    def test_a_mocked_model_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Mine:
            @staticmethod
            def model_validate(_: Any) -> Any:
                return type("Found", (), {DENY[1:]: "mine"})

        monkeypatch.setattr(auth_checks, "ConfigGeneralSettings", Mine)
        assert auth_checks._vector_store_deny_by_default({}) == "mine"

    def test_a_mocked_validation_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = type("Found", (), {DENY[1:]: "mine"})
        monkeypatch.setattr(auth_checks.ConfigGeneralSettings, "model_validate", lambda _: mine)
        assert auth_checks._vector_store_deny_by_default({}) == "mine"
