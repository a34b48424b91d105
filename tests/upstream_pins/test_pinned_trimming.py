"""`trim_messages` and its helpers: what is left of a conversation, to the letter."""

import copy
import json
import logging
from typing import Any
from unittest import mock

import litellm
import pytest
from litellm import utils
from litellm.types.utils import ChatCompletionMessageToolCall, Function, Message

import accel
from support.pins import alike, pinned, user

SYSTEM = {"role": "system", "content": "Answer in one short sentence."}
WENT = user("The lock keeper wrote down every ship that went out with the evening tide.")
CAME = user("The next morning he wrote down every one of them that had come back again.")
WORD = user("This harbourmastersdaughterinlawsbicycle")


def trim(messages: list[Any], **keywords: Any) -> Any:
    """Of a copy, which must be left as it was."""
    given = copy.deepcopy(messages)
    trimmed = litellm.utils.trim_messages(given, **keywords)
    assert given == messages
    return trimmed


# Messages, model, max_tokens; what is left, and its tokens.
CASES: dict[str, tuple[list[Any], str, int | None, list[Any], int]] = {
    "shortened to almost nothing": ([WENT], "claude-2", 8, [user("....")], 8),
    "by Anthropic's tokenizer": ([WENT], "claude-sonnet-4-5", 12, [user("T...")], 9),
    "by the limit of the model": ([WENT], "gpt-4", None, [WENT], 22),
    "the newest, shortened": (
        [WENT, CAME],
        "gpt-3.5-turbo",
        20,
        [user("The next morning he..ad come back again.")],
        17,
    ),
    "the newest": ([WENT, CAME], "gpt-3.5-turbo", 30, [CAME], 23),
    "all": ([WENT, CAME], "gpt-3.5-turbo", 100, [WENT, CAME], 42),
    "one of many": ([dict(WORD) for _ in range(5)], "gpt-4-0613", 20, [WORD], 15),
    "nothing fits": ([WORD], "gpt-4-0613", 5, [], 3),
    "system and user": ([SYSTEM, CAME], "gpt-4-0613", 60, [SYSTEM, CAME], 33),
    "only the system message fits": ([SYSTEM, WENT], "gpt-4-0613", 26, [SYSTEM], 13),
    "the system message is shortened": (
        [SYSTEM, WENT],
        "gpt-4-0613",
        12,
        [{"role": "system", "content": "Answer in .. sentence."}],
        12,
    ),
    "a model without a limit": ([WENT], "no-such-model", None, [WENT], 22),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_left(name: str) -> None:
    messages, model, max_tokens, left, tokens = CASES[name]
    if model == "no-such-model":
        alike(left, trim, messages, model=model, max_tokens=max_tokens)
    else:
        pinned(left, trim, messages, model=model, max_tokens=max_tokens)
    alike(tokens, utils.get_token_count, messages=left, model=model)


def test_the_tokens_for_the_reply_can_be_asked_for() -> None:
    expected = ([SYSTEM], 0)  # what the system message took is gone already
    pinned(expected, trim, [SYSTEM, WENT], model="gpt-4-0613", max_tokens=26, return_response_tokens=True)


@pytest.mark.parametrize(
    ("model", "limit", "tokens", "chars"),
    [("gpt-4", 8192, 6136, 34_444), ("claude-sonnet-4-5", 200_000, 149_992, 637_398)],
)
def test_a_large_prompt_is_cut_to_three_quarters_of_the_limit(
    model: str, limit: int, tokens: int, chars: int
) -> None:
    assert litellm.model_cost[model]["max_input_tokens"] == limit
    trimmed = trim([SYSTEM, user("A short sentence." * 100_000)], model=model)
    assert [len(message["content"]) for message in trimmed] == [29, chars]
    pinned(tokens, utils.get_token_count, messages=trimmed, model=model)


def heights() -> list[Any]:
    """A conversation whose last three messages are answers of a tool."""
    places = {"1": "Husum", "2": "Emden", "3": "Brake"}
    calls = [
        ChatCompletionMessageToolCall(
            id=number, type="function", function=Function(name="tide", arguments=json.dumps({"place": place}))
        )
        for number, place in places.items()
    ]
    answers = [{"role": "tool", "tool_call_id": number, "name": "tide", "content": "3.1 m"} for number in places]
    asked = Message(role="assistant", content=None, tool_calls=calls)
    return [user("How high is the water in Husum, Emden and Brake?"), asked, *answers]


def test_answers_of_tools_at_the_end_always_stay() -> None:
    alike(heights()[-3:], trim, heights(), max_tokens=1)
    alike(heights(), trim, heights(), max_tokens=999)


def test_a_field_that_is_no_text_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    messages = [SYSTEM, {**WENT, "user_id": 123}, *heights()]
    with caplog.at_level(logging.ERROR, logger="LiteLLM"):
        alike(messages, trim, messages, max_tokens=999)
    assert not caplog.records


def test_what_cannot_be_counted_is_given_back_untrimmed(caplog: pytest.LogCaptureFixture) -> None:
    messages = [SYSTEM, user([{"type": "riddle"}])]
    with caplog.at_level(logging.ERROR, logger="LiteLLM"):
        alike(messages, trim, messages, model="gpt-4", max_tokens=5)
    assert len(caplog.records) == 2
    assert "Got exception while token trimming" in caplog.records[0].getMessage()
    assert caplog.records[0].getMessage() == caplog.records[1].getMessage()


def test_the_system_message_alone() -> None:
    twice, often = "Keep the log. " * 2, "Keep the log. " * 30
    pinned(({"role": "system", "content": twice}, 14), utils.process_system_message, twice, 30, "m")
    cut = "Keep the log. Keep the log. Keep the ..the log. Keep the log. Keep the log. "
    pinned(({"role": "system", "content": cut}, 0), utils.process_system_message, often, 30, "m")


def by_length(messages: list[Any], model: Any) -> int:
    return sum(len(message["content"]) for message in messages)


@pytest.mark.parametrize(
    ("content", "before", "limit", "expected"),
    [
        ("Hello", ["Existing message"], 50, True),
        ("This is a longer one", ["Existing message"], 30, False),
        ("Exact", ["Existing message"], 21, True),
        ("New", [], 3, True),
        ("", ["Existing message"], 15, False),
    ],
)
def test_a_replaced_count_decides_whether_a_message_fits(
    content: str, before: list[str], limit: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utils, "get_token_count", by_length)
    alike(expected, utils.can_add_message, user(content), [user(text) for text in before], limit, "m")


def test_a_replaced_count_decides_what_process_messages_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "get_token_count", by_length)
    messages = [user("a" * 30), user("b" * 40), user("c" * 50)]
    alike(messages, utils.process_messages, messages, 130, "m")
    alike(messages[1:], utils.process_messages, messages, 93, "m")
    alike([], utils.process_messages, [], 300, "m")
    # The middle of the oldest that does not fit is cut out.
    kept = utils.process_messages(copy.deepcopy(messages), 110, "m")
    assert [len(message["content"]) for message in kept] == [20, 40, 50]


