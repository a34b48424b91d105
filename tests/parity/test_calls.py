"""Random calls of LiteLLM's token counters: with accel as without, value for value and error for error."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import litellm.rust_bridge.tokenizer
import pytest

from support.calls import calls_of
from support.comparison import Answer, Call, answer, compare
from support.conversations import Conversations
from support.network import no_network
from support.scale import scaled

CALLS_PER_SHARD = 4_000
SHARDS = 10
ABOUT_THE_MODEL = {
    "declined: model is not a str",
    "declined: custom tokenizer",
    "declined: another Hugging Face tokenizer",
}
ABOUT_TEXTS = {"declined: lone surrogate", "declined: spells an added token", "declined: not a str"}
ABOUT_SHAPES = {
    "declined: LiteLLM raises",
    "declined: not plain data",
    "declined: deeply nested",
    "declined: messages are not a list",
    "declined: message is not a dict",
    "declined: document or file block",
    "declined: search results",
    "declined: odd image URL",
    "declined: odd image source",
    "declined: odd image switch",
    "declined: tools are not a list",
    "declined: odd list of required properties",
    "declined: list or dict in place of a text",
    "declined: enum is not a list",
}
ABOUT_IMAGES = {
    "declined: image on the network",
    "declined: not a data URL",
    "declined: not strict base64",
    "declined: truncated image",
    "declined: unknown image type",
    "declined: odd JPEG segment",
}
PROMPTS = ABOUT_THE_MODEL | ABOUT_TEXTS | ABOUT_SHAPES | ABOUT_IMAGES
# Each seam's share of native answers at least, and the only reasons for the rest.
KNOWN: dict[str, tuple[float, set[str]]] = {
    "token_counter": (
        0.4,
        PROMPTS | {"declined: text beside messages or tools", "declined: tool choice is neither str nor dict"},
    ),
    "messages_reach_token_count": (0.3, PROMPTS | {"declined: odd threshold"}),
    # The seams inside, for what is left to Python around them.
    "_get_exact_count_function": (0.5, ABOUT_THE_MODEL | ABOUT_TEXTS),
    "_format_function_definitions": (0.15, ABOUT_SHAPES | {"declined: lone surrogate"}),
    "get_image_dimensions": (0.0, ABOUT_IMAGES | {"declined: not a str"}),
}


class Heard(logging.Handler):
    """Keeps what LiteLLM logs: a warning is a part of the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


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


@pytest.fixture(autouse=True)
def asked() -> Iterator[list[str]]:
    with no_network() as addresses:
        yield addresses


@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_calls(
    shard: int,
    heard: Heard,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", None)  # put back afterwards
    number = scaled(CALLS_PER_SHARD)
    noted: Counter[str] = Counter()

    def come_to(call: Call) -> Answer:
        """The answer, what is logged, and what is fetched."""
        litellm.disable_hf_tokenizer_download = call.setting
        heard.messages, asked[:] = [], []
        kind, value = answer(call)
        noted.update(warnings=len(heard.messages), fetched=len(asked))
        return kind, (value, heard.messages, list(asked))

    compared = compare(lambda: iter(Conversations(f"calls {shard}")), number, come_to)
    for seam, calls in compared.by_seam.items():
        least, reasons = KNOWN.get(seam, (0.0, set()))
        assert calls.python.keys() <= reasons, (seam, calls)
        if number >= CALLS_PER_SHARD:
            assert calls.native >= least * calls.total, (seam, calls)
    if number >= CALLS_PER_SHARD:
        # Not a fuzzer that only finds errors, nor one that never reaches native code.
        assert compared.outcomes["int"] > number / 3, compared
        assert compared.outcomes["bool"] > number / 10, compared
        assert compared.outcomes["raised builtins.ValueError"] > number / 50, compared
        assert noted["warnings"] > number / 100, noted
        assert noted["fetched"] > number / 500, noted
    record_property("calls", f"{compared} {dict(noted)}")


def test_litellm_raises_where_it_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or gives the count that the caller wants in place of an error."""
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", True)
    said = 0
    for call in islice(Conversations("reasons"), scaled(1_500)):
        with calls_of(seam="token_counter") as calls:
            kind, _ = answer(call)
        if "declined: LiteLLM raises" in calls.python:
            said += 1
            stands_in = call.keywords.get("default_token_count") is not None
            assert kind.startswith("raised") or stands_in, ascii(call)
    assert said > scaled(1_500) / 100
