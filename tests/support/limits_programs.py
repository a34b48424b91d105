"""Random programs on rate limiters. The same seed makes the same program."""

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from support import limits_keys
from support.limits import LimitWorld, Setting
from support.limits_keys import Keys
from support.limits_requests import Requests
from support.programs import Program, Step, World

_MOVES_S = (0, 0.1, 1, 1, 5, 29.75, 30, 59, 59.75, 60, 60, 61, 119, 130, -1)
_OVERRIDABLE = (
    *("should_rate_limit", "in_memory_cache_sliding_window", "atomic_check_and_increment_by_n"),
    *("reserve_tpm_tokens", "_release_parallel_request_slots", "async_increment_tokens_with_ttl_preservation"),
)
_CORRUPT: tuple[Any, ...] = (
    "abc",
    "",
    "5",
    1.5,
    -3,
    None,
    True,
    10**20,
    b"7",
    [1],
    {},
    {"s": 1_700_000_000.0},
    {"s": "x"},
)


class Steps:
    """A stream of steps. `odd` is how often somebody else meddles with counters or attributes."""

    windows: tuple[int | None, ...] = (60, 60, 1, 86_400, None)
    """How long the windows of descriptors last, in seconds."""

    def __init__(self, seed: object, setting: Setting, *, keys: int, odd: float, switching: bool) -> None:
        self.random = random.Random(f"limits {seed}")
        self._keys = Keys(self.random)
        self._requests = Requests(self.random)
        self._setting = setting
        self._number_of_keys = keys
        self._made: dict[int, dict[str, Any]] = {}
        self._open: list[int] = []
        self._next = 0
        self._odd = odd
        self._switching = switching

    def __iter__(self) -> Iterator[Step]:
        for number in range(min(self._number_of_keys, 8)):
            yield self._key(number)
        while True:
            yield self._step()

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def _one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def _key(self, number: int) -> Step:
        self._made[number] = self._keys.key(number)
        return ("key", number, self._made[number])

    def _step(self) -> Step:
        kind = self.random.random()
        if kind < 0.12:
            return ("move", self._one(*_MOVES_S)) if self._maybe(0.85) else ("edge", self._scope())
        if kind < 0.15:
            return self._key(self.random.randrange(self._number_of_keys))
        if kind < 0.15 + self._odd:
            return self._meddling()
        if self._switching and kind > 0.95:
            return ("switch", self._one("caching", "rate_limiting"), self._one("on", "on", "off"))
        if kind < 0.26:
            return self._primitive()
        if kind > 0.6 and self._open:
            return self._ending()
        if kind < 0.29:
            return self._burst()
        return ("admit", *self._admission())

    def _admission(self, *, without_projects: bool = False) -> tuple[Any, ...]:
        number, self._next = self._next, self._next + 1
        self._open.append(number)
        keys = [
            key
            for key, made in self._made.items()
            if not (without_projects and "project_metadata" in made["fields"])
        ]
        data, call_type = self._requests.request(number)
        return number, self.random.choice(keys or list(self._made)), data, call_type

    def _burst(self) -> Step:
        # Project limits count tokens in threads, whose order nobody fixes.
        if all("project_metadata" in made["fields"] for made in self._made.values()):
            return ("move", 0)
        return ("burst", tuple(self._admission(without_projects=True) for _ in range(self.random.randrange(2, 7))))

    def _ending(self) -> Step:
        """What comes of a request; now and then again, or of one that was refused."""
        number = self._one(*self._open[-12:])
        kind, usage = self._requests.response()
        step = self._one(
            *[("answer", number, kind, usage)] * 3,
            ("log", number),
            *[("succeed", number, kind, usage, self._maybe(0.93), self._maybe(0.2))] * 5,
            *[("fail", number, usage if self._maybe(0.3) else None, self._maybe(0.93))] * 2,
            ("reject", number),
            ("disconnect", number),
        )
        if step[0] in ("succeed", "fail", "reject") and self._maybe(0.9):
            self._open.remove(number)
        return step

    def _scope(self) -> str:
        key = f"{self.random.randrange(min(self._number_of_keys, 8)):064x}"
        return self._one(
            f"{{api_key:{key}}}", "{user:u1}", "{team:team}", f"{{model_per_key:{key}:gpt-4o}}", "{tag:t2}"
        )

    def _counter(self) -> str:
        return self._scope() + self._one(":requests", ":tokens", ":window", ":max_parallel_requests")

    def _descriptors(self) -> list[dict[str, Any]]:
        def one() -> dict[str, Any]:
            name, _, value = self._scope().strip("{}").partition(":")
            limit: dict[str, Any] = {}
            for field, draw in (
                ("requests_per_unit", self._keys.requests),
                ("tokens_per_unit", self._keys.tokens),
                ("max_parallel_requests", lambda: self._one(1, 2, 5)),
                ("window_size", lambda: self._one(*self.windows)),
            ):
                if self._maybe(0.5):
                    limit[field] = draw()
            return {"key": name, "value": value, "rate_limit": limit if self._maybe(0.97) else None}

        return [one() for _ in range(self.random.randrange(4))]

    def _primitive(self) -> Step:
        """The limiter's own parts, as other limiters of LiteLLM call them."""
        key = self.random.randrange(self._number_of_keys)
        kind = self.random.random()
        if kind < 0.3:
            keywords = {"read_only": self._maybe(0.4), "skip_tpm_check": self._maybe(0.5)}
            if self._maybe(0.5):
                keywords["parallel_slot_id"] = self._one("s1", "s2")
            return ("check", self._descriptors(), keywords)
        if kind < 0.6:
            descriptors = self._descriptors()
            amounts = (0, 1, 1, 5, 100, -1, 10**20)
            increments = [{"requests": self._one(*amounts), "tokens": self._one(*amounts)} for _ in descriptors]
            return ("count", descriptors, increments if self._maybe(0.97) else increments[1:])
        if kind < 0.7:
            scopes = [self._scope() for _ in range(self.random.randrange(1, 3))]
            keys = [part for scope in scopes for part in (f"{scope}:window", f"{scope}:requests")]
            return ("window", keys, self._one(60, 60, 1))
        if kind < 0.8:
            keys = [f"{self._scope()}:max_parallel_requests" for _ in range(self.random.randrange(3))]
            return (
                "slots",
                self._one("acquire", "acquire", "release", "look"),
                keys,
                self._one("s1", "s2", ""),
                2,
            )
        if kind < 0.87:
            return ("serve", key, self._one(*limits_keys.SERVERS), self._one(None, 1, 3))
        if kind < 0.93:
            return ("frame", key, "gpt-4o", self._one(1, 50), self._one(1, 50))
        return ("hold", 10**6 + self.random.randrange(4), key, self._one(*limits_keys.MODELS))

    def _meddling(self) -> Step:
        kind = self.random.random()
        counter = self._counter()
        if kind < 0.3:
            return ("cache", "async_get_cache", (counter,), {"local_only": True})
        if kind < 0.4:
            return ("cache", "async_batch_get_cache", ([counter, self._counter()],), {"local_only": True})
        if kind < 0.5:
            return ("cache", "async_set_cache", (counter, self._one(*_CORRUPT)), {"local_only": True, "ttl": 60})
        if kind < 0.55:
            return ("cache", "async_increment_cache", (counter, self._one(1, 0.5, -2)), {"ttl": 60})
        if kind < 0.6:
            return ("cache", "delete_cache", (counter,), {})
        if kind < 0.62:
            return ("cache", "flush_cache", (), {})
        if kind < 0.75:
            # Other users of the same cache push the limiter's counters out.
            return ("cache", "set_cache", (f"other {self.random.randrange(300)}", 1), {"ttl": self._one(5, 600)})
        if kind < 0.8:
            return ("direct", "cache_dict", "__setitem__", (counter, self._one(*_CORRUPT)))
        if kind < 0.85:
            return ("direct", self._one("cache_dict", "ttl_dict"), "pop", (counter, None))
        if kind < 0.9:
            return ("direct", "ttl_dict", "__setitem__", (counter, 1_700_000_000.25 + self._one(0, 5, 700)))
        if kind < 0.94:
            return ("override", self._one(*_OVERRIDABLE))
        return self._one(
            ("set", "window_size", self._one(60, 60, 1, 10)),
            ("set", "tpm_reservation_enabled", self._one(True, True, False)),
            ("set", "capacity", self._one(200, 20, 6)),
        )


def settings(seed: object, **fixed: Any) -> Setting:
    """A setting that the seed draws, but for what is fixed."""
    chance = random.Random(f"setting {seed}")
    drawn: dict[str, Any] = {
        "capacity": chance.choice((None, None, None, 7, 20)),
        "window_s": chance.choice((60, 60, 60, 60, 10)),
        "reserves_tokens": chance.random() < 0.85,
        "token_type": chance.choice((None, None, "output", "input", "nonsense")),
        "tags": tuple(Keys(chance).tag_limits().items()),
    }
    return Setting(**{**drawn, **fixed})


def program(
    seed: object,
    length: int,
    *,
    keys: int = 4,
    odd: float = 0.0,
    switching: bool = False,
    setting: Setting | None = None,
    world: Callable[[Setting], World] = LimitWorld,
) -> Program:
    """So many steps on a limiter with so many keys."""
    chosen = setting or settings(seed)
    steps = iter(Steps(seed, chosen, keys=keys, odd=odd, switching=switching))
    return Program(seed, tuple(next(steps) for _ in range(length)), partial(world, chosen))
