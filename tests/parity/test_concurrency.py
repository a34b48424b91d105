"""Many threads count at once, others change what they count, and a process forks."""

import os
import select
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import litellm
import orjson
import pytest

from support.calls import calls_of, strict
from support.original import MODEL_OF, counts
from support.texts import CODE, PROSE

THREADS = 8
ROUNDS = 12
# Made anew at each use, so that no other reference keeps a text alive while it is counted.
SIZES = (3, 900, 1500, 8193, 20_000, 60_000)


def text_of(size: int) -> str:
    return (PROSE[:size] + "é漢" + CODE)[:size]


@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_threads_get_equal_counts(tokenizer: str) -> None:
    model = MODEL_OF[tokenizer]
    original = counts(model)[1]
    expected = [original(text_of(size)) for size in SIZES]
    start = threading.Barrier(THREADS)

    def count(_: int) -> list[list[int]]:
        start.wait()
        return [[litellm.token_counter(model, text=text_of(size)) for size in SIZES] for _ in range(ROUNDS)]

    with strict(), calls_of() as calls, ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(count, range(THREADS)))
    assert found == [[expected] * ROUNDS] * THREADS
    assert calls.native == THREADS * ROUNDS * len(SIZES)


def test_texts_are_taken_away_while_they_are_counted() -> None:
    """The GIL is released for these: a text must live until its count is done, whoever lets go of it."""
    expected = {size: counts("gpt-4o")[1](text_of(size)) for size in SIZES}
    message: dict[str, Any] = {"role": "user", "content": text_of(SIZES[-1])}
    shared = [message]
    done = threading.Event()
    role_and_rest = litellm.token_counter("gpt-4o", messages=[{"role": "user", "content": ""}])

    def change() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            message["content"] = text_of(SIZES[turn % len(SIZES)])

    def count(_: int) -> set[int]:
        return {litellm.token_counter("gpt-4o", messages=shared) for _ in range(ROUNDS)}

    # Threads take turns often, so that a change falls into a count.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    changer = threading.Thread(target=change)
    changer.start()
    try:
        with strict(), ThreadPoolExecutor(THREADS) as threads:
            found = set().union(*threads.map(count, range(THREADS)))
    finally:
        done.set()
        changer.join()
        sys.setswitchinterval(interval)
    assert found <= {count + role_and_rest for count in expected.values()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_a_forked_child_counts_the_same() -> None:
    texts = [text_of(size) for size in SIZES]

    def counted() -> list[list[int]]:
        return [[counts(model)[0](text) for text in texts] for model in MODEL_OF.values()]

    with strict():
        expected = counted()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            # Nothing of the test run may go on in the child, whatever happens.
            try:
                with calls_of() as calls:
                    found = counted()
                os.write(writing, orjson.dumps([found, calls.native, calls.python]))
            finally:
                os._exit(0)
    os.close(writing)
    try:
        readable, _, _ = select.select([reading], [], [], 60)
        assert readable, "the child did not answer"
        found, native, python = orjson.loads(os.read(reading, 65_536))
    finally:
        os.close(reading)
        if not readable:
            os.kill(child, 9)
        os.waitpid(child, 0)
    assert found == expected
    assert (native, python) == (len(MODEL_OF) * len(texts), {})
