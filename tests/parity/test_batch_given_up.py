"""A batch of scripts flushed by accel against LiteLLM's own flush, where somebody gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

import accel
from support.batch_scenes import Stage, same, told
from support.live import kept_flags
from support.scripted_redis import ScriptedRedis, scripted

LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"
SHORT_S = 0.08

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


class TestGivenUp:
    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize("how", ["wait_for", "cancel", "cancel twice"])
    def test_while_it_reads(self, server: ScriptedRedis, how: str, place: int) -> None:
        async def scene(stage: Stage) -> Any:
            made = stage.declare("a", "b", "c")
            if how == "wait_for":
                answers = [await told(asyncio.wait_for(stage.batch.flush(), SHORT_S))]
            else:
                flushing = asyncio.ensure_future(stage.batch.flush())
                await stage.sent(3)
                for _ in range(1 + (how == "cancel twice")):
                    flushing.cancel()
                answers = [await told(flushing)]
            answers += [await told(result) for result in made]
            return [*answers, await told(stage.declare("later")[0])]

        found = same(scene, server, {place: "silent"}, native=1)
        assert found[0][-1] == b"later"
        assert found[1]["futures"][:3] == ["cancelled"] * 3
        assert found[1]["connections"] == 1

    def test_while_others_wait_for_it(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            made = stage.declare("a", "b", "c")
            tasks = [asyncio.ensure_future(result._wait()) for result in made]
            await stage.sent(3)
            (late,) = stage.declare("late")
            tasks[0].cancel()
            return [await told(task) for task in tasks], await told(late)

        same(scene, server, {1: "silent"})

    @pytest.mark.parametrize("how", ["cancel", "timeout"])
    def test_while_it_sends(self, server: ScriptedRedis, how: str) -> None:
        """More than the socket takes."""

        async def scene(stage: Stage) -> Any:
            connection = stage.pool._available_connections[-1]
            made = stage.declare(*(f"{number:05}" * 1_000 for number in range(60)), hook=False)
            with pytest.MonkeyPatch.context() as patched:
                # As a socket that takes nothing, and a transport that asks to wait.
                transport = type(connection._writer.transport)
                held: list[bytes] = []
                patched.setattr(transport, "write", lambda _, data: held.append(data))
                patched.setattr(transport, "writelines", lambda _, data: held.extend(data))
                patched.setattr(transport, "get_write_buffer_size", lambda _: len(b"".join(held)))
                patched.setattr(type(connection._writer), "drain", lambda _: asyncio.sleep(5))
                flushing = asyncio.ensure_future(stage.batch.flush())
                for _ in range(5):
                    await asyncio.sleep(0)
                if how == "cancel":
                    flushing.cancel()
                answers = [await told(flushing), await told(made[0])]
            return answers, await told(stage.declare("later")[0])

        same(scene, server, native=1, socket_timeout=SHORT_S)

    def test_in_the_pause_before_it_is_sent_again(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            for connection in stage.pool._available_connections:
                connection.retry = Retry(_Pause(), 3)
            made = stage.declare("a", "b", "c")
            flushing = asyncio.ensure_future(stage.batch.flush())
            await stage.until(lambda: stage.pool._in_use_connections and not _connected(stage.pool))
            flushing.cancel()
            answers = [await told(flushing), *[await told(result) for result in made]]
            return [*answers, await told(stage.declare("later")[0])]

        same(scene, server, {1: LOADING}, native=1)

    def test_as_it_gives_the_connection_back(self, server: ScriptedRedis) -> None:
        """Somebody holds the pool; the connection must come back all the same."""

        async def scene(stage: Stage) -> Any:
            (result,) = stage.declare("a")
            flushing = asyncio.ensure_future(stage.batch.flush())
            await asyncio.sleep(0)
            async with stage.pool._condition:
                await stage.until(lambda: bool(stage.pool._condition._lock._waiters))
                flushing.cancel()
                answers = [await told(flushing), await told(result)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return answers

        assert same(scene, server, native=1)[1]["busy"] == 0

    def test_hooks_still_run(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            async def slow(future: asyncio.Future[Any]) -> None:
                await asyncio.sleep(0.01)
                stage.notes.append(("slow", future.cancelled()))

            stage.declare("a", "b")[0].on_settled(slow)
            flushing = asyncio.ensure_future(stage.batch.flush())
            await stage.sent(2)
            flushing.cancel()
            return await told(flushing)

        found = same(scene, server, {0: "silent"}, native=1)
        assert ("slow", True) in found[1]["notes"]

    def test_given_up_while_hooks_run(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            begun = asyncio.Event()

            async def slow(_: Any) -> None:
                begun.set()
                await asyncio.sleep(5)

            stage.declare("a", "b")[0].on_settled(slow)
            flushing = asyncio.ensure_future(stage.batch.flush())
            await begun.wait()
            flushing.cancel()
            return await told(flushing), await told(stage.declare("later")[0])

        same(scene, server, native=2)


class _Pause(NoBackoff):
    def compute(self, failures: int) -> float:
        return 5.0


def _connected(pool: Any) -> bool:
    return any(connection.is_connected for connection in pool._in_use_connections)