def test_each_replaced_helper_of_trimming_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trimming looks its helpers up when it runs: a native one in their place must see a replacement."""
    short = [user("short")]
    for name, double in (
        ("process_messages", mock.Mock(return_value=short)),
        ("attempt_message_addition", mock.Mock(return_value=short)),
        ("shorten_message_to_fit_limit", mock.Mock(return_value=short[0])),
        ("can_add_message", mock.Mock(return_value=True)),
        ("get_token_count", mock.Mock(return_value=3)),
        ("token_counter", mock.Mock(return_value=500)),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(utils, name, double)
            ours = trim([WENT, CAME], model="gpt-3.5-turbo", max_tokens=20)
            calls = double.call_count
            with accel.disabled():
                assert trim([WENT, CAME], model="gpt-3.5-turbo", max_tokens=20) == ours, name
            assert double.call_count == 2 * calls > 0, name


def test_a_tiny_limit_makes_no_progress_in_this_release() -> None:
    """LiteLLM keeps `content[-0:]`, all of it, when half of the new length is nothing."""
    shortened = {"role": "user", "content": "." * 18 + "xx..xx"}
    shorten = utils.shorten_message_to_fit_limit
    trimmed = shorten(user("x" * 100), tokens_needed=1, model="claude")
    assert trimmed == shortened
    alike(user("x" * 100), shorten, user("x" * 100), tokens_needed=10, model="gpt-4")
