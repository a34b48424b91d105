"""Rows about whole prompts: messages, tools, pictures, growing chats, and what is asked of a prompt."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import corpus
import litellm
import litellm.litellm_core_utils.token_counter as counter
import prompts
from contestants import MODELS
from litellm.proxy.spend_tracking import input_tokens
from sides import ACCEL, FORGETFUL, PLAIN, side
from timing import Timed, assert_equal, fresh_us, warm_us

_DRAWN = prompts.Prompts(seed=11)
Row = dict[str, Any]


def rows(samples: int) -> Iterator[Row]:
    """All of them; `samples` is how many new prompts each contestant gets where prompts are not repeated."""
    for model in MODELS:
        yield from _messages(model.name, samples)
        for answer_chars in (300, 1200):
            yield _growing_chat(model.name, samples, answer_chars)
        yield _prompt_caching(model.name)
        yield _nothing(model.name)
    yield from _pictures()
    yield from _trimming(samples // 2)
    yield from _sizes()


def _sides(run: Callable[[Any], Any], memo: bool) -> Timed:
    """The same public call for every contestant: the stage decides who answers."""
    names = [PLAIN, ACCEL, *([FORGETFUL] if memo else [])]
    return dict.fromkeys(names, run)


def _warm(prompt: str, model: str | None, run: Callable[[Any], Any], argument: Any, *, memo: bool = True) -> Row:
    who = _sides(run, memo)
    assert_equal(who, [argument], stage=side)
    return {"prompt": prompt, "model": model, "us": warm_us(who, argument, stage=side)}


def _fresh(
    prompt: str,
    model: str,
    run: Callable[[Any], Any],
    draw: Callable[[], Any],
    *,
    samples: int,
    first: Callable[[], Any] | None = None,
    **how: Any,
) -> Row:
    who = _sides(run, memo=True)
    with side(PLAIN):  # what is drawn may be counted, and accel must not have seen it
        checked = draw()
        before = first() if first else checked
        arguments = [draw() for _ in range(samples * len(who))]
    assert_equal(who, [checked], stage=side)
    times = fresh_us(who, arguments, first=before, stage=side, **how)
    return {"prompt": prompt, "model": model, "us": times}


def _messages(model: str, samples: int) -> Iterator[Row]:
    def count(argument: Row) -> Any:
        return litellm.token_counter(model=model, **argument)

    for number in (1, 10, 100):
        argument = {"messages": _DRAWN.conversation(number)}
        yield _warm(f"{number} message{'s' * (number > 1)}, warm", model, count, argument)
    yield _fresh(
        "100 messages, cold",
        model,
        count,
        lambda: {"messages": _DRAWN.conversation(100)},
        samples=samples * 2,
        cold=True,
    )
    for number in (5, 50):
        argument = {"messages": _DRAWN.conversation(10), "tools": prompts.tools(number)}
        yield _warm(f"10 messages and {number} tools, warm", model, count, argument)


def _growing_chat(model: str, samples: int, answer_chars: int) -> Row:
    def count(chat: Sequence[str]) -> list[int]:
        return [litellm.token_counter(model=model, messages=json.loads(turn)) for turn in chat]

    def seconds(count_chat: Any, chat: Sequence[str], _: int) -> float:
        """Of the counts alone: each turn is parsed right before its count, as a proxy does."""
        took = 0.0
        for turn in chat:
            messages = json.loads(turn)
            start = time.perf_counter()
            litellm.token_counter(model=model, messages=messages)
            took += time.perf_counter() - start
        return took

    def draw() -> Sequence[str]:
        return _DRAWN.growing_chat(40, answer_chars)

    prompt = f"a chat of 40 turns, answers of {answer_chars:,} chars, counted after each (40 counts)"
    return _fresh(prompt, model, count, draw, samples=samples, clock=seconds)


def _prompt_caching(model: str) -> Row:
    def worth_caching(messages: Any) -> Any:
        return litellm.utils.is_prompt_caching_valid_prompt(model, messages, min_token_count=1024)

    messages = _DRAWN.conversation(100)
    return _warm("do 100 messages reach 1,024 tokens? warm", model, worth_caching, messages)


def _nothing(model: str) -> Row:
    def count(text: str) -> Any:
        return litellm.token_counter(model=model, text=text)

    return _warm("the empty text", model, count, "", memo=False)


def _pictures() -> Iterator[Row]:
    def count(messages: Any) -> Any:
        return litellm.token_counter(model="gpt-4o", messages=messages)

    def dimensions(url: str) -> Any:
        return counter.get_image_dimensions(url)

    urls = {"PNG": prompts.png_url(_DRAWN, 1_000_000), "JPEG": prompts.jpeg_url(_DRAWN, 1_000_000)}
    for name, url in urls.items():
        assert counter.get_image_dimensions(url) == (1920, 1080)
        for detail in ("high", "low"):
            messages = prompts.question_about(url, detail)
            yield _warm(f"a {name} of 1 MB, detail {detail}", "gpt-4o", count, messages, memo=False)
        yield _warm(f"get_image_dimensions of a {name} of 1 MB", None, dimensions, url, memo=False)


def _trimming(samples: int) -> Iterator[Row]:
    model = "gpt-4o"

    def trim(argument: tuple[list[prompts.Message], int]) -> Any:
        messages, max_tokens = argument
        return litellm.utils.trim_messages(messages, model, max_tokens=max_tokens)

    def count(messages: list[prompts.Message]) -> Any:
        return litellm.token_counter(model=model, messages=messages)

    def draw(number: int) -> tuple[list[prompts.Message], int]:
        messages = _DRAWN.conversation(number)
        # What the system and the last half need to a token: with some left over, luck decides how often
        # LiteLLM tries to shorten each of the other messages, and times differ tenfold.
        return messages, count(messages[:1]) + count(messages[-number // 2 :])

    for number in (100, 200, 400):
        prompt = f"trim_messages, {number} messages to the last {number // 2}"
        yield _fresh(prompt, model, trim, partial(draw, number), first=partial(draw, 10), samples=samples)


def _sizes() -> Iterator[Row]:
    def size(body: Row) -> Any:
        return input_tokens._approximate_input_size(body)

    def in_a_thread(body: Row) -> bool:
        return bool(size(body) >= input_tokens.TOKENIZE_OFF_EVENT_LOOP_MIN_CHARS)

    bodies = {
        "2 kB": [_DRAWN.text(2000)],
        "100 kB": [_DRAWN.text(2000) for _ in range(50)],
        "1 MB": [_DRAWN.text(2000) for _ in range(500)],
        "100 kB, Chinese": [corpus.chinese_and_japanese(33_000)],
    }
    for name, texts in bodies.items():
        body = prompts.body(texts)
        # All that LiteLLM makes of a size is where it counts; sizes beyond that point mean the same.
        assert_equal(_sides(in_a_thread, memo=False), [body], stage=side)
        times = warm_us(_sides(size, memo=False), body, stage=side)
        yield {"prompt": f"_approximate_input_size of {name}", "model": None, "us": times}
