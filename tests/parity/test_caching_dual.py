"""`DualCache` with its seams against LiteLLM's own methods: answers, order of effects, prints, logs and errors."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import litellm
import pytest
from litellm.caching import dual_cache
from litellm.caching.dual_cache import DualCache
from litellm.proxy._types import UserAPIKeyAuth

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.original import outcome
from support.scale import scaled
from support.tiers import Scene

METHODS = ("get_cache", "async_get_cache", "async_set_cache", "async_set_cache_pipeline")


@pytest.fixture(autouse=True)
def every_call_light() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        yield


def own(method: str) -> Any:
    return getattr(DualCache, method).__wrapped__


def seam(method: str) -> Any:
    return getattr(DualCache, method)


def called(method: Any, *arguments: Any, **named: Any) -> Any:
    """What the method gives; nothing that these tests put into a cache suspends a coroutine."""
    answer = method(*arguments, **named)
    if not inspect.iscoroutine(answer):
        return answer
    try:
        answer.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("suspended")


def played(number: int, method_of: Any, capsys: Any, caplog: Any, monkeypatch: Any) -> tuple[Any, ...]:
    """Everything that can be observed of one call."""
    scene = Scene(number)
    monkeypatch.setattr(litellm._logging, "set_verbose", scene.verbose)
    monkeypatch.setattr(dual_cache, "active_request_redis_batch", lambda _: scene.batch)
    caplog.clear()
    found = outcome(called, method_of(scene.method), scene.cache, *scene.arguments, **scene.named)
    logged = [
        (record.levelno, record.getMessage(), record.exc_info is not None)
        for record in caplog.records
        if (record.name, record.thread) == (litellm.verbose_logger.name, threading.get_ident())
    ]
    return found, scene.told, logged, capsys.readouterr().out


@pytest.mark.parametrize("mode", ["on", "shadow", "off"])
def test_random_calls(mode: Any, capsys: Any, caplog: Any, monkeypatch: Any) -> None:
    accel.set_flag("caching", mode=mode)
    monkeypatch.setattr(litellm.verbose_logger, "propagate", True)
    # A line of the log names the place that wrote it: known to differ, and not told by these records.
    monkeypatch.setattr(litellm.verbose_logger, "handlers", [])
    # What Redis says too often is logged once in a while; here each time.
    monkeypatch.setattr("litellm.caching.redis_cache._redis_timeout_log_throttle.admit", lambda: 0)
    caplog.set_level(logging.DEBUG, litellm.verbose_logger.name)
    count = scaled(1_000)
    with ExitStack() as stack:
        # LiteLLM's own methods come to the seams of the store below them, too: those are not counted here.
        calls = [stack.enter_context(calls_of("caching", f"DualCache.{method}")) for method in METHODS]
        for number in range(count):
            expected = played(number, own, capsys, caplog, monkeypatch)
            assert played(number, seam, capsys, caplog, monkeypatch) == expected, number
    assert sum(one.native for one in calls) == (count if mode == "on" else 0)
    assert sum(sum(one.python.values()) for one in calls) == (0 if mode == "on" else count)


@pytest.mark.parametrize("method", METHODS)
def test_as_seen_from_outside(method: str) -> None:
    assert inspect.signature(seam(method)) == inspect.signature(own(method))
    assert inspect.iscoroutinefunction(seam(method)) == inspect.iscoroutinefunction(own(method))
    # LiteLLM's log of who called Redis tells the callers of these apart by name.
    assert seam(method).__code__.co_name == own(method).__code__.co_name
    assert outcome(called, seam(method), DualCache())[0] == "raised builtins.TypeError"


class TestDebugLines:
    class Loud:
        """Counts how often it is made a text."""

        def __init__(self) -> None:
            self.told = 0

        def __str__(self) -> str:
            self.told += 1
            return "loud"

    def test_made_only_to_be_printed(self, monkeypatch: Any, capsys: Any) -> None:
        cache, value = DualCache(), self.Loud()
        for verbose, printed in ((False, 0), (True, 4), (False, 0)):
            monkeypatch.setattr(litellm._logging, "set_verbose", verbose)
            value.told = 0
            asyncio.run(cache.async_set_cache("k", value))
            assert asyncio.run(cache.async_get_cache("k")) is value
            assert cache.get_cache("k") is value
            assert (value.told, capsys.readouterr().out.count("loud")) == (printed, printed)

    def test_a_replaced_print_is_called(self, monkeypatch: Any) -> None:
        lines: list[str] = []
        monkeypatch.setattr(dual_cache, "print_verbose", lines.append)
        cache = DualCache()
        asyncio.run(cache.async_set_cache("k", 1))
        asyncio.run(cache.async_get_cache("k"))
        assert lines == [
            "async set cache: cache key: k; local_only: False; value: 1",
            "async get cache: cache key: k; local_only: False",
            "in_memory_result: 1",
            "get cache: cache result: 1",
        ]

    def test_the_known_difference(self) -> None:
        """A value that cannot be made a text is a miss to LiteLLM, and cannot be set; here it is a value."""

        class Mute:
            def __str__(self) -> str:
                raise ValueError("no text")

        cache, value = DualCache(), Mute()
        cache.in_memory_cache.set_cache("k", value)
        assert (own("get_cache")(cache, "k"), cache.get_cache("k")) == (None, value)
        with pytest.raises(ValueError, match="no text"):
            asyncio.run(own("async_set_cache")(cache, "k", value))
        asyncio.run(cache.async_set_cache("l", value))
        assert cache.get_cache("l") is value

    def test_a_value_that_cannot_be_printed_where_it_is_to_be(self, monkeypatch: Any) -> None:
        class Mute:
            def __str__(self) -> str:
                raise ValueError("no text")

        monkeypatch.setattr(litellm._logging, "set_verbose", True)
        for verify in (0, 100):
            accel.set_flag("caching", verify_percent=verify)
            with (
                calls_of("caching", "DualCache.async_set_cache") as calls,
                pytest.raises(ValueError, match="no text"),
            ):
                asyncio.run(DualCache().async_set_cache("k", Mute()))
            assert (calls.native, calls.failed) == (1, 0)


class TestAccount:
    def test_native_ran(self) -> None:
        cache, key = DualCache(), UserAPIKeyAuth(api_key="sk-1")
        with calls_of("caching", "DualCache.async_get_cache") as calls:
            asyncio.run(cache.async_set_cache("k", key))
            for _ in range(10):
                assert asyncio.run(cache.async_get_cache("k")) is key
        assert (calls.native, calls.python) == (10, {})

    def test_disabled(self) -> None:
        with calls_of("caching", "DualCache.get_cache") as calls, accel.disabled("caching"):
            assert DualCache().get_cache("k") is None
        assert (calls.native, calls.python) == (0, {"off": 1})

    def test_reads_in_memory_are_verified(self) -> None:
        accel.set_flag("caching", verify_percent=100)
        cache = DualCache()
        cache.set_cache("k", {"a": 1})
        before = accel.status().features["caching"]["calls"]["verified"]
        assert asyncio.run(cache.async_get_cache("k")) == {"a": 1}
        assert cache.get_cache("k") == {"a": 1}
        assert cache.get_cache("absent") is None
        assert accel.status().features["caching"]["calls"]["verified"] >= before + 3

    def test_what_threads_change_while_it_is_verified_is_no_mismatch(self) -> None:
        accel.set_flag("caching", verify_percent=100)
        cache, stop = DualCache(), threading.Event()

        def write() -> None:
            while not stop.is_set():
                cache.in_memory_cache.increment_cache("k", 1)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for _ in range(scaled(100)):
                cache.get_cache("k")
        finally:
            stop.set()
            thread.join()
        assert accel.status().features["caching"]["breaker"]["state"] == "closed"
