"""Scripts under LiteLLM's circuit breaker: what it counts, lets through and says, with accel as without it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest
from litellm.caching import redis_cache
from litellm.caching.redis_cache import RedisCircuitBreaker

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.told_redis import Script, ToldRedis, told_of
from support.told_scenes import RUN, played, same

DOWN = (b"-LOADING the data\r\n",)

pytestmark = pytest.mark.patient


@pytest.fixture(autouse=True)
def every_call_light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(litellm.verbose_logger, "disabled", True)
    with kept_flags():
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        yield


async def times(script: Script, count: int) -> list[tuple[str, str]]:
    return [await told_of(script(keys=["k"], args=[1])) for _ in range(count)]


def opened(cache: Any, recovery_s: int = -1) -> Any:
    """The breaker, opened by failures; after `recovery_s` a call may try whether Redis is back."""
    breaker = cache._circuit_breaker
    breaker.recovery_timeout = recovery_s
    for _ in range(breaker.failure_threshold):
        breaker.record_failure()
    assert breaker._state == breaker.OPEN
    return breaker


class TestStates:
    def test_opens_after_failures(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            told.answers.extend([DOWN] * 5)
            return await times(script, 7)

        found = same(scene, 6, RUN)
        kinds = [kind.rpartition(".")[2] for kind, _ in found["found"]]
        assert kinds == [*["BusyLoadingError"] * 5, *["RedisCircuitBreakerOpenError"] * 2]
        assert found["breaker"] == ("open", 1)

    def test_a_success_ends_a_row_of_failures(self) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.extend([*[DOWN] * 4, (b":1\r\n",), *[DOWN] * 4])
            return await times(script, 9)

        assert same(scene, 10, RUN)["failures"] == (4, 4, 0)

    def test_an_error_of_the_script_is_no_failure(self) -> None:
        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            told.answers.extend([(b"-ERR own\r\n",)] * 6)
            return await times(script, 6)

        assert same(scene, 7, RUN)["failures"] == (0, 0, 0)

    def test_timeouts(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            cache._circuit_breaker.timeout_min_duration = 0
            told.answers.extend([()] * 5)
            return await times(script, 6)

        found = same(scene, 6, RUN, socket_timeout=0.05)
        assert (found["breaker"], found["failures"]) == (("open", 1), (5, 0, 5))

    @pytest.mark.parametrize("answer", [(b":1\r\n",), DOWN, (b"-ERR own\r\n",), (None,)])
    def test_half_open(self, answer: Any) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            opened(cache)
            told.answers.append(answer)
            return await told_of(script(keys=["k"], args=[1]))

        same(scene, 1 if answer == (b"-ERR own\r\n",) else 2, RUN)

    def test_half_open_and_cancelled(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            breaker = opened(cache)
            told.answers.append(())
            asked = asyncio.ensure_future(told_of(script(keys=["k"], args=[1])))
            while breaker._state != breaker.HALF_OPEN:
                await asyncio.sleep(0)
            beside = await told_of(script(keys=["k"], args=[1]))
            await asyncio.sleep(0.01)
            asked.cancel()
            return beside, await asked

        assert same(scene, 1, RUN)["breaker"] == ("half_open", 2)

    def test_open(self) -> None:
        async def scene(_: ToldRedis, cache: Any, script: Script) -> Any:
            opened(cache, 3600)
            return await times(script, 2)

        same(scene, 1, RUN)

    def test_disabled(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            cache._circuit_breaker.enabled = False
            told.answers.extend([DOWN] * 7)
            return await times(script, 8)

        assert same(scene, 9, RUN)["failures"] == (0, 0, 0)

    @pytest.mark.parametrize("failing", [1, 5])
    def test_overlapping_failures_of_others(self, failing: int) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            told.answers.append((0.05, b":1\r\n"))
            asked = asyncio.ensure_future(told_of(script(keys=["k"], args=[1])))
            await asyncio.sleep(0.01)
            for _ in range(failing):
                cache._circuit_breaker.record_failure()
            return await asked

        found = same(scene, 2, RUN)
        assert found["failures"] == ((0, 0, 0) if failing == 1 else (5, 5, 0))

    def test_a_failure_that_was_swallowed_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from redis.exceptions import ConnectionError as Lost

        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            executors = litellm.in_memory_llm_clients_cache.cache_dict
            key = [key for key in executors if "registered-script" in key][-1]
            own = executors[key]

            async def swallowing(**named: Any) -> Any:
                redis_cache._record_swallowed_redis_failure(cache._circuit_breaker, Lost("gone"))
                return await own(**named)

            executors[key] = swallowing
            return await told_of(script(keys=["k"], args=[1]))

        assert same(scene, 2, RUN)["failures"] == (1, 1, 0)


class TestReplaced:
    """What a user, or a test, puts in the place of something is asked."""

    def test_the_breaker(self) -> None:
        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            cache._circuit_breaker = RedisCircuitBreaker(failure_threshold=1, recovery_timeout=3600)
            told.answers.append(DOWN)
            return await times(script, 2)

        found = same(scene, 2, RUN)
        assert found["found"][1][0].endswith("RedisCircuitBreakerOpenError")

    @pytest.mark.parametrize(
        "name", ["_run_under_circuit_breaker", "_enter_circuit_breaker", "_exit_circuit_breaker"]
    )
    def test_a_step_around_a_call(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        own, seen = getattr(redis_cache, name), []

        def step(*arguments: Any) -> Any:
            seen.append(len(arguments))
            return own(*arguments)

        async def scene(_: ToldRedis, __: Any, script: Script) -> Any:
            with monkeypatch.context() as patched:
                patched.setattr(redis_cache, name, step)
                before = len(seen)
                return await told_of(script(keys=["k"], args=[1])), len(seen) - before

        assert same(scene, 1, RUN)["found"] == (("value", "1"), 1)

    @pytest.mark.parametrize("on_class", [False, True])
    def test_the_admission(self, on_class: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        async def refused() -> Any:
            raise OverflowError("not now")

        async def scene(_: ToldRedis, cache: Any, script: Script) -> Any:
            with monkeypatch.context() as patched:
                if on_class:
                    patched.setattr(redis_cache.RedisCache, "_admit_async_call", lambda _self, _call: refused())
                else:
                    patched.setattr(cache, "_admit_async_call", lambda _call: refused(), raising=False)
                found = await told_of(script(keys=["k"], args=[1]))
            vars(cache).pop("_admit_async_call", None)
            return found

        assert same(scene, 1, RUN)["found"] == ("builtins.OverflowError", "not now")

    def test_whether_it_is_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def scene(_: ToldRedis, __: Any, script: Script) -> Any:
            with monkeypatch.context() as patched:
                patched.setattr(RedisCircuitBreaker, "is_open", lambda _self: True)
                return await told_of(script(keys=["k"], args=[1]))

        assert same(scene, 1, RUN)["found"][0].endswith("RedisCircuitBreakerOpenError")

    def test_the_look_into_the_cache_of_clients(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def other(*, keys: Any, args: Any, client: Any) -> Any:
            return keys, args, client

        async def scene(_: ToldRedis, __: Any, script: Script) -> Any:
            with monkeypatch.context() as patched:
                patched.setattr(litellm.in_memory_llm_clients_cache, "get_cache", lambda key: other, raising=False)
                found = await told_of(script(keys=["k"], args=[1]))
            vars(litellm.in_memory_llm_clients_cache).pop("get_cache", None)
            return found

        assert same(scene, 1, RUN)["found"] == ("value", "(['k'], [1], None)")

    def test_an_executor_that_takes_names_only(self) -> None:
        async def other(*, keys: Any, args: Any, client: Any) -> Any:
            return keys, args, client

        async def scene(_: ToldRedis, cache: Any, __: Script) -> Any:
            cache._register_script_for_current_loop = lambda _script: other
            script = cache.async_register_script("return 'another'")
            return [await told_of(script(["k"], [1])) for _ in range(2)]

        assert same(scene, 2, RUN)["found"] == [("value", "(['k'], [1], None)")] * 2


class TestCacheOfClients:
    @pytest.mark.parametrize("how", ["flushed", "expired", "evicted"])
    def test_entries_that_are_gone(self, how: str) -> None:
        """The script is bound again, to a client of its own."""

        async def scene(told: ToldRedis, cache: Any, script: Script) -> Any:
            clients = litellm.in_memory_llm_clients_cache
            mine = [key for key in clients.cache_dict if key.endswith(f"-{id(asyncio.get_running_loop())}")]
            if how == "flushed":
                clients.flush_cache()
            for key in mine:
                if how == "expired":
                    clients.ttl_dict[key] = 0.0
                elif how == "evicted":
                    clients._remove_key(key)
            found = await times(script, 2)
            kept = sorted(key.rpartition("-")[0] for key in mine if key in clients.cache_dict)
            return found, len(kept)

        assert same(scene, 2, RUN)["opened"] == 2

    def test_another_cache(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def scene(_: ToldRedis, __: Any, script: Script) -> Any:
            own = litellm.in_memory_llm_clients_cache
            with monkeypatch.context() as patched:
                patched.setattr(litellm, "in_memory_llm_clients_cache", type(own)())
                found = await times(script, 2)
            return found

        same(scene, 2, RUN)


class TestSwitches:
    def test_between_calls(self) -> None:
        switched = False

        async def scene(told: ToldRedis, _: Any, script: Script) -> Any:
            found = []
            for mode, percent in (("on", 100), ("off", 100), ("shadow", 100), ("on", 50), ("on", 100)):
                if switched:
                    accel.set_flag("caching", mode=mode, percent=percent)
                told.answers.extend([DOWN, (b"-ERR own\r\n",), (b":9\r\n",)])
                found.append(await times(script, 3))
            return found

        accel.set_flag("caching", mode="off")
        expected = played(scene)
        accel.set_flag("caching", mode="on")
        switched = True
        with calls_of("caching", RUN) as calls:
            assert played(scene) == expected
        assert calls.native >= 7
        assert calls.python["off"] == 3
