"""The twin of every parity test: proves that native code gave the answers that were compared."""

from typing import Any

import litellm
import pytest

import accel
from accel.errors import FellBack
from support.calls import calls_of, strict
from support.comparison import SEAMS, Answer, Call, answer, compare, live
from support.original import MODEL_OF, counts, without_seams
from support.texts import CODE, PROSE

# By what the border does with them: read in place, copied when not ASCII, counted without the GIL.
TEXTS = {
    "empty": "",
    "one character": "x",
    "short": "Wie hoch ist der Mont Blanc? – 4 805 m, dit-on. 🏔️",
    "1,024": (PROSE[:512] + "漢字" * 256)[:1024],
    "1,025 ASCII": CODE[:1025].encode("ascii", "replace").decode(),
    "1,025 not ASCII": "é" + PROSE[:1024],
    "8,192": "é" + CODE[:8191],
    "8,193 ASCII": PROSE[:8193].encode("ascii", "replace").decode(),
    "8,193 not ASCII": "𝒜" + PROSE[:8192],
    "300,000": PROSE[:150_000] + "é" + CODE[:149_999],
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_the_count_function_is_native(tokenizer: str, text: str) -> None:
    with_seam, original = counts(MODEL_OF[tokenizer])
    with strict(), calls_of() as calls:
        counted = with_seam(text)
    assert (calls.native, calls.python) == (1, {})
    assert counted == original(text)


MESSAGES = [
    {"role": "user", "content": TEXTS["short"], "name": "Ada"},
    {"role": "assistant", "content": [{"type": "text", "text": "Sì."}]},
]
TOOLS = [{"type": "function", "function": {"name": "height", "description": "Of a mountain.", "parameters": {}}}]


@pytest.mark.parametrize("model", [*MODEL_OF.values(), "", None, "no such model", "openai/gpt-4o"])
def test_a_whole_prompt_is_one_native_call(model: str | None) -> None:
    with strict(), calls_of() as calls, calls_of(seam="token_counter") as of_seam:
        ours = litellm.token_counter(model=model, messages=MESSAGES, tools=TOOLS)
    assert (calls.native, calls.python) == (of_seam.native, of_seam.python) == (1, {})
    with without_seams():
        assert ours == litellm.token_counter(model=model, messages=MESSAGES, tools=TOOLS)


# For each seam: arguments that need no Python.
DIRECT: dict[str, dict[str, Any]] = {
    "token_counter": {"model": "gpt-4o", "messages": MESSAGES, "tools": TOOLS},
    "messages_reach_token_count": {"model": "gpt-4o", "messages": MESSAGES, "threshold": 17, "tools": TOOLS},
    "_get_exact_count_function": {"model": "gpt-4o"},
    "_format_function_definitions": {"tools": TOOLS},
    "get_image_dimensions": {"data": "data:image/gif;base64,R0lGODlhAQABAAAAACw="},
    "process_messages": {"messages": MESSAGES, "max_tokens": 1000, "model": "gpt-4o"},
    "_approximate_input_size": {"request_body": {"messages": MESSAGES, "tools": TOOLS}},
}


@pytest.mark.parametrize("seam", SEAMS)
def test_each_seam_is_native_and_keeps_its_own_account(seam: str) -> None:
    call = Call(f"{SEAMS[seam]}:{seam}", DIRECT[seam])

    def come_to(call: Call) -> Answer:
        if seam == "_get_exact_count_function":
            return "int", live(call.function)(**call.keywords)(TEXTS["short"])
        return answer(call)

    with strict():
        compared = compare(lambda: iter([call]), 1, come_to)
    # Trimming counts once before the messages and once for each of them.
    native = 1 + len(MESSAGES) if seam == "process_messages" else 1
    assert {name: calls.native for name, calls in compared.by_seam.items() if calls.total} == {seam: native}


@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_the_tally_tells_python_from_native(tokenizer: str) -> None:
    """Were native code never called, the tests above would fail: this is what the tally shows then."""
    with accel.disabled(), calls_of() as off:
        with_seam, _ = counts(MODEL_OF[tokenizer])
        with_seam(TEXTS["short"])
    assert (off.native, off.python) == (0, {"off": 1})
    accel.set_flag("token_counting", percent=0)
    with calls_of() as none:
        with_seam, _ = counts(MODEL_OF[tokenizer])
        with_seam(TEXTS["short"])
    assert (none.native, none.python) == (0, {"percent": 1})


@pytest.mark.parametrize("tokenizer", MODEL_OF)
def test_strict_mode_tells_a_decline(tokenizer: str) -> None:
    with_seam, _ = counts(MODEL_OF[tokenizer])
    with strict(), calls_of() as calls, pytest.raises(FellBack, match="declined: lone surrogate"):
        with_seam("\ud800")
    assert (calls.native, calls.python) == (0, {"declined: lone surrogate": 1})


@pytest.mark.parametrize("tokenizer", MODEL_OF)
@pytest.mark.parametrize("mode", ["shadow", "on"])
def test_native_code_runs_when_it_is_only_compared(mode: str, tokenizer: str) -> None:
    accel.set_flag("token_counting", mode=mode, verify_percent=100)
    before = accel.status().features["token_counting"]["calls"]["verified"]
    with_seam, original = counts(MODEL_OF[tokenizer])
    assert [with_seam(text) for text in TEXTS.values()] == [original(text) for text in TEXTS.values()]
    assert accel.status().features["token_counting"]["calls"]["verified"] - before == len(TEXTS)
