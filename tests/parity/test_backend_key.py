"""Which batches share a pipeline: LiteLLM's key of a cache, made once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litellm.caching import redis_batch
from litellm.caching.redis_cache import RedisCache
from litellm.caching.redis_cluster_cache import RedisClusterCache

import accel
from support.calls import calls_of
from support.live import kept_flags
from support.original import outcome

SEAM = "_backend_key"


@pytest.fixture(autouse=True)
def every_call_light() -> Iterator[None]:
    with kept_flags(), calls_of("caching") as calls:
        accel.set_flag("caching", mode="on", percent=100, verify_percent=0)
        yield
    assert calls.failed == 0


def made(class_: type[RedisCache] = RedisCache, **attributes: Any) -> Any:
    """A cache without `__init__`, as tests make them."""
    cache = class_.__new__(class_)
    vars(cache).update(attributes)
    return cache


def key_of(cache: Any) -> Any:
    """Twice, and both times LiteLLM's own; an error, too."""
    expected = outcome(redis_batch._backend_key.__wrapped__, cache)  # type: ignore[attr-defined]
    for _ in range(2):
        assert outcome(redis_batch._backend_key, cache) == expected
    return expected


class Own(RedisCache):
    """A subclass."""


def test_made_once() -> None:
    cache = made(redis_kwargs={"host": "h", "port": 1, "password": None}, namespace="n")
    with calls_of("caching", SEAM) as calls:
        key_of(cache)
    assert (calls.native, calls.python) == (2, {})


def test_every_change_is_noticed() -> None:
    cache = made(redis_kwargs={"host": "h", "port": 1}, namespace=None)
    seen = [key_of(cache)]
    for change in (
        {"port": 2},
        {"port": "2"},
        {"port": True},
        {"port": 1.0},
        {"db": 0},
        {"db": None},
        {"host": ""},
    ):
        cache.redis_kwargs.update(change)
        seen.append(key_of(cache))
    for namespace in ("n", "", "m", None, 0, False):
        cache.namespace = namespace
        seen.append(key_of(cache))
    cache.redis_kwargs = {"host": "h", "port": 1}
    seen.append(key_of(cache))
    del cache.redis_kwargs["port"]
    cache.redis_kwargs["porT"] = 1
    seen.append(key_of(cache))
    assert len({str(key) for key in seen}) > 10


def test_two_caches_of_one_server() -> None:
    """The router gets its port as a string."""
    one = made(redis_kwargs={"host": "h", "port": 1}, namespace=None)
    other = made(redis_kwargs={"port": "1", "host": "h", "password": None}, namespace=None)
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize("class_", [Own, RedisClusterCache])
def test_a_subclass(class_: type[RedisCache]) -> None:
    with calls_of("caching", SEAM) as calls:
        key_of(made(class_, redis_kwargs={"host": "h"}, namespace=None))
    assert calls.native == 0


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"namespace": "n"},
        {"redis_kwargs": {"host": "h"}},
        {"redis_kwargs": None, "namespace": None},
        {"redis_kwargs": {"nodes": [1]}, "namespace": None},
        {"redis_kwargs": {1: "a", "1": "b"}, "namespace": None},
        {"redis_kwargs": {"host": "h"}, "namespace": ["n"]},
    ],
)
def test_half_a_cache(attributes: dict[str, Any]) -> None:
    key_of(made(**attributes))


def test_settings_that_change_in_place() -> None:
    nodes = [1]
    cache = made(redis_kwargs={"nodes": nodes}, namespace=None)
    first = key_of(cache)
    nodes.append(2)
    assert key_of(cache) != first
