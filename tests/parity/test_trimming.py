"""Trimming (`process_messages`, `trim_messages`): what is kept, and what becomes of the given messages."""

import copy
import logging
from collections.abc import Callable
from typing import Any
from unittest import mock

import litellm.utils
import pytest
import tiktoken

from support.calls import calls_of, strict
from support.comparison import Answer, Call, answer, compare, shown
from support.network import no_network
from support.original import MODEL_OF, without_seams
from support.scale import scaled
from support.texts import PROSE
from support.trims import Trims

SEAM = "process_messages"
CALLS_PER_SHARD = 1_500
# Of a whole prompt or of one message: the seam itself has only these of its own.
OWN_REASONS = {"declined: a message twice", "declined: messages are not a list of dicts"}


@pytest.mark.parametrize("shard", range(4))
def test_random_trims(
    shard: int, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    number = scaled(CALLS_PER_SHARD)
    # Errors of `trim_messages` end in the log.
    monkeypatch.setattr(litellm.verbose_logger, "handlers", [logging.NullHandler()])
    monkeypatch.setattr(litellm.verbose_logger, "propagate", False)

    def come_to(call: Call) -> Answer:
        given = call.keywords["messages"]
        kind, value = answer(call)
        return kind, (value, shown(given) if isinstance(given, (list, tuple)) else None)

    with no_network():
        compared = compare(lambda: iter(Trims(f"trims {shard}")), number, come_to)
    calls = compared.by_seam[SEAM]
    assert calls.failed == 0
    if number >= CALLS_PER_SHARD:
        assert calls.python.keys() >= OWN_REASONS, calls
        assert calls.native > calls.total * 0.8, calls
        assert compared.outcomes["list"] > number / 2, compared
        assert compared.outcomes["tuple"] > number / 20, compared
        assert sum(times for kind, times in compared.outcomes.items() if "raised" in kind) > number / 50, compared
    record_property("trims", f"{compared}")


def conversation(length: int) -> list[dict[str, Any]]:
    return [{"role": "user", "content": PROSE[at * 100 : at * 100 + 100]} for at in range(length)]


@pytest.mark.parametrize("model", MODEL_OF.values())
def test_the_work_grows_with_the_messages_and_not_with_their_square(model: str) -> None:
    for length in (50, 200):
        with strict(), calls_of(seam=SEAM) as calls, calls_of() as all_calls:
            kept = litellm.utils.process_messages(conversation(length), 10**6, model)
        assert len(kept) == length
        assert (calls.native, all_calls.native) == (1 + length, 1 + length)


def test_litellms_work_grows_with_the_square() -> None:
    """Else the test above would praise nothing: the text that the tokenizer of LiteLLM sees, and with accel."""
    seen = []
    for length in (20, 40):
        with (
            without_seams(),
            mock.patch.object(
                tiktoken.Encoding, "encode", autospec=True, wraps=tiktoken.Encoding.encode
            ) as encode,
        ):
            litellm.utils.process_messages(conversation(length), 10**6, "gpt-4o")
        seen.append(sum(len(call.args[1]) for call in encode.call_args_list))
    assert seen[1] > 3 * seen[0]


@pytest.mark.parametrize("budget", range(3, 60))
@pytest.mark.parametrize("model", MODEL_OF.values())
def test_every_small_budget(model: str, budget: int) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Tell me of the sea, and of all that lives in it."},
        {"role": "assistant", "content": "It is salt.", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "tool", "content": "deep", "tool_call_id": "1"},
        {"role": "user", "content": "And of the mountains? " * 3},
    ]

    def trimmed() -> Any:
        given = copy.deepcopy(messages)
        return litellm.utils.process_messages(given, budget, model), given

    with strict():
        ours = trimmed()
    with without_seams():
        assert ours == trimmed()


def test_what_is_kept_are_the_given_objects() -> None:
    messages = conversation(5)
    kept = litellm.utils.process_messages(messages, 60, "gpt-4o")
    assert 0 < len(kept) < 5
    assert all(message is given for message, given in zip(kept, messages[-len(kept) :], strict=True))
