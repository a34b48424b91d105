"""Messages: what each key of a message counts, and what a conversation adds to its strings."""

from typing import Any

import litellm
import pytest

from support.pins import counts, counts_partly, refused, user

SYSTEM = {"role": "system", "content": "Answer in one short sentence."}
FERRY = user("When does the ferry leave?")
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "tide", "arguments": '{"place":"Cuxhaven","day":3}'},
}
RESULT = {"role": "tool", "tool_call_id": "call_1", "name": "tide", "content": "high at 04:12"}

# A message, and its tokens in the Azure spelling of gpt-3.5-turbo, in gpt-4o and in claude-sonnet-4-5.
MESSAGES: dict[str, tuple[dict[str, Any], int, int, int]] = {
    "system": (SYSTEM, 13, 13, 13),
    "long system": (
        {
            "role": "system",
            "content": "You explain tides to sailors: say when the water turns, name the harbour, "
            "and never guess a depth.",
        },
        30,
        29,
        30,
    ),
    "one accented letter": ({"role": "system", "content": "ü"}, 8, 8, 8),
    "with a name": (user("Is the lock open at noon?", name="harbour_master"), 18, 18, 19),
    "user": (FERRY, 13, 13, 13),
    "assistant": (
        {
            "role": "assistant",
            "content": "The ferry leaves at 07:45, 12:10 and 18:30; on Sundays only at noon. "
            "Bring the ticket [timetable-2.pdf].",
        },
        42,
        42,
        41,
    ),
    "emoji and kanji": (user("⛵ 港まで 3 km"), 17, 15, 15),
    "empty": (user(""), 7, 7, 7),
}
MODELS = ("gpt-35-turbo", "gpt-4o", "claude-sonnet-4-5")


@pytest.mark.parametrize("index", range(len(MODELS)), ids=MODELS)
@pytest.mark.parametrize("name", MESSAGES)
def test_one_message(name: str, index: int) -> None:
    message, *expected = MESSAGES[name]
    counts(expected[index], model=MODELS[index], messages=[message])


@pytest.mark.parametrize("index", range(len(MODELS)), ids=MODELS)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_response_is_not_primed(name: str, index: int) -> None:
    message, *expected = MESSAGES[name]
    counts(expected[index] - 3, model=MODELS[index], messages=[message], count_response_tokens=True)


def test_an_anthropic_model_without_its_own_tokenizer() -> None:
    counts(13, model="claude-2", messages=[FERRY])


@pytest.mark.parametrize(
    "model", ["gpt-3.5-turbo", "claude-2", "gemini/chat-bison", "ollama/llama2", "anthropic.claude-instant-v1"]
)
def test_models_of_any_provider_are_counted(model: str) -> None:
    counts(13, model=model, messages=[FERRY])


def test_a_flag_in_a_message_counts_nothing() -> None:
    counts(18, model="gpt-3.5-turbo", messages=[FERRY, {"role": "assistant", "content": "At"}])
    prefixed = {"role": "assistant", "content": "At", "prefix": True}
    counts_partly(18, model="gpt-3.5-turbo", messages=[FERRY, prefixed])
    counts_partly(13, model="gpt-4o", messages=[{**FERRY, "user_id": 123}])


def test_a_conversation_with_a_tool() -> None:
    asked = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    counts(54, model="gpt-3.5-turbo", messages=[SYSTEM, FERRY, asked, RESULT])


def test_a_call_that_is_none_counts_nothing() -> None:
    counts(9, messages=[user("hey there", tool_calls=None)])


@pytest.mark.parametrize(("arguments", "expected"), [('{"place":"Cuxhaven"}', 24), ("B" * 4000, 1017)])
def test_an_old_function_call_counts_as_a_tool_call(arguments: str, expected: int) -> None:
    function = {"name": "tide", "arguments": arguments}
    old = {"role": "assistant", "content": None, "function_call": function}
    calls = [{"id": "1", "type": "function", "function": function}]
    new = {"role": "assistant", "content": None, "tool_calls": calls}
    counts(expected, model="gpt-3.5-turbo", messages=[FERRY, old])
    counts(expected, model="gpt-3.5-turbo", messages=[FERRY, new])


@pytest.mark.parametrize(
    ("error", "words", "message"),
    [
        (ValueError, "Unsupported type <class 'str'> for key tool_calls", {"tool_calls": "x"}),
        (ValueError, "must contain a function key", {"tool_calls": [{"id": "1"}]}),
        (ValueError, "Unsupported type <class 'str'> for key function_call", {"function_call": "x"}),
        (TypeError, "Invalid message type: <class 'str'>", "not a message"),
    ],
)
def test_a_wrong_message_is_refused(error: type[Exception], words: str, message: Any) -> None:
    refused(error, words, litellm.token_counter, model="gpt-4o", messages=[message])


def test_text_or_messages_and_not_both() -> None:
    refused(ValueError, "Either text or messages", litellm.token_counter, model="gpt-4o")
    refused(ValueError, "cannot both be set", litellm.token_counter, model="gpt-4o", text="a", messages=[])
    refused(ValueError, "tools or tool_choice", litellm.token_counter, model="gpt-4o", text="a", tools=[{}])
    counts_partly(3, model="gpt-4o", text=["sea ", "and", 3, " sky"])


def test_the_message_rules_of_the_oldest_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four tokens a message and one less for a name: `gpt-3.5-turbo-0301`, in Azure's spelling too."""
    named = MESSAGES["with a name"][0]
    known = {*litellm.open_ai_chat_completion_models, "gpt-3.5-turbo-0301"}
    monkeypatch.setattr(litellm, "open_ai_chat_completion_models", known)
    monkeypatch.setattr(litellm, "azure_llms", {**litellm.azure_llms, "gpt-35-turbo-0301": "azure"})
    for model, expected in (("gpt-3.5-turbo-0301", 17), ("gpt-35-turbo-0301", 17), ("gpt-4", 18)):
        counts_partly(expected, model=model, messages=[named])
