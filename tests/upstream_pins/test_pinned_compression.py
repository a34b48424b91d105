"""`compress`: the counts that decide whether a conversation is compressed and that it reports."""

from typing import Any

import pytest
from litellm.compression.compress import compress
from litellm.types.utils import CallTypes

from support.pins import native, pinned, user

KEPT = user([{"type": "text", "text": "a line to be kept " * 2000, "cache_control": {"type": "ephemeral"}}])
STALE = user([{"type": "text", "text": "an old line of the log " * 2000}])
CONVERSATION = [
    KEPT,
    {"role": "assistant", "content": "noted"},
    STALE,
    {"role": "assistant", "content": "yes"},
    user("and now?"),
]


def figures(**keywords: Any) -> tuple[int, int, float]:
    result = compress(CONVERSATION, model="gpt-4o", **keywords)
    return result["original_tokens"], result["compressed_tokens"], result["compression_ratio"]


@pytest.mark.parametrize("call_type", [CallTypes.anthropic_messages, CallTypes.completion])
def test_a_conversation_above_the_trigger(call_type: CallTypes) -> None:
    limits = {"compression_trigger": 1000, "compression_target": 500}
    pinned((22_095, 10_111, 0.5424), figures, call_type=call_type, **limits)
    with native():
        result = compress(CONVERSATION, model="gpt-4o", call_type=call_type, **limits)
    assert len(result["messages"]) == len(CONVERSATION)
    assert result["messages"][0] == KEPT
    assert result["messages"][2] != STALE
    assert len(result["cache"]) == 2


@pytest.mark.parametrize(("trigger", "compressed"), [(22_095, 22_095), (22_094, 10_111)])
def test_the_trigger_to_the_token(trigger: int, compressed: int) -> None:
    expected = (22_095, compressed, 0.0 if compressed == 22_095 else 0.5424)
    keywords: dict[str, Any] = {"call_type": CallTypes.completion, "compression_target": 500}
    pinned(expected, figures, compression_trigger=trigger, **keywords)
