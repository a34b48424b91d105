"""The twin of every parity test: proves that native code gave the answers that were compared."""

import litellm
import pytest

import accel
from accel.errors import FellBack
from support.calls import calls_of, strict
from support.original import MODEL_OF, counts
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


@pytest.mark.parametrize("model", [*MODEL_OF.values(), "", None, "no such model", "openai/gpt-4o"])
def test_token_counter_is_native_for_every_string(model: str | None) -> None:
    messages = [
        {"role": "user", "content": TEXTS["short"], "name": "Ada"},
        {"role": "assistant", "content": [{"type": "text", "text": "Sì."}]},
    ]
    tools = [
        {"type": "function", "function": {"name": "height", "description": "Of a mountain.", "parameters": {}}}
    ]
    with strict(), calls_of() as calls:
        litellm.token_counter(model=model, messages=messages, tools=tools)
    # role, content, name; role, text; the tools
    assert (calls.native, calls.python) == (6, {})


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
