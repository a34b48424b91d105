"""Counts in worker threads: how many at once, in whose threads, and what the event loop does meanwhile."""

import asyncio
import threading
import time
from concurrent.futures import Future, wait
from typing import Any

import anyio.to_thread
import litellm
import pytest
from litellm.constants import TOKEN_COUNTER_MAX_CONCURRENT_COUNTS
from litellm.litellm_core_utils.asyncify import asyncify
from litellm.litellm_core_utils.token_counter import _get_exact_count_function, offload_token_count

from support.pins import native
from support.texts import PROSE

BURST = 2 * TOKEN_COUNTER_MAX_CONCURRENT_COUNTS


class SlowTokenizer:
    """Takes a moment for each text, and knows how many it had at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.peak = 0

    def encode_batch_fast(self, texts: list[str]) -> list[list[int]]:
        with self._lock:
            self._now += 1
            self.peak = max(self.peak, self._now)
        time.sleep(0.05)
        with self._lock:
            self._now -= 1
        return [[0] * len(text) for text in texts]


def test_counts_do_not_take_the_threads_of_others() -> None:
    tokenizer = SlowTokenizer()
    count = _get_exact_count_function(None, {"type": "huggingface_tokenizer", "tokenizer": tokenizer})

    async def main() -> tuple[list[int], list[int]]:
        shared = anyio.to_thread.current_default_thread_limiter()
        counting = asyncio.gather(*(offload_token_count(count)("abc") for _ in range(BURST)))
        borrowed = []
        while not counting.done():
            await asyncio.sleep(0.01)
            borrowed.append(shared.borrowed_tokens)
        return await counting, borrowed

    counted, borrowed = asyncio.run(main())
    assert counted == [3] * BURST
    assert len(borrowed) > 1
    assert max(borrowed) == 0
    assert 1 < tokenizer.peak <= TOKEN_COUNTER_MAX_CONCURRENT_COUNTS


def test_every_event_loop_of_a_process_counts() -> None:
    def count_in_a_loop(text: str, result: Future[int]) -> None:
        result.set_result(asyncio.run(offload_token_count(litellm.token_counter)(model="gpt-4o", text=text)))

    results: list[Future[int]] = [Future() for _ in range(BURST)]
    threads = [
        threading.Thread(target=count_in_a_loop, args=("tide " * size, result), daemon=True)
        for size, result in enumerate(results, start=1)
    ]
    with native():
        for thread in threads:
            thread.start()
        _, pending = wait(results, timeout=20)
    assert not pending
    assert [result.result() for result in results] == [size + 2 for size in range(1, BURST + 1)]


@pytest.mark.parametrize("model", ["claude-fable-5", "gpt-4o"])
@pytest.mark.parametrize("through", [asyncify, offload_token_count])
def test_the_event_loop_goes_on_during_a_long_count(through: Any, model: str) -> None:
    text = (PROSE * 100)[:3_000_000]
    litellm.token_counter(model=model, text="loads the tokenizer")

    async def main() -> tuple[int, float, list[float]]:
        began = time.perf_counter()
        counting = asyncio.ensure_future(through(litellm.token_counter)(model=model, text=text))
        lags = []
        while not counting.done():
            slept = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - slept)
        return await counting, time.perf_counter() - began, lags

    def goes_on() -> bool:
        counted, took, lags = asyncio.run(main())
        assert counted > 100_000
        return max(lags) < took * 0.8  # a count that held the loop would make one lag of it, every time

    with native():
        # A busy machine may hold the loop once as long as a count takes.
        assert any(goes_on() for _ in range(10))
