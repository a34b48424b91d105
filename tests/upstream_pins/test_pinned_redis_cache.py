"""Redis below the caches: names of keys, scripts, increments and batches, on a client that keeps the calls."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import litellm
import pytest

from support.limiter import in_a_loop
from support.redis_doubles import on_client

pytestmark = pytest.mark.usefixtures("side")
SPACES = pytest.mark.parametrize(("namespace", "key"), [(None, "k"), ("", "k"), ("ns", "ns:k")])


@pytest.mark.parametrize(
    ("namespace", "key", "fixed"),
    [
        ("litellm", "litellm_spend", "litellm:litellm_spend"),
        ("litellm", "litellm:abc", "litellm:abc"),
        ("litellm", "spend:key:abc", "litellm:spend:key:abc"),
        (None, "litellm_spend", "litellm_spend"),
        ("", "litellm_spend", "litellm_spend"),
    ],
)
def test_a_key_gets_its_namespace_once(namespace: str | None, key: str, fixed: str) -> None:
    assert on_client(MagicMock(), namespace=namespace).check_and_fix_namespace(key=key) == fixed


@SPACES
@in_a_loop
async def test_every_operation_is_in_the_namespace(namespace: str | None, key: str) -> None:
    client = AsyncMock()
    client.ttl.return_value = 42
    client.lpop.return_value = b"value"
    cache = on_client(client, namespace=namespace)
    await cache.async_delete_cache("k")
    await cache.delete_cache_keys(["k"])
    assert client.delete.await_args_list == [((key,),), ((key,),)]
    assert await cache.async_get_ttl("k") == 42
    client.ttl.assert_awaited_once_with(key)
    await cache.async_lpop(key="k")
    client.lpop.assert_awaited_once_with(key, None)
    await cache.async_rpush("k", ["v"])
    client.rpush.assert_awaited_once_with(key, "v")


@SPACES
def test_every_synchronous_operation_is_in_the_namespace(namespace: str | None, key: str) -> None:
    client = MagicMock()
    client.incr.return_value = 5
    client.ttl.return_value = 100
    cache = on_client(client, namespace=namespace)
    cache.increment_cache(key="k", value=1)
    client.incr.assert_called_once_with(name=key, amount=1)
    cache.delete_cache(key="k")
    client.delete.assert_called_once_with(key)


@pytest.mark.parametrize(("namespace", "pattern"), [(None, "k*"), ("ns", "ns:k*")])
@in_a_loop
async def test_a_scan_is_in_the_namespace(namespace: str | None, pattern: str) -> None:
    client = MagicMock()
    client.scan_iter.return_value.__aiter__.return_value = []
    await on_client(client, namespace=namespace).async_scan_iter(pattern="k")
    assert client.scan_iter.call_args.kwargs["match"] == pattern


@in_a_loop
async def test_nothing_to_push_or_pop_asks_nobody() -> None:
    client = MagicMock()
    cache = on_client(client)
    assert await cache.async_rpush_pipeline(rpush_list=[]) == []
    assert await cache.async_lpop_pipeline(lpop_list=[]) == []
    assert await cache.async_increment_pipeline(increment_list=[]) is None
    client.pipeline.assert_not_called()


@in_a_loop
async def test_an_old_redis_pops_one_by_one() -> None:
    pipe = MagicMock(execute=AsyncMock(side_effect=[[b"1"], [b"2"]]))
    cache = on_client(MagicMock())
    popped = await cache.handle_lpop_count_for_older_redis_versions(pipe=pipe, key="k", count=2)
    assert popped == [b"1", b"2"]
    assert (pipe.lpop.call_count, pipe.execute.call_count) == (2, 2)


@in_a_loop
async def test_a_timeout_reaches_the_connection() -> None:
    for where in ({"host": "127.0.0.1", "port": 1}, {"url": "redis://127.0.0.1:1"}):
        cache = on_client(MagicMock(), socket_timeout=1.0)
        cache.redis_kwargs = {**where, "socket_timeout": 1.0}
        del cache.init_async_client
        assert cache.init_async_client().connection_pool.connection_kwargs["socket_timeout"] == 1.0


def scripted(reply: Any = "ok") -> tuple[Any, Any]:
    """A client that takes scripts, and what a registered script of it is."""
    registered = AsyncMock(return_value=reply)
    client = MagicMock()
    client.register_script.return_value = registered
    return client, registered


@pytest.mark.parametrize(("namespace", "prefix"), [(None, ""), ("ns", "ns:")])
@in_a_loop
async def test_a_script_is_called_with_keys_in_the_namespace(namespace: str | None, prefix: str) -> None:
    client, registered = scripted()
    script = on_client(client, namespace=namespace).async_register_script("return 1")
    assert await script(keys=["{k:v}:tokens", "{k:v}:requests"], args=[60]) == "ok"
    keys = (f"{prefix}{{k:v}}:tokens", f"{prefix}{{k:v}}:requests")
    registered.assert_awaited_once_with(keys=keys, args=[60], client=None)


def test_a_script_is_registered_when_it_runs_and_in_each_loop() -> None:
    made: list[Any] = []
    cache = on_client(MagicMock())

    def make() -> Any:
        made.append(scripted()[0])
        return made[-1]

    cache.init_async_client = make
    script = cache.async_register_script("return 'each loop'")
    assert made == []
    # Both alive at once, lest one get the other's identity.
    loops = [asyncio.new_event_loop(), asyncio.new_event_loop()]
    try:
        for loop in loops * 2:
            assert loop.run_until_complete(script(keys=["k"], args=[1])) == "ok"
    finally:
        for loop in loops:
            loop.close()
    assert len(made) == 2
    for client in made:
        client.register_script.assert_called_once_with("return 'each loop'")


@in_a_loop
async def test_two_namespaces_do_not_share_a_script() -> None:
    (one, first), (other, second) = scripted("a"), scripted("b")
    caches = [on_client(one, namespace="a"), on_client(other, namespace="b")]
    caches[1].redis_kwargs = caches[0].redis_kwargs
    run = [cache.async_register_script("return 'shared'") for cache in caches]
    assert [await script(keys=["k"], args=[]) for script in run] == ["a", "b"]
    first.assert_awaited_once_with(keys=("a:k",), args=[], client=None)
    second.assert_awaited_once_with(keys=("b:k",), args=[], client=None)


@in_a_loop
async def test_a_cluster_gets_the_script_by_its_hash() -> None:
    client = MagicMock(spec=["script_load", "evalsha"])
    client.script_load.return_value = "sha"
    client.evalsha = AsyncMock(return_value="ok")
    script = on_client(client, namespace="ns").async_register_script("return 'cluster'")
    assert await script(keys=["{k:v}:tokens"], args=[5, 60]) == "ok"
    client.script_load.assert_called_once_with("return 'cluster'")
    client.evalsha.assert_awaited_once_with("sha", 1, "ns:{k:v}:tokens", 5, 60)


@in_a_loop
async def test_a_client_without_scripts_is_refused() -> None:
    script = on_client(MagicMock(spec=[])).async_register_script("return 'none'")
    with pytest.raises(ValueError, match="does not support Lua script"):
        await script(keys=["k"], args=[1])


class Counting:
    """A client that increments, and counts the questions; an entry that it makes has `ttl`."""

    def __init__(self, ttl: int) -> None:
        self.values: dict[str, float] = {}
        self.ttls: dict[str, int] = {}
        self.questions = 0
        self._ttl = ttl
        self._queue: list[tuple[Any, ...]] = []

    def _increment(self, name: str, amount: float) -> float:
        self.values[name] = self.values.get(name, 0.0) + amount
        self.ttls.setdefault(name, self._ttl)
        return self.values[name]

    async def incrbyfloat(self, name: str, amount: float) -> float:
        self.questions += 1
        return self._increment(name, amount)

    async def expire(self, name: str, ttl: int) -> None:
        self.questions += 1
        self.ttls[name] = ttl

    def pipeline(self, transaction: bool) -> Any:
        assert transaction is False
        pipe = MagicMock()
        pipe.__aenter__ = AsyncMock(return_value=pipe)
        queue: list[Any] = []
        pipe.incrbyfloat = lambda name, amount: queue.append(lambda: self._increment(name, amount))
        pipe.expire = lambda name, ttl: queue.append(lambda: self.ttls.update({name: ttl}))
        pipe.ttl = lambda name: queue.append(lambda: self.ttls[name])

        async def execute() -> list[Any]:
            self.questions += 1
            return [command() for command in queue]

        pipe.execute = execute
        return pipe


@pytest.mark.parametrize(
    ("refresh", "there", "questions", "left"), [(True, 100, 2, 60), (False, 100, 2, 100), (False, -1, 3, 60)]
)
@in_a_loop
async def test_an_increment_and_its_expiry_are_one_question(
    refresh: bool, there: int, questions: int, left: int
) -> None:
    """A further one where the entry had no expiry; newer releases do that in a script."""
    client = Counting(ttl=there)
    cache = on_client(client, namespace="ns")
    first = await cache.async_increment(key="k", value=1.5, ttl=60, refresh_ttl=refresh)
    second = await cache.async_increment(key="k", value=2.0, ttl=60, refresh_ttl=refresh)
    assert (first, second) == (1.5, 3.5)
    assert (client.values, client.ttls) == ({"ns:k": 3.5}, {"ns:k": left})
    assert client.questions == questions


@pytest.mark.parametrize(
    ("ttl", "default", "left"), [(None, None, 100), (0, None, 0), (None, 15, 15), (30, 15, 30)]
)
@in_a_loop
async def test_an_increment_keeps_to_the_ttl_it_was_given(ttl: Any, default: Any, left: int) -> None:
    client = Counting(ttl=100)
    cache = on_client(client)
    cache.default_ttl = default
    await cache.async_increment(key="k", value=0.75, ttl=ttl, refresh_ttl=True)
    assert client.ttls == {"k": left}


@in_a_loop
async def test_each_entry_of_a_batch_keeps_its_ttl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "default_redis_ttl", 300)
    pipe = MagicMock()
    pipe.__aenter__ = AsyncMock(return_value=pipe)
    pipe.execute = AsyncMock(return_value=[True] * 3)
    client = MagicMock()
    client.pipeline.return_value = pipe
    entries = (("t1", {"team": "t1"}, 60), ("u1", {"user": "u1"}, 7), ("o1", {"a": 1}, None))
    await on_client(client, namespace="ns").async_set_cache_pipeline_with_ttls(entries)
    client.pipeline.assert_called_once_with(transaction=False)
    pipe.execute.assert_awaited_once_with()
    written = [tuple(call.kwargs.values()) or call.args for call in pipe.set.call_args_list]
    assert written == [
        ("ns:t1", '{"team": "t1"}', timedelta(seconds=60)),
        ("ns:u1", '{"user": "u1"}', timedelta(seconds=7)),
        ("ns:o1", '{"a": 1}', timedelta(seconds=300)),
    ]


@pytest.mark.parametrize("stored", [b"3", "3"])
@in_a_loop
async def test_counts_come_in_the_order_they_were_asked_for(stored: Any) -> None:
    client = MagicMock()
    client.mget.return_value = [stored, None, b"0"]
    assert on_client(client).batch_get_counts(["a", "b", "c"]) == (3, None, 0)


@in_a_loop
async def test_a_count_that_cannot_be_read_is_an_error_where_a_value_is_absent() -> None:
    client = MagicMock()
    client.mget.side_effect = OSError("no Redis")
    cache = on_client(client)
    assert cache.batch_get_cache(key_list=["a"]) == {}
    with pytest.raises(OSError, match="no Redis"):
        cache.batch_get_counts(["a"])
    later = on_client(AsyncMock(mget=AsyncMock(side_effect=OSError("no Redis"))))
    assert await later.async_batch_get_cache(key_list=["a"]) == {}
    with pytest.raises(OSError, match="no Redis"):
        await later.async_batch_get_counts(["a"])
