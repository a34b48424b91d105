"""A scene on a Redis that is told its answers, played on LiteLLM's own code and on accel's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import accel
from support.calls import calls_of
from support.told_redis import Script, ToldRedis, cache_on, pool_of, seen, told_of, told_redis

EXECUTOR: Final = "RedisCache._register_script_for_current_loop"
RUN: Final = "RedisCache.async_register_script"
SOURCE: Final = "return 1"
Scene = Callable[[ToldRedis, Any, Script], Awaitable[Any]]


def played(scene: Scene, loop: asyncio.AbstractEventLoop | None = None, **settings: Any) -> dict[str, Any]:
    """What the scene came to, on `loop` or a new one.

    Before it a script has run once: it is bound, and a connection is idle.
    """

    async def play() -> dict[str, Any]:
        async with told_redis() as told:
            cache = cache_on(told, **settings)
            script = cache.async_register_script(SOURCE)
            await script(keys=["first"], args=[])
            found = await scene(told, cache, script)
            await asyncio.sleep(0.01)  # the server reads what was sent last
            after = {"found": found, **seen(told, cache)}
            # A reply that nobody read must not be the next caller's.
            told.answers.clear()
            cache._circuit_breaker.recovery_timeout = -1
            after["next"] = await told_of(script(keys=["last"], args=[]))
            after["then"] = seen(told, cache)
            await pool_of(cache).disconnect()
            return _without_port(after, told.port)

    return asyncio.run(play()) if loop is None else loop.run_until_complete(play())


def _without_port(found: Any, port: int) -> Any:
    if isinstance(found, dict):
        return {key: _without_port(value, port) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return type(found)(_without_port(value, port) for value in found)
    return re.sub(rf"\b{port}\b", "PORT", found) if isinstance(found, str) else found


def same(scene: Scene, native: int, seam: str = EXECUTOR, **settings: Any) -> dict[str, Any]:
    """Plays it twice and compares. `native`: how many calls of that seam went native, the last one among them."""
    accel.set_flag("caching", mode="off")
    expected = played(scene, **settings)
    accel.set_flag("caching", mode="on")
    with calls_of("caching", seam) as calls:
        found = played(scene, **settings)
    assert found == expected, "\n".join(
        f"{key}: {expected[key]}, but {found[key]}" for key in differing(found, expected)
    )
    assert calls.native == native, calls
    assert calls.failed == 0
    return found


def differing(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [key for key in expected if found[key] != expected[key]]
