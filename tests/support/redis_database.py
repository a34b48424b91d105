"""A database of a Redis that a test has to itself, read and emptied beside LiteLLM's own client."""

import re
from collections.abc import Callable
from typing import Any, Final

import redis

HOST: Final = "127.0.0.1"
PORT: Final = 6379
_CONTENT: Final[dict[bytes, Callable[[Any, bytes], Any]]] = {
    b"string": lambda asked, key: asked.get(key),
    b"zset": lambda asked, key: asked.zrange(key, 0, -1),
    b"list": lambda asked, key: asked.lrange(key, 0, -1),
    b"set": lambda asked, key: asked.smembers(key),
    b"hash": lambda asked, key: asked.hgetall(key),
}
PLAIN, ACCELERATED = 15, 9
"""The databases of the two sides on the machine's Redis."""


class Database:
    """Number `number` of the Redis on that port."""

    def __init__(self, number: int, port: int = PORT) -> None:
        self.number = number
        self.port = port
        self.client: Any = redis.Redis(host=HOST, port=port, db=number)

    def empty(self) -> None:
        self.client.flushdb()

    def close(self) -> None:
        self.client.close()

    def state(self) -> str:
        """Every key in order of name: type, content and end. Ends in steps of ten seconds, upwards.

        Scores are left out: they are the server's time of a slot.
        """
        keys = sorted(self.client.keys())
        with self.client.pipeline(transaction=False) as asked:
            for key in keys:
                asked.type(key).ttl(key)
            told = asked.execute()
            for key, kind in zip(keys, told[::2], strict=True):
                _CONTENT[kind](asked, key)
            contents = asked.execute()
        return "\n".join(
            f"{key!a} {kind!a} {self._sorted(content)!a} {ttl_s if ttl_s < 0 else -(-ttl_s // 10) * 10}"
            for key, kind, ttl_s, content in zip(keys, told[::2], told[1::2], contents, strict=True)
        )

    @staticmethod
    def _sorted(content: Any) -> Any:
        return sorted(content) if isinstance(content, set | dict | list) else content


def reachable() -> bool:
    try:
        return bool(redis.Redis(host=HOST, port=PORT).ping())
    except redis.RedisError:
        return False


def without_times(text: str, base_s: float, coarse_s: int) -> str:
    """Seconds since the epoch near `base_s` as how many times `coarse_s` they are after it.

    Redis has a clock that no test can move, so what it says differs by moments between two runs.
    """

    def named(found: re.Match[str]) -> str:
        after = float(found[0]) - base_s
        return f"base{after // coarse_s:+.0f}" if abs(after) < 2_000_000 else found[0]

    # LiteLLM mirrors a window's start as the bytes that Redis answers; as text it reads the same from the cache.
    text = re.sub(r"b'(1[6-9]\d{8})'", r"'\1'", text)
    return re.sub(r"\b1[6-9]\d{8}(\.\d+)?\b", named, text)
