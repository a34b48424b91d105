"""A call is decided once: seams inside it follow, and what native code is compared with is LiteLLM alone."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import litellm
import litellm.utils
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

import accel
from support.calls import Calls, account, calls_of, strict
from support.original import MODEL_OF, without_seams
from support.spy import spy
from support.work import MESSAGES, MODELS, TEXT, TOOLS, WORK

FEATURE = "token_counting"
# Calls with seams inside, were they Python's.
CALLS: dict[str, Callable[[str], Any]] = {
    "token_counter": lambda model: counter_module.token_counter(model=model, messages=MESSAGES, tools=TOOLS),
    "messages_reach_token_count": lambda model: counter_module.messages_reach_token_count(
        model, MESSAGES, 10_000, TOOLS
    ),
}
DOCUMENT = {"type": "document", "source": {"type": "text", "data": TEXT}, "title": TEXT}


@contextmanager
def by_seam() -> Iterator[dict[str, Calls]]:
    with ExitStack() as accounts:
        yield {seam: accounts.enter_context(calls_of(seam=seam)) for seam in WORK}


def totals(seams: dict[str, Calls]) -> dict[str, int]:
    return {seam: calls.total for seam, calls in seams.items() if calls.total}


@pytest.mark.parametrize("tokenizer", MODEL_OF)
@pytest.mark.parametrize("seam", CALLS)
def test_half_of_the_calls_each_as_a_whole(seam: str, tokenizer: str) -> None:
    accel.set_flag(FEATURE, percent=50)
    ways: Counter[str] = Counter()
    for _ in range(150):
        with by_seam() as seams, spy() as seen:
            CALLS[seam](MODEL_OF[tokenizer])
        assert totals(seams) == {seam: 1}
        if seams[seam].native:
            assert (seen["native"], seen["python"]) == (1, 0)
        else:
            assert seams[seam].python == {"percent": 1}
            assert seen["native"] == 0
            assert seen["python"] > 5
        ways["native"] += seams[seam].native
    assert 40 < ways["native"] < 110


@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_half_of_the_trimmed_conversations_each_as_a_whole(tokenizer: str) -> None:
    """As long as no message is shortened: those counts are calls of their own."""
    accel.set_flag(FEATURE, percent=50)
    messages = [{"role": "user", "content": f"{TEXT} {number}"} for number in range(4)]
    ways: Counter[str] = Counter()
    for _ in range(60):
        with by_seam() as seams, spy() as seen:
            kept = litellm.utils.process_messages(messages, 10_000, MODEL_OF[tokenizer])
        assert kept == messages
        assert totals(seams) == {"process_messages": 5}
        native = seams["process_messages"].native
        assert native in {0, 5}
        assert (seen["native"] > 0, seen["python"] > 0) == (native == 5, native == 0)
        ways["native"] += native == 5
    assert 15 < ways["native"] < 45


@pytest.mark.parametrize("seam", CALLS)
def test_an_excluded_model_is_wholly_pythons(seam: str) -> None:
    accel.set_flag(FEATURE, exclude=["gpt-4o"])
    with by_seam() as seams, spy() as seen:
        CALLS[seam]("gpt-4o")
    assert totals(seams) == {seam: 1}
    assert seams[seam].native == seen["native"] == 0
    with strict(), spy() as seen:
        CALLS[seam]("gpt-3.5-turbo")
    assert seen == {"native": 1, "python": 0}


@pytest.mark.parametrize("mode", ["on", "shadow"])
@pytest.mark.parametrize("seam", WORK)
def test_native_code_is_compared_with_litellm_alone(seam: str, mode: str) -> None:
    with strict(), calls_of(seam=seam) as native, spy() as natively:
        expected = WORK[seam]()
    with without_seams(), spy() as plainly:
        assert WORK[seam]() == expected
    accel.set_flag(FEATURE, mode=mode, verify_percent=100)
    before = account(FEATURE, seam)["verified"]
    # Nothing remembered: a count from the memo would be no proof.
    accel.set_flag("token_memo", mode="off")
    with by_seam() as seams, calls_of("token_memo") as looked_up, spy() as seen:
        assert WORK[seam]() == expected
    assert seams[seam].native == (native.native if mode == "on" else 0)
    assert seams[seam].python == ({} if mode == "on" else {"shadow": native.native})
    assert account(FEATURE, seam)["verified"] - before == native.native
    assert seams[seam].mismatched == 0
    assert looked_up.native == 0
    if seam != "process_messages":
        # No seam inside took part: as many native calls as natively, and as many of tokenizers as without accel.
        assert totals(seams) == {seam: native.native}
        assert (seen["native"], seen["python"]) == (natively["native"], plainly["python"])
    else:
        # Shortening counts through the public counter, in calls of its own.
        assert totals(seams).keys() == {seam, "token_counter"}


@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_a_declined_call_has_its_texts_counted_natively(tokenizer: str) -> None:
    messages = [{"role": "user", "content": [DOCUMENT, {"type": "text", "text": TEXT}]}]
    model = MODEL_OF[tokenizer]
    with by_seam() as seams, spy() as seen:
        ours = litellm.token_counter(model, messages=messages, tools=TOOLS)
    with without_seams():
        assert ours == litellm.token_counter(model, messages=messages, tools=TOOLS)
    assert seams["token_counter"].python == {"declined: document or file block": 1}
    exact, tools = seams["_get_exact_count_function"], seams["_format_function_definitions"]
    # The role, the title, the document, the text, the tools.
    assert (exact.native, exact.python, tools.native, tools.python) == (5, {}, 1, {})
    # And the whole prompt, which declined.
    assert seen == {"native": 7, "python": 0}


def test_the_texts_of_a_declined_call_are_compared_too() -> None:
    accel.set_flag(FEATURE, verify_percent=100)
    messages = [{"role": "user", "content": [DOCUMENT]}]
    before = account(FEATURE, "_get_exact_count_function")["verified"]
    with by_seam() as seams:
        litellm.token_counter("gpt-4o", messages=messages)
    assert seams["token_counter"].python == {"declined: document or file block": 1}
    assert seams["_get_exact_count_function"].native == 3
    assert account(FEATURE, "_get_exact_count_function")["verified"] - before == 3


def test_the_texts_of_a_declined_call_go_the_way_of_the_call() -> None:
    accel.set_flag(FEATURE, percent=50)
    messages = [{"role": "user", "content": [DOCUMENT]}]
    ways: Counter[str] = Counter()
    for _ in range(100):
        with by_seam() as seams:
            litellm.token_counter("gpt-4o", messages=messages)
        whole, exact = seams["token_counter"], seams["_get_exact_count_function"]
        if whole.python == {"percent": 1}:
            assert exact.total == 0
        else:
            assert whole.python == {"declined: document or file block": 1}
            assert (exact.native, exact.python) == (3, {})
        ways.update(whole.python)
    assert min(ways.values()) > 20
    assert len(ways) == 2


def test_while_the_feature_is_off_nothing_is_native() -> None:
    expected = {seam: WORK[seam]() for seam in WORK}
    with accel.disabled(), calls_of() as calls, spy() as seen:
        assert {seam: WORK[seam]() for seam in WORK} == expected
    assert (calls.native, calls.python.keys(), seen["native"]) == (0, {"off"}, 0)
    assert seen["python"] > len(MODELS)
