"""The in-memory store: what it keeps, for how long, what goes first, and what of it others read and write."""

import time
from typing import Any

import pytest
from litellm.caching.in_memory_cache import InMemoryCache

pytestmark = pytest.mark.usefixtures("side")


class Seconds:
    """A clock for `clock=`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def store(**settings: Any) -> tuple[Any, Seconds]:
    clock = Seconds()
    return InMemoryCache(clock=clock, **settings), clock


def test_an_object_comes_back_as_itself() -> None:
    cache = InMemoryCache()
    for value in (object(), {"shared": []}, [1], {1, 2}, len):
        cache.set_cache("thing", value)
        assert cache.get_cache("thing") is value


def test_a_value_that_is_too_large_is_not_kept() -> None:
    cache = InMemoryCache(max_size_per_item=1)
    long = "a" * 5000
    assert cache.check_value_size(long) is False
    cache.set_cache("long", long)
    cache.set_cache("short", "a" * 900)
    assert (cache.get_cache("long"), cache.get_cache("short")) == (None, "a" * 900)
    assert set(cache.cache_dict) == set(cache.ttl_dict) == {"short"}


def test_a_container_is_measured_without_what_it_holds() -> None:
    """In this release; a later one measures the contents."""
    cache = InMemoryCache(max_size_per_item=1)
    value = {"response": "a" * 5000}
    cache.set_cache("shallow", value)
    cache.set_cache("wide", list(range(500)))
    assert cache.get_cache("shallow") is value
    assert cache.get_cache("wide") is None


def test_a_live_entry_keeps_its_expiry() -> None:
    cache, clock = store()
    cache.set_cache("entry", 1, ttl=10)
    assert cache.ttl_dict["entry"] == 1010.0
    clock.now = 1009.0
    cache.set_cache("entry", 2, ttl=10)
    cache.increment_cache("entry", 3, ttl=99)
    assert (cache.get_cache("entry"), cache.ttl_dict["entry"]) == (5, 1010.0)


def test_an_expired_entry_is_gone_when_it_is_read() -> None:
    cache, clock = store()
    cache.set_cache("entry", 1, ttl=1)
    clock.now = 1001.0
    assert cache.get_cache("entry") == 1, "it lives through the second of its expiry"
    clock.now = 1001.001
    assert cache.get_cache("entry") is None
    assert "entry" not in cache.ttl_dict
    assert "entry" not in cache.cache_dict


def test_an_expired_entry_gets_a_new_expiry_when_it_is_written() -> None:
    cache, clock = store()
    cache.set_cache("entry", 1, ttl=1)
    clock.now = 1002.0
    cache.set_cache("entry", 2, ttl=1)
    assert (cache.get_cache("entry"), cache.ttl_dict["entry"]) == (2, 1003.0)


def test_without_a_ttl_the_default_holds() -> None:
    cache, _clock = store(default_ttl=60)
    cache.set_cache("none", 1)
    cache.set_cache("explicitly none", 1, ttl=None)
    assert cache.ttl_dict == {"none": 1060.0, "explicitly none": 1060.0}
    default, _clock = store()
    default.set_cache("entry", 1)
    assert default.ttl_dict == {"entry": 1600.0}


def test_a_full_store_lets_the_earliest_expiry_go() -> None:
    cache, clock = store(max_size_in_memory=3)
    for entry in range(3):
        clock.now = 1000.0 + entry
        cache.set_cache(f"day {entry}", entry, ttl=86400)
    cache.set_cache("one more", 3, ttl=86400)
    assert set(cache.cache_dict) == set(cache.ttl_dict) == {"day 1", "day 2", "one more"}


def test_not_the_oldest_goes_but_what_expires_first() -> None:
    cache, _clock = store(max_size_in_memory=2)
    cache.set_cache("late", 1, ttl=200)
    cache.set_cache("early", 2, ttl=100)
    cache.set_cache("new", 3, ttl=300)
    assert set(cache.cache_dict) == set(cache.ttl_dict) == {"late", "new"}


def test_equal_expiries_go_in_the_order_of_their_names() -> None:
    cache, _clock = store(max_size_in_memory=3)
    for name in ("b", "c", "a"):
        cache.set_cache(name, name, ttl=60)
    cache.set_cache("d", "d", ttl=60)
    assert set(cache.cache_dict) == {"b", "c", "d"}


def test_a_full_store_makes_room_even_for_a_key_that_it_has() -> None:
    """Room is made before it is known whether there is a new key at all."""
    cache, _clock = store(max_size_in_memory=2)
    cache.set_cache("early", 1, ttl=10)
    cache.set_cache("late", 2, ttl=20)
    cache.set_cache("late", 3, ttl=20)
    assert dict(cache.cache_dict) == {"late": 3}


def test_what_has_expired_goes_before_what_lives() -> None:
    cache, clock = store(max_size_in_memory=3)
    cache.set_cache("short 1", 1, ttl=1)
    cache.set_cache("short 2", 2, ttl=1)
    cache.set_cache("long", 3, ttl=86400)
    clock.now = 1002.0
    cache.set_cache("new", 4, ttl=86400)
    assert set(cache.cache_dict) == set(cache.ttl_dict) == {"long", "new"}


def test_a_store_of_no_size_keeps_nothing() -> None:
    cache, _clock = store(max_size_in_memory=0)
    cache.set_cache("entry", 1)
    assert cache.get_cache("entry") is None


def test_a_key_that_is_written_often_has_one_place_in_the_heap() -> None:
    cache, _clock = store(max_size_in_memory=10)
    for value in range(1000):
        cache.set_cache("hot", value, ttl=60)
    assert len(cache.expiration_heap) == 1


def test_expired_places_in_the_heap_are_given_back_below_capacity() -> None:
    cache, clock = store()
    for _ in range(4):
        for entry in range(5):
            cache.set_cache(f"entry {entry}", entry, ttl=1)
        clock.now += 1.1
    for entry in range(5):
        cache.set_cache(f"entry {entry}", entry, ttl=1)
    assert (len(cache.cache_dict), len(cache.ttl_dict), len(cache.expiration_heap)) == (5, 5, 5)


def test_the_clock_that_was_given_decides() -> None:
    cache, clock = store(max_size_in_memory=2, default_ttl=60)
    cache.set_cache("first", "a", ttl=10)
    clock.now = 1009.0
    cache.set_cache("second", "b")
    assert cache.get_cache("first") == "a"
    clock.now = 1010.001
    assert cache.get_cache("first") is None
    cache.set_cache("third", "c")
    assert cache.get_cache("second") == "b"
    clock.now = 1069.001
    cache.set_cache("fourth", "d")
    assert [cache.get_cache(key) for key in ("second", "third", "fourth")] == [None, "c", "d"]


def test_the_clock_of_the_process_is_looked_up_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM's tests of the limiter replace `time.time` while there are caches."""
    cache = InMemoryCache()
    monkeypatch.setattr(time, "time", lambda: 5000.0)
    cache.set_cache("entry", 1, ttl=10)
    assert cache.ttl_dict["entry"] == 5010.0
    monkeypatch.setattr(time, "time", lambda: 5011.0)
    assert cache.get_cache("entry") is None


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ("1795242099", 1795242099),
        ("1.5", 1.5),
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("true", True),
        ("null", None),
        ('"quoted"', "quoted"),
        ("NaN", float("nan")),
        ("not json", "not json"),
        ("", ""),
        (b"12", 12),
        (7, 7),
        (True, True),
        (None, None),
    ],
)
def test_texts_are_read_as_json(stored: Any, found: Any) -> None:
    cache = InMemoryCache()
    cache.set_cache("entry", stored)
    assert repr(cache.get_cache("entry")) == repr(found), "a bool is no int, and NaN equals nothing"
    assert cache.cache_dict["entry"] == stored or stored != stored
    assert type(cache.cache_dict["entry"]) is type(stored)


def test_what_others_write_into_the_dictionaries_is_the_store() -> None:
    """The cooldown cache shortens expiries there, and debug endpoints walk over them."""
    cache, clock = store()
    cache.set_cache("entry", {"a": 1}, ttl=600)
    cache.ttl_dict["entry"] = 1005.0
    cache.cache_dict["put"] = 5
    assert cache.get_cache("put") == 5
    assert list(cache.cache_dict.items()) == [("entry", {"a": 1}), ("put", 5)]
    assert cache.cache_dict.get("absent") is None
    assert "put" not in cache.ttl_dict
    clock.now = 1006.0
    assert cache.get_cache("entry") is None
    assert cache.get_cache("put") == 5, "without an expiry it stays"
    cache.flush_cache()
    assert cache.cache_dict == {}
    assert cache.ttl_dict == {}
    assert cache.expiration_heap == []
