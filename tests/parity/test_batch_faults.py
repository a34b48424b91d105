"""A batch of scripts flushed by accel against LiteLLM's own flush, where Redis fails or somebody gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from litellm.caching.redis_batch import RedisBatch
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

import accel
from support.batch_scenes import NONE, SEAM, Stage, played, same, told, told_error
from support.calls import calls_of
from support.live import kept_flags
from support.patience import stand_still
from support.scripted_redis import Plan, ScriptedRedis, scripted

NOSCRIPT = b"-NOSCRIPT No matching script. Please use EVAL.\r\n"
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


def with_retries(stage: Stage, retries_n: int) -> None:
    for connection in stage.pool._available_connections:
        connection.retry = Retry(NoBackoff(), retries_n)


async def three_and_one(stage: Stage) -> Any:
    """A flush of three, and one after it, which must not get another's reply."""
    made = stage.declare("a", "b", "c")
    answers = [await told(stage.batch.flush())]
    answers += [await told(result) for result in made]
    (later,) = stage.declare("later")
    return [*answers, await told(later)]


class TestErrorReplies:
    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize(
        "reply",
        [
            NOSCRIPT,
            b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
            b"-BUSY Redis is busy running a script.\r\n",
            b"-READONLY You can't write against a read only replica.\r\n",
            b"-MOVED 3999 127.0.0.1:6381\r\n",
            b"-CLUSTERDOWN Hash slot not served\r\n",
            b"-NOPERM this user has no permissions\r\n",
            b"-ERR no such fieldset\r\n",
            b"-MY own\r\n",
        ],
        ids=lambda reply: reply[1:].split()[0].decode(),
    )
    def test_one_among_good_ones(self, server: ScriptedRedis, reply: bytes, place: int) -> None:
        found = same(three_and_one, server, {place: reply}, native=2)
        assert found[0][-1] == b"later"
        assert found[1]["connections"] == 0

    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize("answer", [b"+fine\r\n", b"-MY own\r\n", LOADING, "close"])
    def test_a_push_before_it(self, server: ScriptedRedis, answer: Any, place: int) -> None:
        push = b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\ntext\r\n"
        plan = {place: push + answer} if answer != "close" else {place: push, place + 1: answer}
        same(three_and_one, server, plan, socket_timeout=SHORT_S)

    @pytest.mark.parametrize("verify", [50, 100])
    @pytest.mark.parametrize("reply", [b"+fine\r\n", NOSCRIPT, LOADING, b"-MY own\r\n"])
    def test_verified(self, server: ScriptedRedis, reply: bytes, verify: float) -> None:
        """What has effects runs once."""
        same(three_and_one, server, {1: reply}, verify=verify)

    def test_all_without_script(self, server: ScriptedRedis) -> None:
        same(three_and_one, server, dict.fromkeys(range(3), NOSCRIPT), native=2)

    def test_one_without_script_that_fails_again(self, server: ScriptedRedis) -> None:
        same(three_and_one, server, {1: NOSCRIPT, 3: NOSCRIPT, 4: b"-ERR still not\r\n"}, native=2)

    @pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
    def test_one_without_script_and_one_cancelled(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            made = stage.declare("a", "b", "c")
            made[1]._op.future.cancel()
            return await told(stage.batch.flush())

        same(scene, server, {0: NOSCRIPT, 2: NOSCRIPT}, native=1)

    @pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize("plan", [{}, {0: NOSCRIPT}, {1: LOADING}], ids=["good", "missing", "failing"])
    def test_one_cancelled_before(self, server: ScriptedRedis, place: int, plan: Plan) -> None:
        async def scene(stage: Stage) -> Any:
            stage.declare("a", "b", "c")[place]._op.future.cancel()
            first = await told(stage.batch.flush())
            return first, await told(stage.declare("later")[0])

        same(scene, server, plan, native=1 if LOADING in plan.values() else 2)


class TestLostConnections:
    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize(
        "reply",
        [
            LOADING,
            b"-NOAUTH Authentication required.\r\n",
            b"-ERR max number of clients reached\r\n",
            b"*2\r\n-LOADING Redis is loading\r\n:1\r\n",
            b"?what is this\r\n",
            "close",
            "silent",
        ],
        ids=["loading", "noauth", "too many", "in a list", "no protocol", "close", "silent"],
    )
    @pytest.mark.parametrize("retries_n", [0, 1, 3])
    def test_in_the_middle(self, server: ScriptedRedis, reply: Any, place: int, retries_n: int) -> None:
        """The whole is sent again as often as redis-py would, on a new connection."""

        async def scene(stage: Stage) -> Any:
            with_retries(stage, retries_n)
            return await three_and_one(stage)

        # One that is not sent again leaves no connection to the next.
        native = 2 if retries_n and not str(reply).startswith("b'?") else 1
        same(scene, server, {place: reply}, native=native, socket_timeout=SHORT_S)

    @pytest.mark.parametrize("retries_n", [1, 2])
    def test_again_and_again(self, server: ScriptedRedis, retries_n: int) -> None:
        """Two scripts come of each attempt before the connection ends."""

        async def scene(stage: Stage) -> Any:
            with_retries(stage, retries_n)
            return await three_and_one(stage)

        found = same(scene, server, {1: "close", 3: "close", 5: LOADING}, native=1)
        assert len(found[1]["seen"]) > 4

    def test_ended_while_idle(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            connection = stage.pool._available_connections[-1]
            stage.server.close_all()
            await stage.until(lambda: connection._reader.at_eof())
            return await three_and_one(stage)

        accel.set_flag("caching", mode="off")
        plain = played(scene, server, NONE)[0]
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        # A known difference: redis-py uses such a connection once more, and all that was sent fails.
        assert [*map(str, plain)].count("redis.exceptions.ConnectionError: Connection closed by server.") == 3
        assert played(scene, server, NONE)[0] == [None, b"a", b"b", b"c", b"later"]

    def test_ended_while_idle_and_nobody_saw_it(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            connection = stage.pool._available_connections[-1]
            stage.server.close_all()
            stand_still(0.02)  # the loop does not see what has come
            assert not connection._reader.at_eof()
            return await three_and_one(stage)

        same(scene, server, native=1)

    def test_a_transport_that_breaks_as_it_is_written_to(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            connection = stage.pool._available_connections[-1]
            transport = connection._writer.transport

            def write(data: bytes) -> None:
                if data:
                    transport._fatal_error(BrokenPipeError(32, "Broken pipe"))

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(type(transport), "write", lambda self, data: write(data))
                patched.setattr(type(transport), "writelines", lambda self, data: write(b"".join(data)))
                return await told(stage.declare("a", "b")[0])

        same(scene, server, native=1)

    def test_pool_disconnected_between_two_replies(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            stream = stage.pool._available_connections[-1]._reader
            own = stream.read

            async def read(most: int) -> Any:
                answer = await own(most)
                await stage.pool.disconnect()
                return answer

            made = stage.declare("a", "b", "c")
            stream.read = read
            return [await told(stage.batch.flush()), *[await told(result) for result in made]]

        together = b"+a\r\n+b\r\n+c\r\n"
        same(scene, server, {0: "silent", 1: "silent", 2: together}, native=1)

    @pytest.mark.parametrize("failures_n", [4, 5, 6])
    def test_until_the_breaker_opens_and_back(self, server: ScriptedRedis, failures_n: int) -> None:
        async def scene(stage: Stage) -> Any:
            answers = []
            for number in range(failures_n):
                answers.append(await told(stage.declare(f"a{number}")[0]))
            stage.cache._circuit_breaker.recovery_timeout = -1
            answers.append(await told(stage.declare("probe")[0]))
            stage.cache._circuit_breaker.recovery_timeout = 60
            answers += [await told(stage.declare(f"b{number}")[0]) for number in range(2)]
            return answers

        same(scene, server, dict.fromkeys(range(5), LOADING))

    @pytest.mark.parametrize("reply", [b"$1\r\nx\r\n", LOADING, b"-ERR no\r\n", "silent"])
    def test_a_probe(self, server: ScriptedRedis, reply: Any) -> None:
        """It alone is sent while Redis is tried; what becomes of it moves the breaker."""

        async def scene(stage: Stage) -> Any:
            breaker, other = stage.cache._circuit_breaker, RedisBatch(stage.cache)
            for _ in range(5):
                breaker.record_failure()
            breaker.recovery_timeout = -1
            (probe,) = stage.declare("probe")
            beside = other.script("return ARGV[1]", stage.script, ["k"], ["beside"])
            answers = await asyncio.gather(told(probe), told(beside))
            return answers, breaker._state

        same(scene, server, {0: reply}, socket_timeout=SHORT_S)

    def test_breaker_moved_meanwhile(self, server: ScriptedRedis) -> None:
        async def scene(stage: Stage) -> Any:
            (result,) = stage.declare("a")
            asked = asyncio.ensure_future(told(result))
            await asyncio.sleep(0)
            for _ in range(5):
                stage.cache._circuit_breaker.record_failure()
            return await asked

        found = same(scene, server, native=1)
        assert found[1]["breaker"][0] == "open"


class TestTimes:
    @pytest.mark.parametrize("retries_n", [0, 2])
    def test_silent_from_the_first(self, server: ScriptedRedis, retries_n: int) -> None:
        async def scene(stage: Stage) -> Any:
            with_retries(stage, retries_n)
            return await three_and_one(stage)

        plan: Plan = {number: "silent" for number in range(3 * (retries_n + 1))}
        found = same(scene, server, plan, native=1, socket_timeout=SHORT_S)
        assert found[1]["breaker"][0] == "closed"
        assert len([line for line in found[2] if "Timeout" in line]) == 1


class TestLoops:
    def test_one_after_the_other(self, server: ScriptedRedis) -> None:
        """Each loop has its own client; what one has left does not reach the next."""
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        with calls_of("caching", SEAM) as calls:
            for number in range(4):

                async def scene(stage: Stage, number: int = number) -> Any:
                    return await told(stage.declare(number)[0])

                assert played(scene, server, {})[0] == str(number).encode()
        assert calls.native == 4

    def test_a_batch_made_on_another_loop(self, server: ScriptedRedis) -> None:
        def scene_on(kept: list[RedisBatch]) -> Any:
            async def scene(stage: Stage) -> Any:
                if not kept:
                    kept.append(stage.batch)
                    return await told(stage.declare("a")[0])
                stage.batch = kept[0]
                return await told(stage.declare("b")[0])

            return scene

        found = {}
        for mode in ("off", "on"):
            accel.set_flag("caching", mode=mode)  # type: ignore[arg-type]
            scene = scene_on([])
            found[mode] = [played(scene, server, {}) for _ in range(2)]
        assert found["on"] == found["off"]


def test_an_error_is_the_same_for_all(server: ScriptedRedis) -> None:
    """LiteLLM gives one object to every caller."""

    async def scene(stage: Stage) -> Any:
        made = stage.declare("a", "b")
        await stage.batch.flush()
        errors = [result._op.future.exception() for result in made]
        assert isinstance(errors[0], RedisConnectionError)
        return errors[0] is errors[1], told_error(errors[0])

    assert same(scene, server, {0: LOADING}, native=1)[0][0]
