"""Replies to scripts read under accel's deadlines against redis-py's own reading."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.patience import new_uvloop, stand_still
from support.told_redis import Answer, Script, ToldRedis, pool_of, told_of
from support.told_scenes import EXECUTOR, played, same

LIMIT_S = 0.15
"""Of reads; a pause of a third of it is well within, four fifths of it twice are beyond."""
PUSH = b">2\r\n$5\r\nhello\r\n$5\r\nworld\r\n"
RELAX = b">3\r\n$9\r\nMIGRATING\r\n:1\r\n:10\r\n"
RESTORE = b">2\r\n$8\r\nMIGRATED\r\n:1\r\n"
SILENCE: Answer = ()

pytestmark = pytest.mark.patient


@pytest.fixture(autouse=True)
def every_call_light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(litellm.verbose_logger, "disabled", True)
    with kept_flags():
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        yield


def one(answer: Answer, **settings: Any) -> dict[str, Any]:
    """One script that is answered so, native on accel's side; so is the next one where a connection is left."""

    async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
        told.answers.append(answer)
        return await told_of(script(keys=["k"], args=["v", 2, 2.5, b"\x00"]))

    settings = {"socket_timeout": LIMIT_S, **settings}
    kept: list[bool] = []

    async def watched(told: ToldRedis, cache: Any, script: Script) -> Any:
        found = await scene(told, cache, script)
        kept.append(any(connection.is_connected for connection in pool_of(cache)._available_connections))
        return found

    accel.set_flag("caching", mode="off")
    # What LiteLLM leaves says how many will be native: a dropped connection is opened by redis-py.
    played(watched, **settings)
    return same(scene, 1 + kept[0], **settings)


class TestReplies:
    @pytest.mark.parametrize("protocol", [2, 3])
    @pytest.mark.parametrize(
        "answer",
        [
            b":7\r\n", b"$-1\r\n", b"*0\r\n", b"*2\r\n:1\r\n*1\r\n$1\r\na\r\n", b"+fine\r\n",
            b"-ERR wrong\r\n", b"-WRONGTYPE not this\r\n", b"-BUSY a script runs\r\n", b"-MOVED 1 other:1\r\n",
            b"-OOM too much\r\n", b"-LOADING the data\r\n", b"-READONLY a replica\r\n", b"-NOPERM you\r\n",
            b"-MASTERDOWN gone\r\n", b"-CLUSTERDOWN gone\r\n", b"-MY own\r\n",
            b"*2\r\n:1\r\n-ERR nested\r\n", b"*2\r\n-ERR nested\r\n:1\r\n", b"*1\r\n-LOADING nested\r\n",
            b"?what is this\r\n", b"*1\r\n$3\r\n\xff\xfe\xfd\r\n",
        ],
    )  # fmt: skip
    def test_every_kind(self, answer: bytes, protocol: int) -> None:
        one((answer,), protocol=protocol)

    @pytest.mark.parametrize("decode_responses", [False, True])
    def test_text(self, decode_responses: bool) -> None:
        found = one((b"*2\r\n$2\r\n\xc3\xa4\r\n$1\r\nb\r\n",), decode_responses=decode_responses)
        assert found["found"] == ("value", "['ä', 'b']" if decode_responses else "[b'\\xc3\\xa4', b'b']")

    def test_bytes_that_are_no_text(self) -> None:
        one((b"$2\r\n\xff\xfe\r\n",), decode_responses=True)

    @pytest.mark.parametrize("protocol", [2, 3])
    def test_a_reply_too_many(self, protocol: int) -> None:

        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.append((b":1\r\n:2\r\n",))
            return await told_of(script(keys=["k"], args=[]))

        same(scene, 1, socket_timeout=LIMIT_S, protocol=protocol)

    def test_an_unknown_script(self) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.extend([(b"-NOSCRIPT No matching script.\r\n",), (b":5\r\n",)])
            return await told_of(script(keys=["k"], args=[1]))

        found = same(scene, 2, socket_timeout=LIMIT_S)
        assert [asked[0] for asked in found["asked"]] == [b"EVALSHA", b"EVALSHA", b"SCRIPT", b"EVALSHA"]

    def test_a_script_that_stays_unknown(self) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.extend([(b"-NOSCRIPT No matching script.\r\n",)] * 2)
            return await told_of(script(keys=["k"], args=[1]))

        same(scene, 2, socket_timeout=LIMIT_S)


