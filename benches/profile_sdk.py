"""Where the time of LiteLLM's SDK goes: `litellm.acompletion` and `router.acompletion`, plain and with accel.

Mock responses, and a local upstream on 127.0.0.1. All threads of the process count. Prints the processor time of a
call on both sides, then a table for each.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from sys import executable
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import accel  # noqa: I001  # before LiteLLM, as users are told
import litellm
from cpu_profile import Profile
from litellm.litellm_core_utils import thread_pool_executor
from sides import ACCEL, PLAIN, side

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Tell me of the old mill, in two sentences."},
]
MOCK = {"messages": MESSAGES, "mock_response": "It stands by the river. Nobody has seen it turn for years."}
SETTLE_S = 0.05
Call = Callable[[], Awaitable[Any]]

_CORE = "litellm.litellm_core_utils"
REMARKS = {
    "litellm.types.utils:__init__": "none: pydantic models that callers get; every step shows in them",
    "litellm.main:mock_completion": "none: mocks only; builds the answer",
    f"{_CORE}.get_llm_provider_logic:get_llm_provider": "not yet: reads settings and environment live",
    f"{_CORE}.llm_response_utils.get_api_base:get_api_base": "none: validates all arguments",
    f"{_CORE}.get_litellm_params:get_litellm_params": "none: one dictionary that callbacks get",
    "litellm.secret_managers.main:get_secret": "none: environment and secret managers may change",
    f"{_CORE}.logging_worker:_process_log_task": "none: LiteLLM's own task and deadline",
    "base_events.py:_run_once": "none: the event loop",
}
"""Why a function has no seam, by its name in the table."""


@contextmanager
def upstream() -> Iterator[str]:
    """The base of a local OpenAI upstream, in a process of its own."""
    process = Popen([executable, "-m", "accel.demo.mock_upstream"], stdout=PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://{process.stdout.readline().split()[-1]}/v1"
    finally:
        process.terminate()
        process.wait(10)


def scenes(base: str) -> dict[str, Call]:
    """What is profiled, by name."""

    def router(deployments: int) -> litellm.Router:
        parameters = {"model": "openai/gpt-4o-mini", "api_key": "sk-none", "api_base": base}
        return litellm.Router(
            model_list=[{"model_name": "chat", "litellm_params": dict(parameters)} for _ in range(deployments)]
        )

    one, hundred = router(1), router(100)
    real = {"model": "openai/gpt-4o-mini", "messages": MESSAGES, "api_base": base, "api_key": "sk-none"}
    return {
        "acompletion, mock": lambda: litellm.acompletion(model="gpt-4o-mini", **MOCK),
        "acompletion, upstream": lambda: litellm.acompletion(**real),
        "router N=1, mock": lambda: one.acompletion(model="chat", **MOCK),
        "router N=100, mock": lambda: hundred.acompletion(model="chat", **MOCK),
        "router N=1, upstream": lambda: one.acompletion(model="chat", messages=MESSAGES),
    }


async def repeat(call: Call, times: int) -> None:
    """One after another; then what was left to the background."""
    for _ in range(times):
        await call()
    await settled()


async def settled() -> None:
    """Wait for the logging tasks and threads."""
    await asyncio.sleep(SETTLE_S)


async def cost_us(call: Call, times: int, rounds: int) -> dict[str, float]:
    """Least processor time of the process per call, by side; the sides in turn."""
    samples: dict[str, list[float]] = {PLAIN: [], ACCEL: []}
    for _ in range(rounds):
        for name in random.sample(sorted(samples), 2):
            with side(name):
                await repeat(call, max(3, times // 10))
                start_s = time.process_time()
                await repeat(call, times)
                samples[name].append((time.process_time() - start_s) / times * 1e6)
    return {name: min(times_us) for name, times_us in samples.items()}


async def profiled(name: str, call: Call, times: int) -> Profile:
    """A profile of that many calls on one side."""
    profile = Profile()
    pool = ThreadPoolExecutor()
    profile.watch(pool)
    asyncio.get_running_loop().set_default_executor(pool)
    with side(name), _logging_pool() as logging_pool:
        profile.watch(logging_pool)
        await repeat(call, max(3, times // 10))
        with profile.running():
            await repeat(call, times)
    return profile


@contextmanager
def _logging_pool() -> Iterator[ThreadPoolExecutor]:
    """A fresh pool for LiteLLM's own, wherever its name is bound."""
    modules = [litellm.litellm_core_utils.litellm_logging, litellm.utils, litellm.main, thread_pool_executor]
    before = thread_pool_executor.executor
    holders = [module for module in modules if getattr(module, "executor", None) is before]
    pool = ThreadPoolExecutor(max_workers=2)
    for module in holders:
        module.executor = pool
    try:
        yield pool
    finally:
        for module in holders:
            module.executor = before


async def run(options: argparse.Namespace, base: str) -> None:
    """Print everything."""
    for feature in accel.status().features:
        if feature == "overhead" or feature == "routing":
            accel.set_flag(feature, mode="on", percent=100, verify_percent=0)
    for name, call in scenes(base).items():
        if options.only and options.only not in name:
            continue
        await repeat(call, 20)
        costs = await cost_us(call, options.calls, options.rounds)
        plain_us, accel_us = costs[PLAIN], costs[ACCEL]
        print(f"\n# {name}: {plain_us:.0f} -> {accel_us:.0f} us of CPU, {accel_us / plain_us:.2f}x", flush=True)
        for which in () if options.no_table else (PLAIN, ACCEL):
            profile = await profiled(which, call, options.calls)
            print(f"\n## {which}\n" + profile.table().text(options.calls, options.least, REMARKS), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="calls of each measurement")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side")
    parser.add_argument("--least", type=float, default=0.7, help="share in percent below which rows are merged")
    parser.add_argument("--only", default="", help="a part of the scene's name")
    parser.add_argument("--no-table", action="store_true", help="the cost of a call only")
    options = parser.parse_args()
    with upstream() as base:
        asyncio.run(run(options, base))


if __name__ == "__main__":
    assert Path(executable).exists()
    main()
