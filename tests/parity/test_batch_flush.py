"""A batch of scripts flushed by accel against LiteLLM's own flush, where Redis answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest
from litellm.caching.redis_batch import RedisBatch

import accel
from support.batch_scenes import SEAM, Stage, played, same, shown, told
from support.calls import calls_of
from support.live import kept_flags
from support.scripted_redis import ScriptedRedis, scripted

pytestmark = pytest.mark.patient


@pytest.fixture(autouse=True)
def every_call_light() -> Iterator[None]:
    with kept_flags():
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedRedis]:
    with scripted() as started:
        yield started


class TestAnswers:
    @pytest.mark.parametrize("scripts_n", [1, 3, 30])
    @pytest.mark.parametrize("hook", [False, True])
    def test_so_many(self, server: ScriptedRedis, scripts_n: int, hook: bool) -> None:
        async def scene(stage: Stage) -> Any:
            made = stage.declare(*range(scripts_n), hook=hook)
            return [await result for result in made]

        found = same(scene, server, native=1)
        assert found[0] == [str(number).encode() for number in range(scripts_n)]
        assert found[1]["batch"] == (1, 0, False, False)

    @pytest.mark.parametrize("length", [100, 3_000, 5_900])
    def test_long(self, server: ScriptedRedis, length: int) -> None:
        async def scene(stage: Stage) -> Any:
            made = stage.declare(*(letter * length for letter in "abcdefghijklmnopqrstuvwxyz"))
            await stage.batch.flush()
            return [len(await result) for result in made]

        assert same(scene, server, native=1)[0] == [length] * 26

    @pytest.mark.parametrize("namespace", [None, "", "ns", "k"])
    @pytest.mark.parametrize("keys", [("k", "ns:k"), (), (b"k",), (1,), (None,), ("k", 1.5)])
    def test_keys(self, server: ScriptedRedis, namespace: str | None, keys: tuple[Any, ...]) -> None:
        async def scene(stage: Stage) -> Any:
            (result,) = stage.declare("v", keys=keys)
            (other,) = stage.declare("w")
            return [await told(stage.batch.flush()), await told(result), await told(other)]

        plain = all(type(key) is str for key in keys)
        same(scene, server, native=1 if plain else None, namespace=namespace)

    @pytest.mark.parametrize("value", [True, None, "\ud800", "x" * 7_000, ("tuple",)])
    def test_one_that_is_not_plain(self, server: ScriptedRedis, value: Any) -> None:
        async def scene(stage: Stage) -> Any:
            stage.declare("a", value, "b", hook=False)
            return await told(stage.batch.flush())

        same(scene, server, native=0)

    @pytest.mark.parametrize("protocol", [2, 3])
    def test_every_kind_of_reply(self, server: ScriptedRedis, protocol: int) -> None:
        replies = [
            b":7\r\n", b"$-1\r\n", b"*-1\r\n", b"+OK\r\n", b"*0\r\n", b"*2\r\n:1\r\n$1\r\nx\r\n",
            b"*2\r\n-ERR inner\r\n:1\r\n", b"$0\r\n\r\n", b"*1\r\n*1\r\n:0\r\n",
        ]  # fmt: skip
        if protocol == 3:
            replies += [b"_\r\n", b"#t\r\n", b"#f\r\n", b",1.5\r\n", b"%1\r\n+k\r\n:1\r\n", b"~1\r\n:1\r\n"]

        async def scene(stage: Stage) -> Any:
            made = stage.declare(*range(len(replies)), hook=False)
            await stage.batch.flush()
            return [repr(await result) for result in made]

        same(scene, server, dict(enumerate(replies)), native=1, protocol=protocol)

    def test_nothing_declared(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            return [await stage.batch.flush() for _ in range(2)]

        same(scene, server, native=2)


class TestSeveralAtOnce:
    def test_declared_while_it_is_under_way(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            first, late = stage.declare("a", "b"), []
            flushing = asyncio.ensure_future(stage.batch.flush())
            await asyncio.sleep(0)
            late = stage.declare("c", "d")
            answers = await asyncio.gather(late[0], first[1], first[0], late[1])
            await flushing
            return answers

        same(scene, server)

    def test_two_flushes(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            stage.declare("a", "b")
            return await asyncio.gather(stage.batch.flush(), stage.batch.flush())

        assert same(scene, server)[1]["batch"] == (1, 0, False, False)

    def test_a_flush_between_one_that_ends_and_one_that_waits(self, server: ScriptedRedis) -> None:
        """The lock is free and promised: who comes now must wait behind, and finds nothing left to send."""

        async def scene(stage: Stage) -> Any:
            async def one(*values: str) -> list[Any]:
                return [await stage.declare(value)[0] for value in values]

            return await asyncio.gather(one("a", "b", "c"), one("d", "e"), one("f"), one("g", "h"))

        found = same(scene, server)
        assert sorted(arguments[-1] for arguments in found[1]["seen"]) == list("abcdefgh")

    def test_flushed_by_a_hook_of_its_own(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            (result,) = stage.declare("a")
            follow_ups: list[asyncio.Future[Any]] = []

            def again(_: Any) -> None:
                follow_ups.append(asyncio.ensure_future(stage.declare("b")[0]._wait()))

            result.on_settled(again)
            return [await result, await follow_ups[0]]

        same(scene, server, native=1)

    def test_hooks_that_raise_and_that_take_time(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            results = stage.declare("a", "b", "c")

            def raises(_: Any) -> None:
                raise ValueError("of a hook")

            async def slow(future: Any) -> None:
                await asyncio.sleep(0.01)
                stage.notes.append(("slow", shown(future), stage.batch._lock.locked()))

            results[0].on_settled(raises)
            results[0].on_settled(slow)
            results[1].on_settled(slow)
            await stage.batch.flush()
            return len(stage.notes)

        found = same(scene, server, native=1)
        assert found[2] == ["WARNING redis batch settled hook failed: of a hook"]

    def test_many_batches_and_few_connections(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            batches = [RedisBatch(stage.cache) for _ in range(20)]
            declared = [
                batch.script("return ARGV[1]", stage.script, ["k"], [number])
                for number, batch in enumerate(batches)
            ]
            answers = await asyncio.gather(*declared)
            stage.server.seen.sort()
            return answers

        same(scene, server, max_connections=2)


class TestLeftToLiteLLM:
    def test_mixed(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            stage.declare("a")
            stage.batch.delete("d")
            await stage.batch.flush()

        same(scene, server, native=0)

    def test_flush_hooks(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            stage.batch.add_flush_hook(lambda: stage.declare("of the hook") and None)
            stage.declare("a")
            await stage.batch.flush()

        assert len(same(scene, server, native=0)[1]["seen"]) == 2

    @pytest.mark.parametrize("listens", ["callback", "mocked", "replaced", "none"])
    def test_who_listens_to_services(
        self, server: ScriptedRedis, listens: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if listens == "callback":
            monkeypatch.setattr(litellm, "service_callback", [litellm.integrations.custom_logger.CustomLogger()])

        async def scene(stage: Stage) -> Any:
            services: Any = stage.cache.service_logger_obj
            events: list[Any] = []

            async def hook(**told_of: Any) -> None:
                events.append((told_of["call_type"], told_of["event_metadata"]))

            services.mock_testing = listens == "mocked"
            if listens == "replaced":
                services.async_service_success_hook = hook
            stage.declare("a", "b")
            await stage.batch.flush()
            await asyncio.sleep(0)
            return events, services.mock_testing_async_success_hook

        same(scene, server, native=int(listens == "none"))

    @pytest.mark.parametrize("name", ["init_async_client", "check_and_fix_namespace"])
    def test_a_method_replaced_on_the_cache(self, server: ScriptedRedis, name: str) -> None:
        async def scene(stage: Stage) -> Any:
            own = getattr(stage.cache, name)

            def noted(*arguments: Any, **named: Any) -> Any:
                stage.notes.append(name)
                return own(*arguments, **named)

            setattr(stage.cache, name, noted)
            stage.declare("a", "b")
            try:
                await stage.batch.flush()
            finally:
                delattr(stage.cache, name)

        assert name in same(scene, server, native=0, namespace="ns")[1]["notes"]

    def test_a_subclass_with_its_own_pipeline(self, server: ScriptedRedis) -> None:
        class Own(RedisBatch):
            async def _flush_pipeline(self, ops: Any) -> None:
                for op in ops:
                    op.future.set_result("own")

        async def scene(stage: Stage) -> Any:
            stage.batch = Own(stage.cache)
            return [await result for result in stage.declare("a", "b")]

        assert same(scene, server, native=0)[0] == ["own", "own"]

    @pytest.mark.parametrize(
        "name",
        [
            "redis.asyncio.client.Redis.pipeline",
            "redis.asyncio.client.Pipeline.execute",
            "redis.asyncio.client.Pipeline.pipeline_execute_command",
            "redis.asyncio.client.Pipeline.reset",
            "litellm.caching.redis_batch._run_under_circuit_breaker",
        ],
    )
    def test_a_function_that_somebody_wrapped(
        self, server: ScriptedRedis, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owner, _, attribute = name.rpartition(".")
        own = pytest.importorskip(owner) if owner.islower() else None
        if own is None:
            module, _, class_ = owner.rpartition(".")
            own = getattr(pytest.importorskip(module), class_)
        wrapped, seen = getattr(own, attribute), [0]

        def noted(*arguments: Any, **named: Any) -> Any:
            seen[0] += 1
            return wrapped(*arguments, **named)

        async def scene(stage: Stage) -> Any:
            seen[0] = 0
            stage.declare("a", "b")
            with monkeypatch.context() as patched:
                patched.setattr(own, attribute, noted)
                await stage.batch.flush()
            return seen[0]

        assert same(scene, server, native=0)[0] > 0

    @pytest.mark.parametrize("missing", ["service_logger_obj", "_circuit_breaker", "namespace", "redis_kwargs"])
    def test_half_a_cache(self, server: ScriptedRedis, missing: str) -> None:
        """As tests make them, without `__init__`."""

        async def scene(stage: Stage) -> Any:
            stage.declare("a")
            kept = vars(stage.cache).pop(missing)
            try:
                return await told(stage.batch.flush())
            finally:
                setattr(stage.cache, missing, kept)

        same(scene, server, native=0)

    def test_a_fieldset_to_discard(self, server: ScriptedRedis) -> None:
        """redis-py first tells the server what the connection must forget."""

        async def scene(stage: Stage) -> Any:
            connection = stage.pool._available_connections[-1]
            registry = connection.himport_registry
            registry.prepare("fields", ["a"])
            connection._himport_prepared["fields"] = registry.get("fields").version
            registry.discard("fields")
            stage.declare("a")
            await stage.batch.flush()
            revision = connection._himport_reconciled_revision == registry.revision
            stage.declare("b")
            await stage.batch.flush()
            return revision, dict(connection._himport_prepared)

        found = same(scene, server, native=1)
        assert found[0] == (True, {})
        assert found[1]["seen"][0][:2] == ("HIMPORT", "DISCARD")


def test_the_twin(server: ScriptedRedis) -> None:
    """What the others call native is accel's: nothing of redis-py's pipeline ran."""

    async def scene(stage: Stage) -> Any:
        stage.pool.pipelines = 0
        client: Any = stage.cache.init_async_client()
        client.pipeline = None  # would raise
        stage.declare("a")
        await stage.batch.flush()
        del client.pipeline

    with calls_of("caching", SEAM) as calls:
        found = played(scene, server, {})
    assert (calls.native, found[1]["futures"]) == (1, [b"a"])
