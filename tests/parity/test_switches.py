"""LiteLLM's own switches, and types that only look right: what they change is LiteLLM's."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import litellm
import pytest

from support.calls import calls_of, strict
from support.oddities import Message, Text
from support.original import MODEL_OF, counts, outcome, without_seams
from support.work import WORK

MESSAGES = [{"role": "user", "content": "Tell me something about the sea."}]


@pytest.mark.parametrize("value", [True, 1, "True", None])
def test_disable_token_counter(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only True itself disables."""
    monkeypatch.setattr(litellm, "disable_token_counter", value)
    with strict(), calls_of() as calls:
        ours = litellm.token_counter("gpt-4o", messages=MESSAGES)
    with without_seams():
        assert ours == litellm.token_counter("gpt-4o", messages=MESSAGES)
    assert (ours == 0, calls.native) == ((True, 0) if value is True else (False, 1))


# Seams that LiteLLM's logging does not concern: their functions write nothing.
SILENT = {"_format_function_definitions", "get_image_dimensions", "_approximate_input_size"}


def logged(work: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> tuple[Any, list[str]]:
    """What the work comes to, and what it writes into LiteLLM's log."""
    caplog.clear()
    result = work()
    mine = litellm.verbose_logger.name, threading.get_ident()
    return result, [record.getMessage() for record in caplog.records if (record.name, record.thread) == mine]


@pytest.mark.parametrize("seam", WORK)
def test_debug_logging_goes_through_python(
    seam: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with strict():
        usual = WORK[seam]()
    monkeypatch.setattr(litellm.verbose_logger, "handlers", [caplog.handler])
    monkeypatch.setattr(litellm.verbose_logger, "propagate", False)
    caplog.set_level(logging.DEBUG, litellm.verbose_logger.name)
    with calls_of(seam=seam) as calls:
        ours = logged(WORK[seam], caplog)
    with without_seams():
        assert ours == logged(WORK[seam], caplog)
    assert ours[0] == usual
    if seam in SILENT:
        assert (calls.python, ours[1]) == ({}, [])
    else:
        assert (calls.native, calls.python.keys()) == (0, {"declined: verbose logging"})
        assert (ours[1] != []) == (seam in {"token_counter", "process_messages"})


@pytest.mark.parametrize("seam", WORK)
def test_set_verbose_goes_through_python(
    seam: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "set_verbose", True)
    with calls_of(seam=seam) as calls:
        ours = WORK[seam](), capsys.readouterr().out
    with without_seams():
        assert ours == (WORK[seam](), capsys.readouterr().out)
    if seam not in SILENT:
        assert (calls.native, calls.python.keys()) == (0, {"declined: verbose logging"})


def test_set_verbose_tells_of_an_unknown_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # LiteLLM tells of a model that is OpenAI's and that tiktoken does not know.
    monkeypatch.setattr(litellm, "open_ai_chat_completion_models", {"house-model"})
    monkeypatch.setattr(litellm, "set_verbose", True)
    litellm.token_counter("house-model", messages=MESSAGES)
    ours = capsys.readouterr().out
    with without_seams():
        litellm.token_counter("house-model", messages=MESSAGES)
    assert ours == capsys.readouterr().out
    assert "model not found" in ours


@pytest.mark.parametrize("value", [True, 1, None])
@pytest.mark.parametrize("seam", WORK)
def test_the_counter_is_disabled_for_every_seam(seam: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "disable_token_counter", value)
    with calls_of(seam=seam) as calls:
        ours = WORK[seam]()
    with without_seams():
        assert ours == WORK[seam]()
    counts_prompts = seam in {"token_counter", "messages_reach_token_count", "process_messages"}
    assert (calls.total == 0) == (value is True and counts_prompts)
    assert calls.python == {}


@pytest.mark.parametrize("tokenizer", MODEL_OF)
@pytest.mark.parametrize(
    "text", [Text("a text of its own kind"), b"bytes", ["a", "list"], None, 7, 1.5], ids=ascii
)
def test_what_is_not_exactly_a_str_is_litellms(text: Any, tokenizer: str) -> None:
    with_seam, original = counts(MODEL_OF[tokenizer])
    with calls_of() as calls:
        assert outcome(with_seam, text) == outcome(original, text)
    assert (calls.native, calls.python) == (0, {"declined: not a str": 1})


@pytest.mark.parametrize(
    "model", [Text("gpt-4o"), Text("claude-sonnet-4-5"), 7, 1.5, b"gpt-4o", ("gpt-4o",)], ids=ascii
)
def test_a_model_that_is_not_exactly_a_str_is_litellms(model: Any) -> None:
    with calls_of() as calls:
        ours = outcome(litellm.token_counter, model, messages=MESSAGES)
    with without_seams():
        assert ours == outcome(litellm.token_counter, model, messages=MESSAGES)
    assert calls.native == 0
    assert calls.python.keys() <= {"declined: model is not a str"}


@pytest.mark.parametrize("model", [[], {}, set()], ids=ascii)
def test_an_unhashable_model_raises_as_before(model: Any) -> None:
    ours = outcome(litellm.token_counter, model, text="some text")
    with without_seams():
        assert ours == outcome(litellm.token_counter, model, text="some text")
    assert ours[0].startswith("raised")


@pytest.mark.parametrize("value", [False, None, 0, True])
def test_only_false_itself_adds_the_priming_of_a_reply(value: object) -> None:
    with strict():
        ours = litellm.token_counter("gpt-4o", messages=MESSAGES, count_response_tokens=value)
    with without_seams():
        assert ours == litellm.token_counter("gpt-4o", messages=MESSAGES, count_response_tokens=value)


def test_messages_of_other_kinds() -> None:
    messages = [
        litellm.Message(role="assistant", content="Of the sea?"),
        Message(role="user", content=[Message(type="text", text="hidden behind get()")]),
        {"role": Text("user"), "content": Text("Yes."), Text("name"): "Ada"},
    ]
    with calls_of() as calls:
        ours = litellm.token_counter("claude-sonnet-4-5", messages=messages)
    with without_seams():
        assert ours == litellm.token_counter("claude-sonnet-4-5", messages=messages)
    # The prompt is Python's; its texts are not, but for the two that are no plain str.
    assert calls.python == {"declined: message is not a dict": 1, "declined: not a str": 2}
    assert calls.native == 5
