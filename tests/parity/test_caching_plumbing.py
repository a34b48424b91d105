"""Names and notes that LiteLLM makes anew for each operation on Redis: the same, made once."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterator
from typing import Any

import litellm
import pytest
from litellm._service_logger import ServiceLogging
from litellm.caching import redis_batch
from litellm.caching.redis_cache import RedisCache

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.original import outcome
from support.redis_server import DATABASE, HOST, is_there

KEY = "RedisCache._get_async_client_cache_key"
SCRIPT = "_Script.__init__"


@pytest.fixture(autouse=True)
def every_call_light() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        yield


class Few:
    """As much of a `RedisCache` as these two look at."""

    def __init__(self, **settings: Any) -> None:
        self.redis_kwargs = settings
        self.service_logger_obj: Any = ServiceLogging()


class Level(enum.IntEnum):
    ONE = 1


def key_of(cache: Any) -> str:
    """The name, which must be LiteLLM's own."""
    key: str = RedisCache._get_async_client_cache_key(cache)
    assert key == RedisCache._get_async_client_cache_key.__wrapped__(cache)  # type: ignore[attr-defined]
    return key


class TestNameOfTheClient:
    def test_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cache = Few(host="h", port=1, password=None, ssl=True, timeout=1.5, provider=object())
        first = key_of(cache)
        with calls_of("caching", KEY) as calls:
            assert [RedisCache._get_async_client_cache_key(cache) for _ in range(5)] == [first] * 5  # type: ignore[arg-type]
        assert (calls.native, calls.python) == (5, {})

    def test_every_change_is_noticed(self) -> None:
        cache = Few(host="h", port=1)
        seen = {key_of(cache)}
        for changed in ({"port": 2}, {"port": True}, {"port": 1.0}, {"port": "1"}, {"db": 0}, {"host": "i"}):
            cache.redis_kwargs.update(changed)
            seen.add(key_of(cache))
        assert len(seen) == 7
        del cache.redis_kwargs["db"]
        cache.redis_kwargs["dc"] = 0
        seen.add(key_of(cache))
        cache.redis_kwargs = {"host": "h", "port": 1}
        assert len(seen) == 8
        assert key_of(cache) in seen

    @pytest.mark.parametrize("value", [[{"host": "h"}], {"a": 1}, ("a",), Level.ONE])
    def test_what_may_change_in_place_is_left_to_litellm(self, value: Any) -> None:
        cache = Few(nodes=value)
        with calls_of("caching", KEY) as calls:
            key_of(cache)
        assert calls.python == {"declined: settings that may change in place": 1}

    def test_errors_are_litellms(self) -> None:
        for cache in (Few(nodes=[1, {1: 2, "a": 3}]), object()):
            assert outcome(RedisCache._get_async_client_cache_key, cache) == outcome(
                RedisCache._get_async_client_cache_key.__wrapped__,  # type: ignore[attr-defined]
                cache,
            )


def fields(made: Any) -> dict[str, Any]:
    names = ("settled_hooks", "target", "caller", "_redis_cache", "_run", "_sha", "_keys", "_args")
    return {name: getattr(made, name) for name in names} | {"done": made.future.done()}


def both(cache: Any, *arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A script in a batch, made by accel and by LiteLLM."""

    async def make() -> tuple[dict[str, Any], dict[str, Any]]:
        own = object.__new__(redis_batch._Script)
        redis_batch._Script.__init__.__wrapped__(own, cache, *arguments)  # type: ignore[attr-defined]
        return fields(redis_batch._Script(cache, *arguments)), fields(own)

    return asyncio.run(make())


class TestScriptsInABatch:
    def test_the_same_but_for_who_is_told_to_nobody(self) -> None:
        with calls_of("caching", SCRIPT) as calls:
            found, expected = both(Few(), "return 1", len, ["a", "b"], (1, "2"))
        assert calls.native == 1
        assert found.pop("caller") == "unknown"
        assert expected.pop("caller") != "unknown"
        assert found == expected

    @pytest.mark.parametrize("listens", ["callback", "another logger", "a replaced hook"])
    def test_who_is_told_where_somebody_listens(self, listens: str, monkeypatch: pytest.MonkeyPatch) -> None:
        cache = Few()
        if listens == "callback":
            monkeypatch.setattr(litellm, "service_callback", ["prometheus_system"])
        elif listens == "another logger":
            cache.service_logger_obj = object()
        else:
            cache.service_logger_obj.async_service_success_hook = len
        with calls_of("caching", SCRIPT) as calls:
            found, expected = both(cache, "return 1", len, ["a"], [])
        assert found == expected
        assert calls.python == {"declined: somebody listens to services": 1}

    @pytest.mark.parametrize("arguments", [("ключ", len, [], []), ("a", len, "ab", iter("c"))])
    def test_odd_ones_are_left_to_litellm(self, arguments: Any) -> None:
        with calls_of("caching", SCRIPT) as calls:
            assert both(Few(), *arguments)[0]["_run"] is len
        assert calls.python == {"declined: an odd script": 1}

    def test_a_future_that_nobody_awaits_is_not_complained_of(self) -> None:
        async def scene() -> Any:
            loop, heard = asyncio.get_running_loop(), []
            loop.set_exception_handler(lambda _, context: heard.append(context))
            made = redis_batch._Script(Few(), "return 1", len, [], [])  # type: ignore[arg-type]
            made.future.set_exception(ValueError())
            await asyncio.sleep(0)
            del made
            return heard

        assert asyncio.run(scene()) == []

    @pytest.mark.skipif(not is_there(), reason="no Redis")
    @pytest.mark.xdist_group("redis")
    def test_flushed(self) -> None:
        async def scene() -> Any:
            cache = RedisCache(host=HOST, port=6379, db=DATABASE)
            run = cache.async_register_script("return {KEYS[1], ARGV[1]}")
            batch = redis_batch.RedisBatch(cache)
            asked = [batch.script("return {KEYS[1], ARGV[1]}", run, ["k"], [number]) for number in range(3)]
            answers = [await answer for answer in asked]
            await cache.init_async_client().aclose()
            return answers

        assert asyncio.run(scene()) == [[b"k", b"0"], [b"k", b"1"], [b"k", b"2"]]
