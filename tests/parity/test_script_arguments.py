"""How a registered script may be called, and on what: every way comes to what LiteLLM's own executor sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import litellm
import pytest
import redis.asyncio
from litellm.caching.redis_cache import RedisCache
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.told_redis import HOST, Script, ToldRedis, cache_on, pool_of, seen, told_of, told_redis
from support.told_scenes import EXECUTOR, RUN, SOURCE, played, same

pytestmark = pytest.mark.patient


@pytest.fixture(autouse=True)
def every_call_light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(litellm.verbose_logger, "disabled", True)
    with kept_flags():
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        yield


class TestKinds:
    @pytest.mark.parametrize("namespace", [None, "", "ns"])
    @pytest.mark.parametrize(
        ("given", "native"),
        [
            (lambda: (["a", "ns:b"], [1, 2.5, b"x", "y"]), True),
            (lambda: (("a",), ("b",)), True),
            (lambda: ([], []), True),
            (lambda: ((key for key in "ab"), [1]), False),
            (lambda: (["a"], (value for value in (1, 2))), False),
            (lambda: ((key for key in "ab"), (value for value in (1, 2))), False),
            (lambda: ({"a": 1, "b": 2}, {"c": 3}), False),
            (lambda: ("ab", "cd"), False),
            (lambda: (["a"], None), False),
            (lambda: (None, ["a"]), False),
            (lambda: ([None], ["a"]), False),
            (lambda: ([7], ["a"]), None),
            (lambda: (["a"], [True]), False),
            (lambda: (["a"], [["list"]]), False),
            (lambda: (["a"], ["x" * 7000]), False),
            (lambda: (["a"], [10**5000]), None),
        ],
    )
    def test_what_is_sent(
        self, given: Callable[[], tuple[Any, Any]], native: bool | None, namespace: str | None
    ) -> None:
        async def scene(_: ToldRedis, __: Any, script: Script) -> Any:
            keys, args = given()
            found = [await told_of(script(keys, args))]
            keys, args = given()
            return [*found, await told_of(script(args=args, keys=keys, client=None))]

        accel.set_flag("caching", mode="off")
        expected = played(scene, namespace=namespace)
        accel.set_flag("caching", mode="on")
        with calls_of("caching", EXECUTOR) as calls:
            assert played(scene, namespace=namespace) == expected
        if native is not None:
            assert calls.native == (3 if native else 1)

    def test_generators_where_no_connection_is_idle(self) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.append((0.02, b":1\r\n"))
            return await asyncio.gather(*(told_of(script((key for key in "ab"), ["v"])) for _ in range(2)))

        found = same(scene, 1)
        assert [asked[2:] for asked in found["asked"][1:]] == [(b"2", b"a", b"b", b"v")] * 2

    def test_a_client_of_the_callers(self) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            async with redis.asyncio.Redis(host=HOST, port=told.port) as client:
                return await told_of(script(["k"], [1], client))

        same(scene, 1)


class TestReplaced:
    @pytest.mark.parametrize("how", ["instance", "class"])
    def test_what_makes_keys(self, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async def scene(_: ToldRedis, cache: Any, script: Script) -> Any:
            with monkeypatch.context() as patched:
                if how == "instance":
                    patched.setattr(cache, "check_and_fix_namespace", lambda key: f"own {key}")
                else:
                    patched.setattr(RedisCache, "check_and_fix_namespace", lambda _self, key: f"own {key}")
                found = await told_of(script(["k"], []))
            vars(cache).pop("check_and_fix_namespace", None)
            return found

        assert same(scene, 2)["asked"][-1][-1] == b"own k"

    def test_what_makes_keys_of_a_subclass(self) -> None:
        class Prefixed(RedisCache):
            def check_and_fix_namespace(self, key: str) -> str:
                return f"own {key}"

        async def scene(_: ToldRedis, __: Any, script: Script) -> Any:
            return await told_of(script(["k"], []))

        assert same(scene, 2, class_=Prefixed)["asked"][-1][-1] == b"own k"

    def test_what_makes_the_client(self) -> None:
        """A script is bound to the client that was there, not to one that the cache used before."""

        async def scene(told: ToldRedis, cache: Any, _: Script) -> Any:
            async with told_redis() as other:
                pool = redis.asyncio.BlockingConnectionPool(host=HOST, port=other.port)
                client = redis.asyncio.Redis(connection_pool=pool)
                cache.init_async_client = lambda: client
                script = cache.async_register_script("return 'another'")
                found = [await told_of(script(["k"], [])) for _ in range(3)]
                del cache.init_async_client
                asked = len(other.scripts), len(told.scripts)
                await pool.disconnect()
                return found, asked

        assert same(scene, 3)["found"] == ([("value", "1")] * 3, (3, 1))

    def test_retries_of_the_users(self) -> None:
        class Counting(Retry):
            asked = 0

            async def call_with_retry(self, *arguments: Any, **named: Any) -> Any:
                Counting.asked += 1
                return await super().call_with_retry(*arguments, **named)

        async def scene(_: ToldRedis, cache: Any, script: Script) -> Any:
            (connection,) = pool_of(cache)._available_connections
            connection.retry = Counting(NoBackoff(), 1)
            before = Counting.asked
            return await told_of(script(["k"], [])), Counting.asked - before

        assert same(scene, 0)["found"][1] > 0

    @pytest.mark.parametrize("answer", [(None,), (b"-LOADING the data\r\n",), ()])
    def test_tried_again(self, answer: Any) -> None:
        """As often as redis-py is told to, with the same command."""

        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            (connection,) = pool_of(cache)._available_connections
            connection.retry = Retry(NoBackoff(), 2)
            told.answers.extend([answer, answer, (b":8\r\n",)])
            return await told_of(script(["k"], ["v"]))

        found = same(scene, 2, socket_timeout=0.05)
        assert found["found"] == ("value", "8")
        assert [asked[0] for asked in found["asked"]] == [b"EVALSHA"] * 4

    def test_a_cache_without_a_breaker_yet(self) -> None:
        bare = RedisCache.__new__(RedisCache)
        bare.redis_kwargs, bare.namespace = {}, None
        assert callable(bare.async_register_script(SOURCE))


class TestLoops:
    def test_one_cache_on_many(self) -> None:
        """Each has its own client; nothing of a loop that has ended is used, whoever has its identity now."""

        def run() -> list[Any]:
            script: Any = None
            cache: Any = None
            found = []

            async def on_loop() -> Any:
                nonlocal script, cache
                async with told_redis() as told:
                    if cache is None:
                        cache = cache_on(told)
                        script = cache.async_register_script(SOURCE)
                    cache.redis_kwargs = {**cache.redis_kwargs, "port": told.port}
                    told.answers.extend([(b":1\r\n",), (b":2\r\n",), ()])
                    answers = [await told_of(script(["k"], [])) for _ in range(2)]
                    pool_of(cache)._available_connections[-1].socket_timeout = 0.05
                    answers.append(await told_of(script(["k"], [])))
                    return [kind for kind, _ in answers], seen(told, cache)["idle"]

            for _ in range(4):
                found.append(asyncio.run(on_loop()))
            return found

        accel.set_flag("caching", mode="off")
        expected = run()
        accel.set_flag("caching", mode="on")
        with calls_of("caching", EXECUTOR) as calls:
            assert run() == expected
        assert calls.native == 8
        assert expected == [(["value", "value", "redis.exceptions.TimeoutError"], [False])] * 4

    def test_an_executor_on_another(self) -> None:
        """It is redis-py's affair, and nothing is left in the pool that would be another caller's."""

        def run() -> Any:
            executor: Any = None

            async def bind() -> None:
                nonlocal executor
                async with told_redis() as told:
                    cache = cache_on(told)
                    executor = cache._register_script_for_current_loop(SOURCE)
                    await executor(keys=["k"], args=[])
                    await executor(keys=["k"], args=[])
                    await pool_of(cache).disconnect()

            async def call() -> Any:
                # Its server is gone, and so is its connection: redis-py tries to open one on this loop.
                return (await told_of(executor(keys=["k"], args=[])))[0]

            asyncio.run(bind())
            return [asyncio.run(call()) for _ in range(2)]

        accel.set_flag("caching", mode="off")
        expected = run()
        accel.set_flag("caching", mode="on")
        with calls_of("caching", EXECUTOR) as calls:
            assert run() == expected
        assert (calls.native, calls.python["declined: another event loop"]) == (1, 2)

    def test_bound_outside_of_all(self) -> None:
        async def made() -> Any:
            async with told_redis() as told:
                return cache_on(told)

        cache = asyncio.run(made())
        assert callable(cache._register_script_for_current_loop(SOURCE))

    def test_both_seams_ran(self) -> None:
        async def scene(_: ToldRedis, __: Any, script: Script) -> Any:
            return await told_of(script(["k"], []))

        same(scene, 2, EXECUTOR)
        same(scene, 2, RUN)
