"""Random calls of LiteLLM's token counters: with accel as without, value for value and error for error."""

import copy
import logging
from collections import Counter
from collections.abc import Callable
from functools import reduce
from itertools import islice
from typing import Any

import litellm.rust_bridge.tokenizer
import pytest

from support.calls import calls_of
from support.conversations import Call, Conversations
from support.oddities import shared_objects
from support.original import outcome, without_seams
from support.scale import scaled

CALLS_PER_SHARD = 3_000
SHARDS = 10
BATCH = 250
KNOWN_REASONS = {
    "declined: lone surrogate",
    "declined: spells an added token",
    "declined: not a str",
    "declined: model is not a str",
    "declined: custom tokenizer",
    "declined: another Hugging Face tokenizer",
}


class Heard(logging.Handler):
    """Keeps what LiteLLM logs: a warning is a part of the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def answer(call: Call, heard: Heard) -> tuple[tuple[str, Any], list[str]]:
    """What the call comes to, on arguments of its own, and what it logs."""
    function = reduce(getattr, call.function.split("."), litellm)
    litellm.disable_hf_tokenizer_download = call.disable_hub
    heard.messages = []
    return outcome(function, **copy.deepcopy(call.keywords, shared_objects())), heard.messages


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    handler = Heard()
    monkeypatch.setattr(litellm.verbose_logger, "handlers", [handler])
    monkeypatch.setattr(litellm.verbose_logger, "propagate", False)
    return handler


@pytest.fixture(autouse=True)
def unreachable_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: LiteLLM warns and takes tiktoken, as it does wherever the hub cannot be reached."""

    def from_pretrained(*_arguments: object, **_keywords: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(litellm.rust_bridge.tokenizer, "from_pretrained", from_pretrained)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_calls(
    shard: int, heard: Heard, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", None)  # put back afterwards
    seed = f"calls {shard}"
    number = scaled(CALLS_PER_SHARD)
    stream = iter(Conversations(seed))
    outcomes: Counter[str] = Counter()
    warnings = 0
    reasons: Counter[str] = Counter()
    native = 0
    for start in range(0, number, BATCH):
        batch = list(islice(stream, min(BATCH, number - start)))
        with calls_of() as calls:
            with_accel = [answer(call, heard) for call in batch]
        native += calls.native
        reasons.update(calls.python)
        with without_seams(), calls_of() as nothing:
            without = [answer(call, heard) for call in batch]
        assert nothing.total == 0, "the comparison must not go through accel"
        for call, ours, theirs in zip(batch, with_accel, without, strict=True):
            assert ours == theirs, f"seed {seed!r}: {call!a}: accel {ours!a}, LiteLLM {theirs!a}"
        warnings += sum(len(messages) for _, messages in without)
        outcomes.update(kind for (kind, _), _ in without)
    assert set(reasons) <= KNOWN_REASONS, reasons
    if number >= CALLS_PER_SHARD:
        # Not a fuzzer that only finds errors, nor one that never reaches native code.
        assert native > number, outcomes
        assert outcomes["int"] > number / 3, outcomes
        assert outcomes["raised builtins.ValueError"] > number / 20, outcomes
        assert reasons.keys() == KNOWN_REASONS, reasons
        assert warnings > number / 200
    record_property(
        "calls", f"{number}: {dict(outcomes)}, {warnings} warnings; texts native {native}, python {dict(reasons)}"
    )
