"""`messages_reach_token_count` just below, at and above the true count of each prefix of a prompt."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils import token_counter as counter_module

from support.calls import calls_of, strict
from support.comparison import SEAMS, Call, compare
from support.conversations import Conversations
from support.network import no_network
from support.original import MODEL_OF, outcome, without_seams
from support.scale import scaled

SEAM = "messages_reach_token_count"
PROMPTS = 350


def stream(seed: str) -> Iterator[Call]:
    """Thresholds around the count of LiteLLM, whoever counts it."""
    conversations = Conversations(seed)
    while True:
        prompt = {"model": conversations.chance.random.choice([*MODEL_OF.values(), None])}
        prompt["messages"] = conversations.messages()
        conversations.chance.put(prompt, 0.4, "tools", conversations.tools.several)
        if not isinstance(prompt["messages"], (list, tuple)):
            continue
        kind, count = outcome(litellm.token_counter, **prompt)
        if kind != "int":
            count = 30
        for threshold in (0, -1, 1, 3, 4, count - 1, count, count + 1, count // 2, -count):
            yield Call(f"{SEAMS[SEAM]}:{SEAM}", {**prompt, "threshold": threshold})


@pytest.mark.parametrize("shard", range(2))
def test_random_thresholds(shard: int) -> None:
    number = 10 * scaled(PROMPTS)
    with no_network():
        compared = compare(partial(stream, f"thresholds {shard}"), number)
    calls = compared.by_seam[SEAM]
    assert calls.total == number
    assert calls.native > number / 2, calls
    assert compared.outcomes["bool"] > number * 0.8, compared


MESSAGES = [{"role": role, "content": f"Of {role}s."} for role in ("system", "user", "assistant", "user")]


@pytest.mark.parametrize("model", [*MODEL_OF.values(), "gpt-3.5-turbo-0301", None, ""])
@pytest.mark.parametrize("tools", [None, [], [{"name": "f", "description": "d"}]], ids=ascii)
def test_every_threshold(model: str | None, tools: Any) -> None:
    def reached() -> list[bool]:
        reach = counter_module.messages_reach_token_count
        return [reach(model, MESSAGES, threshold, tools) for threshold in range(-2, 80)]

    with strict(), calls_of(seam=SEAM) as calls:
        ours = reached()
    assert calls.native == len(ours)
    with without_seams():
        assert ours == reached()
    assert ours[0]
    assert not ours[-1]


def test_a_wrong_message_beyond_the_threshold_is_never_looked_at() -> None:
    """LiteLLM stops before it, so there is no error; where it must be looked at, there is."""
    messages = [*MESSAGES, {"role": "user", "content": [{"type": "weird"}]}]
    for threshold in (5, 500):
        with calls_of(seam=SEAM) as calls:
            ours = outcome(counter_module.messages_reach_token_count, "gpt-4o", messages, threshold)
        with without_seams():
            assert ours == outcome(counter_module.messages_reach_token_count, "gpt-4o", messages, threshold)
        assert ours[0] == ("bool" if threshold == 5 else "raised builtins.ValueError")
        assert calls.python == {"declined: LiteLLM raises": 1}


@pytest.mark.parametrize("threshold", [2**63, -(2**63) - 1, 10**30, True, 17.0, "17", None], ids=ascii)
def test_an_odd_threshold_is_litellms(threshold: object) -> None:
    with calls_of(seam=SEAM) as calls:
        ours = outcome(counter_module.messages_reach_token_count, "gpt-4o", MESSAGES, threshold)
    with without_seams():
        assert ours == outcome(counter_module.messages_reach_token_count, "gpt-4o", MESSAGES, threshold)
    assert (calls.native, calls.python) == (0, {"declined: odd threshold": 1})
