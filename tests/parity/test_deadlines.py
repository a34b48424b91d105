"""Deadlines against `asyncio.timeout`, which they stand for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from accel.features.caching.deadlines import Deadlines
from support.patience import new_uvloop, stand_still

TIMED = getattr(asyncio, "timeout", None)
LIMIT_S = 0.05
Limit = Callable[[float], Any]
Scene = Callable[[Limit], Awaitable[Any]]

pytestmark = [
    pytest.mark.skipif(TIMED is None, reason="Python 3.10 has no asyncio.timeout"),
    pytest.mark.patient,
]


async def ended(scene: Awaitable[Any]) -> tuple[str, Any, int]:
    """How it ended, and how often its task counts itself as cancelled."""
    task: Any = asyncio.current_task()
    try:
        found = "value", await scene
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # a result to compare
        found = type(error).__name__, str(error)
    return *found, task.cancelling()


def same(scene: Scene, factory: Any = asyncio.new_event_loop) -> Any:
    """The scene under `asyncio.timeout`, and under deadlines."""

    async def block(deadlines: Deadlines, limit_s: float, inner: Awaitable[Any]) -> Any:
        with deadlines.within(limit_s):
            return await inner

    async def expected() -> Any:
        async def limited(limit_s: float, inner: Awaitable[Any]) -> Any:
            assert TIMED is not None
            async with TIMED(limit_s):
                return await inner

        return await asyncio.ensure_future(ended(scene(lambda limit_s: lambda inner: limited(limit_s, inner))))

    async def found() -> Any:
        deadlines = Deadlines()
        answer = await asyncio.ensure_future(
            ended(scene(lambda limit_s: lambda inner: block(deadlines, limit_s, inner)))
        )
        assert not deadlines._reads
        return answer

    with asyncio.Runner(loop_factory=factory) as runner:
        plain = runner.run(expected())
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(found()) == plain
    return plain


@pytest.fixture(params=[asyncio.new_event_loop, new_uvloop], ids=["asyncio", "uvloop"])
def factory(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestOne:
    def test_in_time(self, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            return await limit(LIMIT_S)(asyncio.sleep(0, "told"))

        assert same(scene, factory) == ("value", "told", 0)

    @pytest.mark.parametrize("limit_s", [LIMIT_S, 0, -1.0])
    def test_late(self, limit_s: float, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            return await limit(limit_s)(asyncio.sleep(0.5))

        assert same(scene, factory) == ("TimeoutError", "", 0)

    def test_over_at_once_but_nothing_to_wait_for(self, factory: Any) -> None:
        async def done() -> str:
            return "told"

        async def scene(limit: Limit) -> Any:
            return await limit(0)(done())

        assert same(scene, factory) == ("value", "told", 0)

    def test_what_it_raises_itself(self, factory: Any) -> None:
        async def failing() -> None:
            await asyncio.sleep(0)
            raise KeyError("own")

        async def scene(limit: Limit) -> Any:
            return await limit(LIMIT_S)(failing())

        assert same(scene, factory) == ("KeyError", "'own'", 0)

    def test_cancelled_from_outside(self, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            task: Any = asyncio.current_task()
            asyncio.get_running_loop().call_later(0.01, task.cancel)
            return await limit(LIMIT_S)(asyncio.sleep(0.5))

        assert same(scene, factory) == ("CancelledError", "", 1)

    @pytest.mark.parametrize("first", [True, False])
    def test_cancelled_while_it_is_late(self, first: bool, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            task: Any = asyncio.current_task()
            loop = asyncio.get_running_loop()
            loop.call_later(LIMIT_S * (0.8 if first else 1.2), task.cancel)
            loop.call_later(0.01, stand_still, LIMIT_S * 2)
            return await limit(LIMIT_S)(asyncio.sleep(0.5))

        assert same(scene, factory)[0] == "CancelledError"

    def test_done_and_late_in_one_turn(self, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            loop = asyncio.get_running_loop()
            came = loop.create_future()
            loop.call_later(LIMIT_S * 0.8, came.set_result, "told")
            loop.call_later(0.01, stand_still, LIMIT_S * 2)
            return await limit(LIMIT_S)(came)

        assert same(scene, factory)[0] == "TimeoutError"

    def test_one_after_the_other(self, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            found = []
            for pause_s, limit_s in ((0.0, 0.5), (0.5, 0.02), (0.0, 0.01), (0.03, 0.5), (0.5, 0.02)):
                found.append(await ended(limit(limit_s)(asyncio.sleep(pause_s, "told"))))
            return found

        kinds = [kind for kind, *_ in same(scene, factory)[1]]
        assert kinds == ["value", "TimeoutError", "value", "value", "TimeoutError"]

    def test_inside_another_limit(self, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            found = await ended(limit(0.02)(limit(0.5)(asyncio.sleep(0.5))))
            return found, await ended(limit(0.5)(limit(0.02)(asyncio.sleep(0.5))))

        assert same(scene, factory)[1] == (("TimeoutError", "", 0), ("TimeoutError", "", 0))


class TestMany:
    def test_at_once(self, factory: Any) -> None:
        """Each ends by its own limit, in the order of the limits."""

        async def scene(limit: Limit) -> Any:
            order: list[int] = []

            async def one(number: int) -> Any:
                found = await ended(limit(0.02 * (1 + number % 4))(asyncio.sleep(0 if number % 3 else 0.5)))
                order.append(number)
                return found

            return await asyncio.gather(*(one(number) for number in range(24))), order

        same(scene, factory)

    def test_all_late_after_the_loop_stood_still(self, factory: Any) -> None:
        async def scene(limit: Limit) -> Any:
            order: list[int] = []

            async def one(number: int) -> Any:
                found = await ended(limit(0.04 - number * 0.004)(asyncio.sleep(0.5)))
                order.append(number)
                return found

            asyncio.get_running_loop().call_later(0.001, stand_still, 0.05)
            return await asyncio.gather(*(one(number) for number in range(8))), order

        same(scene, factory)

    def test_one_timer(self) -> None:
        async def scene() -> int:
            deadlines = Deadlines()
            timers = 0
            own = deadlines.loop.call_at

            def call_at(*arguments: Any) -> Any:
                nonlocal timers
                timers += 1
                return own(*arguments)

            deadlines.loop.call_at = call_at  # type: ignore[method-assign]
            for _ in range(100):
                with deadlines.within(30.0):
                    pass
            with deadlines.within(1.0):
                pass
            assert deadlines._timer is not None
            deadlines._timer.cancel()
            return timers

        assert asyncio.run(scene()) == 2


class TestMoved:
    @pytest.mark.parametrize("when_s", [0.04, 0.5, None, -1.0])
    @pytest.mark.parametrize("pause_s", [0.1, 0.01])
    def test_as_asyncio_moves_it(self, when_s: float | None, pause_s: float, factory: Any) -> None:
        """redis-py moves the end of a read that is under way."""

        async def moved(active: Any) -> str:
            loop = asyncio.get_running_loop()
            active.reschedule(None if when_s is None else loop.time() + when_s)
            await asyncio.sleep(pause_s)
            return "told"

        async def plain() -> Any:
            assert TIMED is not None
            async with TIMED(LIMIT_S) as active:
                return await moved(active)

        async def found() -> Any:
            deadlines = Deadlines()
            with deadlines.within(LIMIT_S) as active:
                return await moved(active)

        async def both() -> Any:
            return [await ended(one()) for one in (plain, found)]

        with asyncio.Runner(loop_factory=factory) as runner:
            expected, answer = runner.run(both())
        assert answer == expected

    def test_after_its_end(self) -> None:
        """A block that has ended is not begun again by who still holds it."""

        async def scene() -> Any:
            deadlines = Deadlines()
            with deadlines.within(LIMIT_S) as active:
                pass
            active.reschedule(0.0)
            return await ended(asyncio.sleep(0.01, "told"))

        assert asyncio.run(scene()) == ("value", "told", 0)

    def test_a_loop_that_ends_before_its_timer(self) -> None:
        async def scene() -> Deadlines:
            deadlines = Deadlines()
            with deadlines.within(30.0):
                return deadlines

        assert asyncio.run(scene()).loop.is_closed()
