"""The usage of a stream: what the provider reported, and what is counted where it reported nothing."""

from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils.streaming_chunk_builder_utils import ChunkProcessor
from litellm.types.utils import (
    Choices,
    CompletionTokensDetailsWrapper,
    Delta,
    Message,
    ModelResponse,
    ModelResponseStream,
    StreamingChoices,
    Usage,
)
from litellm.utils import mock_completion_streaming_obj

from support.pins import alike, native, pinned, user

ASKED = [user("How high is the water?")]  # 13 tokens in every model here
ANSWER = "Three metres and falling."  # 5
MODELS = ("gpt-4o", "gpt-3.5-turbo", "claude-sonnet-4-5")


def chunk(content: str | None, model: str = "gpt-4o", **fields: Any) -> ModelResponseStream:
    usage, finish = fields.pop("usage", None), fields.pop("finish", None)
    choice = StreamingChoices(index=0, finish_reason=finish, delta=Delta(content=content, role="assistant"))
    return ModelResponseStream(id="chatcmpl-pin", model=model, created=1, choices=[choice], usage=usage)


def unreported(model: str) -> list[ModelResponseStream]:
    return [chunk("Three metres", model), chunk(" and falling.", model, finish="stop")]


def tokens(usage: Any) -> tuple[int, int, int]:
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens


def calculated(chunks: list[Any], **keywords: Any) -> tuple[int, int, int]:
    keywords = {"model": "gpt-4o", "completion_output": ANSWER, **keywords}
    return tokens(ChunkProcessor(chunks=chunks).calculate_usage(chunks=chunks, **keywords))


def rebuilt(chunks: list[Any]) -> tuple[int, int, int]:
    return tokens(litellm.stream_chunk_builder(chunks, messages=ASKED).usage)


@pytest.mark.parametrize("model", MODELS)
def test_what_nobody_reported_is_counted(model: str) -> None:
    pinned((13, 5, 18), rebuilt, unreported(model))
    pinned((13, 5, 18), calculated, unreported(model), model=model, messages=ASKED)
    pinned((13, 8, 21), calculated, unreported(model), model=model, messages=ASKED, reasoning_tokens=3)


@pytest.mark.parametrize("model", MODELS)
def test_the_callers_own_count_of_the_prompt_is_asked(model: str) -> None:
    pinned((77, 5, 82), calculated, unreported(model), model=model, count_prompt_tokens=lambda: 77)


def test_a_prompt_that_cannot_be_counted_counts_nothing() -> None:
    alike((0, 5, 5), calculated, unreported("gpt-4o"), messages=[user([{"type": "riddle"}])])


@pytest.mark.parametrize("reported", [(0, 17), (5, 0), (0, 0)])
def test_a_reported_zero_is_an_answer(reported: tuple[int, int]) -> None:
    usage = Usage(prompt_tokens=reported[0], completion_tokens=reported[1], total_tokens=sum(reported))
    chunks = [chunk("Three metres"), chunk("", finish="stop", usage=usage)]
    alike((*reported, sum(reported)), calculated, chunks, messages=ASKED, count_prompt_tokens=lambda: 999)
    alike((*reported, sum(reported)), rebuilt, chunks)


def test_a_later_zero_takes_nothing_back() -> None:
    first = Usage(prompt_tokens=5, completion_tokens=0, total_tokens=5)
    last = Usage(prompt_tokens=0, completion_tokens=17, total_tokens=17)
    chunks = [chunk("Three metres", usage=first), chunk("", finish="stop", usage=last)]
    alike((5, 17, 22), calculated, chunks, count_prompt_tokens=lambda: 999)


@pytest.mark.parametrize(("admitted", "expected"), [(51_234, 51_234), (None, 77)])
def test_a_mock_stream_reports_what_was_counted_before(admitted: int | None, expected: int) -> None:
    chunks = list(
        mock_completion_streaming_obj(
            ModelResponseStream(model="gpt-4o"), mock_response="ok", model="gpt-4o", prompt_tokens=admitted
        )
    )
    prompt, completion, whole = calculated(chunks, completion_output="ok", count_prompt_tokens=lambda: 77)
    assert (prompt, whole) == (expected, expected + completion)
    if admitted is None:
        assert completion == 1


def response(reasoning: str) -> ModelResponse:
    message = Message(role="assistant", content="3", reasoning_content=reasoning)
    return ModelResponse(choices=[Choices(index=0, finish_reason="stop", message=message)])


def test_reasoning_that_can_be_seen_is_counted() -> None:
    processor = ChunkProcessor(chunks=[chunk("3")])
    assert processor.count_reasoning_tokens(response("")) is None
    pinned(11, processor.count_reasoning_tokens, response("The moon is full, so the range is large."))


@pytest.mark.parametrize(("estimated", "reasoning", "text"), [(40, 40, 60), (250, 100, 0)])
def test_an_estimate_of_reasoning_is_part_of_the_reported_whole(estimated: int, reasoning: int, text: int) -> None:
    details = CompletionTokensDetailsWrapper(reasoning_tokens=None, text_tokens=None)
    usage = Usage(prompt_tokens=50, completion_tokens=100, total_tokens=150, completion_tokens_details=details)
    chunks = [chunk(None, finish="stop", usage=usage)]
    calculated_usage = ChunkProcessor(chunks=chunks).calculate_usage(
        chunks=chunks, model="gpt-4o", completion_output="3", reasoning_tokens=estimated
    )
    found = calculated_usage.completion_tokens_details
    assert (tokens(calculated_usage), found.reasoning_tokens, found.text_tokens) == (
        (50, 100, 150),
        reasoning,
        text,
    )


def test_a_stream_through_the_sdk_ends_with_counted_usage() -> None:
    with native(wholly=False):
        stream = litellm.completion(
            model="gpt-4o",
            messages=ASKED,
            stream=True,
            mock_response=ANSWER,
            stream_options={"include_usage": True},
        )
        usages = [part.usage for part in stream if getattr(part, "usage", None) is not None]
    assert [tokens(usage) for usage in usages[-1:]] == [(13, 5, 18)]
