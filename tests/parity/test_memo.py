"""The memory of counts: what was counted before is found, and no other text's or counter's count instead."""

import gc
import itertools
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import litellm
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

import accel
from accel import dispatch
from accel.features.token_counting.resolver import shared_resolver
from support.calls import Calls, account, calls_of, strict
from support.forks import in_a_fork
from support.original import MODEL_OF, counts, outcome
from support.scale import scaled
from support.texts import CODE, PROSE, Texts

MEMO = "token_memo"
NEW = "declined: not counted before"
SHORTEST = 48
_numbers = itertools.count()


def memory() -> Any:
    return shared_resolver(dispatch.junctions[MEMO]).tokenizers._memory


def forget() -> None:
    accel.set_flag(MEMO, mode="off")
    counts("gpt-4o")[0]("x")
    assert memory()._memo is None
    accel.set_flag(MEMO, mode="on")


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    forget()


def fresh(length: int = 200) -> str:
    """A text that was never counted before."""
    start = random.Random(f"memo {next(_numbers)}").randrange(len(PROSE) - length)
    return (f"{next(_numbers)} " + PROSE[start : start + length])[:length]


def looked_up(calls: Calls) -> tuple[int, int]:
    """How many look-ups found something, and how many did not; there was nothing else."""
    assert calls.python.keys() <= {NEW}, calls
    return calls.native, calls.python.get(NEW, 0)


def check(text: str, model: str) -> tuple[str, Any]:
    """What accel counts, which must be what LiteLLM counts."""
    with_seam, original = counts(model)
    ours = outcome(with_seam, text)
    assert ours == outcome(original, text), (model, ascii(text[:80]))
    return ours


@pytest.mark.parametrize("model", MODEL_OF.values())
@pytest.mark.parametrize("length", [60, 1024, 1025, 8192, 8193, 30_000, 1_000_001])
def test_a_text_is_found_again(length: int, model: str) -> None:
    text = ("é" + CODE * 2)[:length]
    with strict(), calls_of(MEMO) as calls:
        assert [check(text, model)[1] for _ in range(3)] == [counts(model)[1](text)] * 3
    assert looked_up(calls) == (2, 1)


@pytest.mark.parametrize("model", MODEL_OF.values())
def test_the_texts_of_a_prompt_are_found_one_by_one(model: str) -> None:
    chat = [{"role": "user", "content": fresh()} for _ in range(4)]
    for turns in range(1, 5):
        with strict(), calls_of(MEMO) as calls:
            ours = litellm.token_counter(model, messages=chat[:turns])
        # The roles are too short to be looked up.
        assert looked_up(calls) == (turns - 1, 1)
        with accel.disabled():
            assert ours == litellm.token_counter(model, messages=chat[:turns])


def test_a_text_is_remembered_for_every_tokenizer() -> None:
    """As for a request that several models are candidates for: they do not displace each other's counts."""
    texts = [fresh() for _ in range(50)]
    for known in (False, True, True):
        with strict(), calls_of(MEMO) as calls:
            for text in texts:
                for model in MODEL_OF.values():
                    check(text, model)
        found = len(texts) * len(MODEL_OF) if known else 0
        assert looked_up(calls) == (found, len(texts) * len(MODEL_OF) - found)


@pytest.mark.parametrize("filler", ["a", "é", "漢", "🙂"])
@pytest.mark.parametrize("model", MODEL_OF.values())
def test_short_texts_are_not_looked_up(model: str, filler: str) -> None:
    size = len(filler.encode())
    for length in range(0, 60):
        text = filler * length
        with calls_of(MEMO) as calls:
            check(text, model)
        assert looked_up(calls) == (0, int(length * size >= SHORTEST))


@pytest.mark.parametrize("shard", range(2))
def test_random_texts_with_little_memory_of_which_counter(shard: int) -> None:
    """The same texts by turns for all tokenizers and sizes of slices: every count is its own counter's."""
    texts = [
        text
        for text in itertools.islice(Texts(f"memo {shard}"), scaled(400))
        if len(text.encode("utf-8", "replace")) > 48
    ]
    texts += ["0" * 5000, "漢字" * 3000]
    bound = counter_module._get_tiktoken_count_function
    for size in (1024, 7, 64, 1024):
        with mock.patch.object(bound, "__defaults__", (size,)):
            for _ in range(2):
                for text in texts:
                    for model in MODEL_OF.values():
                        check(text, model)


def test_more_texts_than_the_memory_holds() -> None:
    texts = [f"{number} is a number like any other, and not the last one of them." for number in range(70_000)]
    count, original = counts("gpt-4o")
    ours = [count(text) for text in texts]
    bytes_before = memory()._memo.bytes
    with calls_of(MEMO) as calls:
        assert [count(text) for text in texts] == ours
    found, lost = looked_up(calls)
    assert found + lost == len(texts)
    assert 0 < found < len(texts)
    assert memory()._memo.bytes == bytes_before
    assert ours[::97] == [original(text) for text in texts[::97]]
    with calls_of(MEMO) as calls:
        assert [count(text) for text in texts[-200:]] == ours[-200:]
    assert calls.native > 150