class TestPieces:
    def test_within_the_limit(self) -> None:
        found = one((b"*2\r\n", LIMIT_S / 4, b":1\r\n", LIMIT_S / 4, b":2\r\n"))
        assert found["found"] == ("value", "[1, 2]")

    def test_each_within_the_limit_but_not_the_whole(self) -> None:
        pause = LIMIT_S * 0.8
        found = one((b"*3\r\n", pause, b":1\r\n", pause, b":2\r\n", pause, b":3\r\n"))
        assert found["found"][0] == "redis.exceptions.TimeoutError"

    def test_cut_in_the_middle(self) -> None:
        found = one((b"*2\r\n:1\r\n", None))
        assert found["found"][0] == "redis.exceptions.ConnectionError"

    def test_cut_before_the_reply(self) -> None:
        one((None,))

    def test_a_piece_and_then_silence(self) -> None:
        one((b"*2\r\n:1\r\n",))


class TestLate:
    def test_silence(self) -> None:
        found = one(SILENCE)
        assert found["found"] == ("redis.exceptions.TimeoutError", "Timeout reading from 127.0.0.1:PORT")
        assert found["breaker"] == ("closed", 0)
        assert found["failures"] == (1, 0, 1)

    def test_no_limit(self) -> None:
        assert one((LIMIT_S, b":3\r\n"), socket_timeout=None)["found"] == ("value", "3")

    def test_a_limit_that_is_over_at_once(self) -> None:
        async def scene(_: ToldRedis, cache: Any, script: Script) -> Any:
            (connection,) = pool_of(cache)._available_connections
            connection.socket_timeout = 0
            found = await told_of(script(keys=["k"], args=[]))
            connection.socket_timeout = LIMIT_S
            return found

        assert same(scene, 1, socket_timeout=LIMIT_S)["found"][0] == "redis.exceptions.TimeoutError"

    @pytest.mark.parametrize("limit", ["0.1", {}])
    def test_a_limit_that_is_no_number(self, limit: Any) -> None:
        """redis-py fails at it; the connection must not be left with a reply that nobody read."""

        async def scene(_: ToldRedis, cache: Any, script: Script) -> Any:
            (connection,) = pool_of(cache)._available_connections
            connection.socket_timeout = limit
            kind, _text = await told_of(script(keys=["k"], args=[]))
            connection.socket_timeout = LIMIT_S
            return kind, connection.is_connected

        accel.set_flag("caching", mode="off")
        expected = played(scene, socket_timeout=LIMIT_S)
        accel.set_flag("caching", mode="on")
        found = played(scene, socket_timeout=LIMIT_S)
        # Where it is tried first differs: redis-py asks it for sending, too.
        assert (found["found"], found["next"]) == (expected["found"], expected["next"])
        assert found["found"] == ("builtins.TypeError", False)

    def test_no_limit_any_more(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            (connection,) = pool_of(cache)._available_connections
            told.answers.append((LIMIT_S, b":2\r\n"))
            connection.socket_timeout = None
            return await told_of(script(keys=["k"], args=[]))

        assert same(scene, 2, socket_timeout=LIMIT_S / 3)["found"] == ("value", "2")

    def test_changed_between_calls(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            (connection,) = pool_of(cache)._available_connections
            found = [await told_of(script(keys=["k"], args=[]))]
            connection.socket_timeout = LIMIT_S / 3
            told.answers.append((LIMIT_S, b":2\r\n"))
            found.append(await told_of(script(keys=["k"], args=[])))
            return found

        found = same(scene, 2, socket_timeout=30.0)["found"]
        assert [kind for kind, _ in found] == ["value", "redis.exceptions.TimeoutError"]

    def test_two_reads_with_different_limits(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            await asyncio.gather(*(script(keys=["k"], args=[]) for _ in range(2)))
            first, second = pool_of(cache)._available_connections
            first.socket_timeout, second.socket_timeout = LIMIT_S / 3, LIMIT_S * 4
            told.answers.extend([(LIMIT_S, b":1\r\n"), (LIMIT_S, b":2\r\n")])
            return await asyncio.gather(*(told_of(script(keys=["k"], args=[])) for _ in range(2)))

        found = same(scene, 4, socket_timeout=30.0)["found"]
        assert sorted(kind for kind, _ in found) == ["redis.exceptions.TimeoutError", "value"]

    @pytest.mark.parametrize("piece", [b":1\r\n", b"*2\r\n:1\r\n", PUSH, None])
    def test_it_came_while_the_loop_stood_still(self, piece: bytes | None) -> None:
        """What came in time, but is read too late, is late; and a part of a reply ends no deadline."""

        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.append((0.01, piece, lambda: stand_still(LIMIT_S)))
            return await told_of(script(keys=["k"], args=[]))

        found = same(scene, 1, socket_timeout=LIMIT_S / 2)
        assert found["found"][0] == "redis.exceptions.TimeoutError"


@pytest.mark.parametrize(
    "answer",
    [
        SILENCE, (None,), (b"*2\r\n:1\r\n", LIMIT_S / 3, b":2\r\n"), (PUSH, LIMIT_S / 3, b":1\r\n"),
        (RELAX, LIMIT_S * 1.5, b":4\r\n"), (b"-LOADING the data\r\n",),
        (0.01, b"*1\r\n", lambda: stand_still(LIMIT_S * 1.5)),
        (0.01, b":1\r\n", lambda: stand_still(LIMIT_S * 1.5)),
    ],
)  # fmt: skip
def test_on_uvloop(answer: Answer) -> None:
    async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
        told.answers.append(answer)
        return await told_of(script(keys=["k"], args=[]))

    loop = new_uvloop()
    try:
        accel.set_flag("caching", mode="off")
        expected = played(scene, loop, socket_timeout=LIMIT_S)
        accel.set_flag("caching", mode="on")
        with calls_of("caching", EXECUTOR) as calls:
            assert played(scene, loop, socket_timeout=LIMIT_S) == expected
    finally:
        loop.close()
    assert calls.native > 0


class TestMessages:
    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_before_the_reply(self, count: int) -> None:
        assert one((PUSH * count, b":4\r\n"))["found"] == ("value", "4")

    def test_they_give_no_more_time(self) -> None:
        pause = LIMIT_S * 0.7
        found = one((pause, PUSH, pause, b":4\r\n"))
        assert found["found"][0] == "redis.exceptions.TimeoutError"

    def test_and_then_silence(self) -> None:
        one((PUSH,))

    def test_and_then_the_end(self) -> None:
        one((PUSH, None))

    def test_maintenance_gives_more_time(self) -> None:
        assert one((RELAX, LIMIT_S * 1.5, b":4\r\n"))["found"] == ("value", "4")

    def test_maintenance_ends(self) -> None:
        found = one((RELAX, LIMIT_S / 3, RESTORE, LIMIT_S * 2, b":4\r\n"))
        assert found["found"][0] == "redis.exceptions.TimeoutError"

    @pytest.mark.parametrize("relaxed_s", [LIMIT_S * 5, None, LIMIT_S / 10])
    def test_maintenance_told_to_another_reader(self, relaxed_s: float | None) -> None:
        """As a MOVING message on one connection does for reads under way on the others."""

        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            told.answers.append((LIMIT_S * 1.5 if relaxed_s != LIMIT_S / 10 else LIMIT_S * 0.7, b":4\r\n"))
            asked = asyncio.ensure_future(told_of(script(keys=["k"], args=[])))
            await asyncio.sleep(LIMIT_S / 3)
            (connection,) = pool_of(cache)._in_use_connections
            connection.update_current_socket_timeout(relaxed_s)
            return await asked

        kept = relaxed_s != LIMIT_S / 10
        found = same(scene, 1 + kept, socket_timeout=LIMIT_S)["found"]
        assert (found == ("value", "4")) == kept


class TestCancelled:
    async def _cancelled(self, told: ToldRedis, script: Script, answer: Answer, turns: int) -> Any:
        told.answers.append(answer)
        asked = asyncio.ensure_future(told_of(script(keys=["k"], args=["v"])))
        for _ in range(turns):
            await asyncio.sleep(0)
        asked.cancel()
        return await asked

    # After fewer turns redis-py's task has not sent yet, before Python 3.12.
    @pytest.mark.parametrize("turns", [5, 8])
    @pytest.mark.parametrize("answer", [SILENCE, (b"*2\r\n:1\r\n",), (0.05, b":1\r\n")])
    def test_by_its_task(self, answer: Answer, turns: int) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            found = await self._cancelled(told, script, answer, turns)
            await asyncio.sleep(0.06)
            return found

        assert same(scene, 1, socket_timeout=5.0)["found"][0] == "asyncio.exceptions.CancelledError"

    def test_by_a_limit_of_the_caller(self) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.append(SILENCE)
            return await told_of(asyncio.wait_for(script(keys=["k"], args=[]), LIMIT_S / 3))

        assert same(scene, 1, socket_timeout=LIMIT_S)["found"] == ("builtins.TimeoutError", "")

    @pytest.mark.parametrize("first", ["caller", "deadline"])
    def test_while_it_is_late(self, first: str) -> None:
        """Both in one turn of the loop: whoever cancels is told so."""

        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            told.answers.append(SILENCE)
            asked = asyncio.ensure_future(told_of(script(keys=["k"], args=[])))
            loop = asyncio.get_running_loop()
            late_s = LIMIT_S * (0.9 if first == "caller" else 1.05)
            loop.call_later(late_s, asked.cancel)
            loop.call_later(LIMIT_S / 2, stand_still, LIMIT_S)
            return await asked

        assert same(scene, 1, socket_timeout=LIMIT_S)["found"][0] == "asyncio.exceptions.CancelledError"

    @pytest.mark.parametrize("how", ["cancelled", "late"])
    def test_while_it_writes(self, how: str) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            (connection,) = pool_of(cache)._available_connections
            transport = connection._writer.transport
            # As if the peer read nothing: what is written stays.
            transport.set_write_buffer_limits(high=0)
            full = transport._sock = _Full(transport._sock)
            asked = asyncio.ensure_future(told_of(script(keys=["k"], args=["v" * 5000])))
            await asyncio.sleep(LIMIT_S / 5)
            if how == "cancelled":
                asked.cancel()
            found = await asked
            return found, full.asked > 1

        found = same(scene, 1, socket_timeout=LIMIT_S)["found"]
        assert found[0] == (
            ("asyncio.exceptions.CancelledError", "")
            if how == "cancelled"
            else ("redis.exceptions.TimeoutError", "Timeout writing to socket")
        )


class _Full:
    """A socket that takes a few bytes and then no more."""

    def __init__(self, own: Any) -> None:
        self._own = own
        self.asked = 0

    def send(self, data: Any) -> int:
        self.asked += 1
        if self.asked > 1:
            raise BlockingIOError
        return int(self._own.send(data[:10]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


class TestCut:
    @pytest.mark.parametrize("retries", [0, 2])
    def test_by_the_server_before_it_is_sent(self, retries: int) -> None:
        """A reset that the loop has not seen yet: sending fails, and redis-py says so."""

        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            (connection,) = pool_of(cache)._available_connections
            connection.retry = Retry(NoBackoff(), retries)
            told.reset()
            return await told_of(script(keys=["k"], args=[]))

        found = same(scene, 1 if retries == 0 else 2, socket_timeout=LIMIT_S)["found"]
        assert (found[0] == "value") == (retries > 0)
