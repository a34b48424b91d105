"""`cache_dict` and `ttl_dict` are dictionaries to LiteLLM, its tests and users: each thing that a dict does."""

import copy
import json
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import pytest
from litellm.caching.in_memory_cache import InMemoryCache

from support import sides
from support.clocks import Clock
from support.shown import Shown

USES: dict[str, Callable[[Any], Any]] = {
    "isinstance of Mapping": lambda held: (isinstance(held, Mapping), isinstance(held, MutableMapping)),
    "isinstance of dict": lambda held: isinstance(held, dict),
    "json with a default": lambda held: len(json.dumps(held, default=str)) > 0,
    "json": lambda held: json.dumps(dict(held)),
    "repr": repr,
    "str": str,
    "format": lambda held: f"{held}",
    "bool": bool,
    "in": lambda held: ("a" in held, "none" in held, None in held),
    "item": lambda held: held["a"],
    "no item": lambda held: held["none"],
    "get": lambda held: (held.get("a"), held.get("none"), held.get("none", 3)),
    "pop": lambda held: (held.pop("a"), held.pop("none", 3), dict(held)),
    "no pop": lambda held: held.pop("none"),
    "popitem": lambda held: (held.popitem(), dict(held)),
    "popitem of none": lambda held: (held.clear(), held.popitem()),
    "del": lambda held: (held.__delitem__("a"), list(held)),
    "no del": lambda held: held.__delitem__("none"),
    "setdefault": lambda held: (held.setdefault("a", 9), held.setdefault("new", 9), dict(held)),
    "update": lambda held: (held.update({"a": 1}, b=2), held.update([("c", 3)]), dict(held)),
    "keys": lambda held: (list(held.keys()), len(held.keys()), "a" in held.keys(), held.keys() & {"a"}),  # noqa: SIM118
    "values": lambda held: (list(held.values()), len(held.values())),
    "items": lambda held: (list(held.items()), len(held.items()), ("a", 1) in held.items()),
    "iter": lambda held: [key for key in held],
    "reversed": lambda held: list(reversed(held)),
    "copy": lambda held: (type(held.copy()), held.copy()),
    "copy.copy": lambda held: dict(copy.copy(held)),
    "deepcopy": lambda held: dict(copy.deepcopy(held)),
    "or": lambda held: held | {"z": 1},
    "equal": lambda held: (held == dict(held), dict(held) == held, held == {}, held != {}, held == 3),
    "fromkeys": lambda held: type(held).fromkeys(["a"]),
    "unpacked": lambda held: {**held},
    "sorted by value": lambda held: sorted(held.items(), key=lambda item: str(item[1])),
    "changed in a loop": lambda held: [held.pop(key) for key in held],
    "grown in a loop": lambda held: [held.__setitem__(f"more {key}", 1) for key in held],
    "values changed in a loop": lambda held: [held.__setitem__(key, 1) for key in held],
    "key that cannot be hashed": lambda held: held.get([]),
    "key pop that cannot be hashed": lambda held: held.pop([], None),
    "sizeof": lambda held: sys.getsizeof(held) > 0,
    "hash": hash,
    "cleared": lambda held: (held.clear(), dict(held), len(held)),
}
KNOWN = {
    "isinstance of dict": "a view of native content cannot be a dict",
    "fromkeys": "a view is not made by itself",
    "update": "an expiry that is no float is kept apart, behind the others",
    "changed in a loop": "a loop goes over the content as it was when it began",
    "grown in a loop": "a loop goes over the content as it was when it began",
    "hash": "the text of the error names another class",
}


def held(which: str) -> Any:
    cache = InMemoryCache(clock=Clock())
    for key, value in (("b", {"x": [1]}), ("a", 1), ("ключ", "5"), ("d", 2.5)):
        cache.set_cache(key, value, ttl=len(key) * 10)
    return getattr(cache, which)


@pytest.mark.parametrize("which", ["cache_dict", "ttl_dict"])
@pytest.mark.parametrize("use", USES)
def test_a_use(use: str, which: str, request: pytest.FixtureRequest) -> None:
    if use in KNOWN and sides.present() and (use, which) != ("update", "cache_dict"):
        request.applymarker(pytest.mark.xfail(reason=KNOWN[use]))

    def told() -> str:
        shown = Shown()
        try:
            return shown(USES[use](held(which)))
        except Exception as error:  # noqa: BLE001  # an error is a result to compare
            return shown(error)

    with sides.plain():
        theirs = told()
    with sides.accelerated():
        ours = told()
    assert ours == theirs