def test_switched_off_it_forgets_and_counts_stay() -> None:
    text = fresh()
    expected = check(text, "gpt-4o")
    accel.set_flag(MEMO, mode="off")
    with calls_of(MEMO) as calls, strict():
        assert check(text, "gpt-4o") == expected
    assert (calls.native, calls.python.keys()) == (0, {"off"})
    assert memory()._memo is None
    accel.set_flag(MEMO, mode="on")
    with calls_of(MEMO) as calls, strict():
        assert check(text, "gpt-4o") == check(text, "gpt-4o") == expected
    assert looked_up(calls) == (1, 1)


def test_a_share_of_texts_is_always_the_same() -> None:
    accel.set_flag(MEMO, percent=25)
    texts = [fresh() for _ in range(400)]
    with calls_of(MEMO) as first:
        expected = [check(text, "gpt-4o") for text in texts]
    with calls_of(MEMO) as second:
        assert [check(text, "gpt-4o") for text in texts] == expected
    chosen = first.python[NEW]
    assert first.python == {NEW: chosen, "percent": len(texts) - chosen}
    assert (second.native, second.python) == (chosen, {"percent": len(texts) - chosen})
    assert 50 < chosen < 150
    accel.set_flag(MEMO, percent=50)
    with calls_of(MEMO) as grown:
        assert [check(text, "gpt-4o") for text in texts] == expected
    assert grown.native == chosen, "who was in stays in"
    assert 130 < chosen + grown.python[NEW] < 270


@pytest.mark.parametrize("mode", ["on", "shadow"])
def test_what_is_found_is_compared_with_a_fresh_count(mode: str) -> None:
    texts = [fresh(length) for length in (60, 5000, 20_000)]
    expected = [check(text, "gpt-4o") for text in texts]
    accel.set_flag(MEMO, mode=mode, verify_percent=100)
    before = account(MEMO, None)["verified"]
    with calls_of(MEMO) as calls, strict():
        for _ in range(2):
            assert [check(text, "gpt-4o") for text in texts] == expected
    assert account(MEMO, None)["verified"] - before == 2 * len(texts)
    assert calls.native == (2 * len(texts) if mode == "on" else 0)
    assert calls.python == ({} if mode == "on" else {"shadow": 2 * len(texts)})


def test_a_declined_text_among_others() -> None:
    for _ in range(2):
        texts = [fresh(), "<EOT> " + fresh(), fresh()]
        messages = [{"role": "user", "content": text} for text in texts]
        for _ in range(2):
            ours = litellm.token_counter("claude-sonnet-4-5", messages=messages)
            with accel.disabled():
                assert ours == litellm.token_counter("claude-sonnet-4-5", messages=messages)
        for text in texts:
            check(text, "claude-sonnet-4-5")


def test_many_threads() -> None:
    texts = [fresh(length) for length in (60, 500, 9_000) for _ in range(40)]
    expected = {model: [counts(model)[1](text) for text in texts] for model in MODEL_OF.values()}

    def count(seed: int) -> bool:
        order = list(range(len(texts)))
        random.Random(seed).shuffle(order)
        return all(
            litellm.token_counter(model, text=texts[at]) == expected[model][at]
            for at in order
            for model in MODEL_OF.values()
        )

    with strict(), calls_of(MEMO) as calls, ThreadPoolExecutor(8) as threads:
        assert all(threads.map(count, range(16)))
    assert calls.total == 16 * len(texts) * len(MODEL_OF)
    assert calls.native > calls.total * 0.8


@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_a_forked_child_remembers_nothing_and_counts_the_same() -> None:
    text = fresh()
    expected = check(text, "gpt-4o")[1]

    def look() -> Iterator[Any]:
        with calls_of(MEMO) as calls:
            found = [counts("gpt-4o")[0](text) for _ in range(3)]
        return [found, calls.native, calls.python]  # type: ignore[return-value]

    assert in_a_fork(look) == [[expected] * 3, 2, {NEW: 1}]
    with calls_of(MEMO) as calls:
        check(text, "gpt-4o")
    assert looked_up(calls) == (1, 0)


@pytest.mark.parametrize("length", [60, 1500, 20_000])
def test_no_text_is_kept(length: int) -> None:
    text = "é" + fresh(length)
    messages = [{"role": "user", "content": text}]
    gc.collect()
    before = sys.getrefcount(text), len(gc.get_referrers(text))
    for model in MODEL_OF.values():
        for _ in range(2):
            counts(model)[0](text)
            litellm.token_counter(model, messages=messages)
    gc.collect()
    assert (sys.getrefcount(text), len(gc.get_referrers(text))) == before
