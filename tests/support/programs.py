"""Programs run twice, step by step: what both sides observe must be equal, and a difference is made small."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from support import sides
from support.calls import Calls
from support.shown import Shown

Step = tuple[Any, ...]
Side = Callable[[], AbstractContextManager[Any]]
_RUNS_TO_SHRINK = 400


class World(Protocol):
    """Where a program runs: everything that its steps touch, made anew for each run."""

    def step(self, step: Step) -> Coroutine[Any, Any, str]:
        """Do it, and tell all that can be seen of it."""

    def state(self) -> str:
        """Everything there, whether or not a step showed it."""

    def close(self) -> Coroutine[Any, Any, None]:
        """Let go of what outlives the program."""


@dataclass(frozen=True)
class Program:
    """A sequence of steps, what makes the world that they run in, and the seed that names it.

    Any part of the steps must be a program too: a step that refers to an earlier one does nothing without it.
    """

    seed: object
    steps: tuple[Step, ...]
    world: Callable[[], World]

    def of(self, steps: Sequence[Step]) -> "Program":
        return Program(self.seed, tuple(steps), self.world)


@dataclass
class Compared:
    """Programs without a difference: how many steps, and who answered the calls in them."""

    programs: int = 0
    steps: int = 0
    calls: dict[str, Calls] = field(default_factory=dict)

    def add(self, program: Program, calls: dict[str, Calls]) -> None:
        self.programs += 1
        self.steps += len(program.steps)
        for name, one in calls.items():
            total = self.calls.setdefault(name, Calls())
            total.native += one.native
            for reason, number in one.python.items():
                total.python[reason] = total.python.get(reason, 0) + number

    def __str__(self) -> str:
        told = {name: f"{calls.native} native, python {calls.python}" for name, calls in self.calls.items()}
        return f"{self.programs} programs, {self.steps} steps; {told}"


class Different(AssertionError):
    """The two sides of a program are not equal; the message is a program that shows it."""


async def _observations(program: Program, begin: Callable[[int], None]) -> list[str]:
    world = program.world()
    observations = []
    try:
        for number, step in enumerate(program.steps):
            begin(number)
            observations.append(await world.step(step))
        return [*observations, world.state()]
    finally:
        await world.close()


def observed(program: Program, side: AbstractContextManager[Any], loop: asyncio.AbstractEventLoop) -> list[str]:
    """What each step of the program shows on that side, and what is there in the end."""
    with side, sides.seeded_ids(program.seed) as begin:
        return loop.run_until_complete(_observations(program, begin))


def first_difference(
    program: Program, loop: asyncio.AbstractEventLoop, ours: Side = sides.accelerated
) -> tuple[int, str, str] | None:
    """The first step that the sides see differently, with what LiteLLM shows and what accel does."""
    their_steps = observed(program, sides.plain(), loop)
    our_steps = observed(program, ours(), loop)
    for at, (their, our) in enumerate(zip(their_steps, our_steps, strict=True)):
        if their != our:
            return at, their, our
    return None


def compare(program: Program, loop: asyncio.AbstractEventLoop, compared: Compared) -> None:
    """Run the program on both sides. Raises `Different` with the smallest program found that shows it."""
    calls: dict[str, Calls] = {}

    @contextmanager
    def noted() -> Iterator[None]:
        with sides.accelerated() as accounts:
            yield
        calls.update(accounts)

    found = first_difference(program, loop, noted)
    if found is None:
        compared.add(program, calls)
        return
    small = shrunk(program.of(program.steps[: found[0] + 1]), loop)
    at, their, our = first_difference(small, loop) or found
    lines = [f"seed {program.seed!r}, step {found[0]}; {len(small.steps)} steps show it:"]
    lines += [f"  {_printed(step)}" for step in small.steps]
    lines += [f"at step {at}:", *_parted(their, our)]
    raise Different("\n".join(lines))


def _printed(step: Step) -> str:
    """As a program text has it, if its numbers are not too long for that."""
    try:
        return ascii(step)
    except ValueError:
        return Shown()(step)


def _parted(their: str, our: str) -> list[str]:
    """The two observations from a little before where they part, for they may be long."""
    at = next((at for at, (a, b) in enumerate(zip(their, our, strict=False)) if a != b), min(len(their), len(our)))
    begin = max(0, at - 200)
    return [f"LiteLLM: …{their[begin : at + 600]}", f"accel:   …{our[begin : at + 600]}"]


def shrunk(program: Program, loop: asyncio.AbstractEventLoop) -> Program:
    """A part of the program that still differs, from which no piece tried could be taken."""
    steps = list(program.steps)
    runs = 0
    size = max(1, len(steps) // 2)
    while size >= 1 and runs < _RUNS_TO_SHRINK:
        at = 0
        while at < len(steps) and runs < _RUNS_TO_SHRINK:
            rest = steps[:at] + steps[at + size :]
            runs += 1
            if rest and first_difference(program.of(rest), loop) is not None:
                steps = rest
            else:
                at += size
        size //= 2
    return program.of(steps)
