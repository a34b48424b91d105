"""`get_modified_max_tokens`: it asks the package for the counter, so a replacement there is asked."""

from unittest import mock

import litellm
import pytest
from litellm.litellm_core_utils.token_counter import get_modified_max_tokens

from support.pins import alike, native, user


@pytest.mark.parametrize(
    ("model", "prompt", "wanted", "expected"),
    [
        ("random-model", 1024, 1024, 1024),  # unknown: what the caller wants
        ("gpt-3.5-turbo", 4000, 5000, 4096),  # more than the model can write
        ("gpt-3.5-turbo", 4000, 100, 100),
        ("command-nightly", 1_000_000, 256, 256),  # prompt and reply share 4,096, and the prompt is too long
        ("command-nightly", 4000, 256, 96),
        ("command-nightly", 4000, 10, 10),
        ("command-nightly", 4000, None, None),
    ],
)
def test_a_replaced_counter_of_the_package_is_asked(
    model: str, prompt: int, wanted: int | None, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = mock.MagicMock(side_effect=lambda **_keywords: prompt)
    monkeypatch.setattr(litellm, "token_counter", replaced)
    messages = [user("Hello")]
    limit = get_modified_max_tokens(
        model=model, base_model=model, messages=messages, user_max_tokens=wanted, buffer_perc=0, buffer_num=0
    )
    assert limit == expected
    if wanted is not None and model != "random-model":
        replaced.assert_called_once_with(model=model, messages=messages)


@pytest.mark.parametrize(
    ("buffer_perc", "buffer_num", "expected"), [(0, 0, 4083), (None, None, 4073), (1.0, 0, 4070)]
)
def test_the_prompt_is_counted(buffer_perc: float | None, buffer_num: float | None, expected: int) -> None:
    """13 tokens, and a buffer of a tenth of them, of ten, or of as many."""
    messages = [user("When does the ferry leave?")]
    with native():
        assert litellm.token_counter(model="command-nightly", messages=messages) == 13
        limit = get_modified_max_tokens(
            "command-nightly", "command-nightly", messages, 4096, buffer_perc, buffer_num
        )
    assert limit == expected
    alike(
        expected,
        get_modified_max_tokens,
        "command-nightly",
        "command-nightly",
        messages,
        4096,
        buffer_perc,
        buffer_num,
    )
