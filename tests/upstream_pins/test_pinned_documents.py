"""Images and documents as blocks: the price of what cannot be read, and the text of what can."""

from typing import Any

import pytest
from litellm.constants import DEFAULT_IMAGE_TOKEN_COUNT
from litellm.litellm_core_utils import token_counter as counter_module

from support.pins import alike, counts_partly, user

CLAUDE = "anthropic/claude-sonnet-4-5-20250929"
TEXT = {"type": "text", "text": "Which way does the tide run?"}
ALONE = 14  # the text in a message
SOURCES: dict[str, dict[str, str]] = {
    "base64": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
    "url": {"type": "url", "url": "https://x.test/i.png"},
    "file": {"type": "file", "file_id": "file-1"},
}
PICTURE = {"type": "image", "source": SOURCES["base64"]}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}
BODY = "Low water fell four decimetres below the table."


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_an_image_of_any_source(source: dict[str, str]) -> None:
    messages = [user([TEXT, {"type": "image", "source": source}])]
    counts_partly(ALONE + 85, model=CLAUDE, messages=messages)
    assert DEFAULT_IMAGE_TOKEN_COUNT == 250
    counts_partly(ALONE + 250, model=CLAUDE, messages=messages, use_default_image_token_count=True)


def test_an_image_counts_as_the_same_image_by_its_data_url() -> None:
    by_url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    for block in (PICTURE, by_url):
        counts_partly(92, model=CLAUDE, messages=[user([block])])


def test_an_image_in_the_result_of_a_tool() -> None:
    messages = [user([{"type": "tool_result", "tool_use_id": "t", "content": [PICTURE]}])]
    counts_partly(92, model=CLAUDE, messages=messages)
    counts_partly(257, model=CLAUDE, messages=messages, use_default_image_token_count=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}, "data:image/jpeg;base64,/9j/4AAQ"),
        ({"type": "base64", "data": "AA"}, "data:image/png;base64,AA"),
        ({"type": "base64", "media_type": "image/jpeg", "data": ""}, ""),
        (SOURCES["url"], "https://x.test/i.png"),
        (SOURCES["file"], ""),
    ],
)
def test_what_of_a_source_is_priced(source: Any, expected: str) -> None:
    assert counter_module._anthropic_image_source_data(source) == expected


@pytest.mark.parametrize(
    ("image_url", "keywords", "expected"),
    [
        ({"url": "https://x.test/i.jpg", "detail": "low"}, {}, 92),
        ({"url": "https://x.test/i.jpg"}, {}, 92),
        ("https://x.test/i.jpg", {}, 92),
        ({"url": "https://x.test/i.jpg", "detail": "low"}, {"use_default_image_token_count": True}, 257),
        ({"url": "https://x.test/i.jpg", "detail": "high"}, {"use_default_image_token_count": True}, 257),
        ("https://x.test/i.jpg", {"use_default_image_token_count": True}, 257),
    ],
)
def test_an_image_by_url_is_not_fetched(
    image_url: Any, keywords: dict[str, bool], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_arguments: Any, **_keywords: Any) -> None:
        raise AssertionError("fetched")

    monkeypatch.setattr(counter_module, "safe_get", fetch)
    messages = [user([{"type": "image_url", "image_url": image_url}])]
    for model in ("gpt-3.5-turbo", "gpt-4o-mini"):
        counts_partly(expected, model=model, messages=messages, **keywords)


@pytest.mark.parametrize("source", [PDF, SOURCES["url"], SOURCES["file"]], ids=SOURCES)
def test_a_document_that_cannot_be_read_costs_an_image(source: dict[str, str]) -> None:
    for kind in ("document", "image"):
        messages = [user([TEXT, {"type": kind, "source": source}])]
        counts_partly(ALONE + 250, model=CLAUDE, messages=messages, use_default_image_token_count=True)


def test_a_document_of_text_counts_its_text() -> None:
    block = {"type": "text", "text": BODY}
    inline = {"type": "text", "media_type": "text/plain", "data": BODY}
    for content in (block, {"type": "document", "source": inline}):
        counts_partly(25, model=CLAUDE, messages=[user([TEXT, content])])
    for source in (BODY, [block]):
        document = {"type": "document", "source": {"type": "content", "content": source}}
        counts_partly(25, model=CLAUDE, messages=[user([TEXT, document])])
    mixed = {"type": "document", "source": {"type": "content", "content": [block, PICTURE]}}
    for contents in ([mixed], [block, PICTURE]):
        counts_partly(110, model=CLAUDE, messages=[user([TEXT, *contents])])


def test_title_and_context_of_a_document_count() -> None:
    document = {"type": "document", "source": PDF}
    described = {**document, "title": "Tide table", "context": "Of the harbour office"}
    texts = [{"type": "text", "text": text} for text in ("Tide table", "Of the harbour office")]
    for blocks in ([described], [*texts, document]):
        counts_partly(106, model=CLAUDE, messages=[user([TEXT, *blocks])])


def test_a_file_counts_as_the_document_that_it_is() -> None:
    inline = {"filename": "table.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}
    document = {"type": "document", "title": "table.pdf", "source": PDF}
    for block in ({"type": "file", "file": inline}, document):
        counts_partly(101, model=CLAUDE, messages=[user([TEXT, block])])


def test_a_file_without_its_bytes_counts_its_name() -> None:
    by_id: dict[str, Any] = {"type": "file", "file": {"file_id": "f"}}
    named = {"type": "file", "file": {"file_id": "f", "filename": "table.pdf"}}
    counts_partly(ALONE, model=CLAUDE, messages=[user([TEXT, by_id])])
    counts_partly(16, model=CLAUDE, messages=[user([TEXT, named])])
    counts_partly(16, model=CLAUDE, messages=[user([TEXT, {"type": "text", "text": "table.pdf"}])])


def test_a_price_asked_for_by_itself() -> None:
    url = "https://x.test/i.png"
    for mode, default, expected in (("low", False, 85), ("auto", False, 85), ("high", True, 250)):
        alike(
            expected,
            counter_module.calculate_img_tokens,
            url,
            mode=mode,
            use_default_image_token_count=default,
        )
