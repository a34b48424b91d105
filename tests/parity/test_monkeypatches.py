"""Public names and constants that users change: theirs count, and are called as often as without accel."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import litellm
import litellm.utils
import pytest
from litellm import _lazy_imports
from litellm.compression import compress
from litellm.litellm_core_utils import token_counter as counter_module
from litellm.llms.openai import common_utils

from support.calls import calls_of, strict
from support.original import outcome, without_seams
from support.work import GIF, MESSAGES, TEXT, WORK

COUNTER = "litellm.litellm_core_utils.token_counter"
# The names of LiteLLM's counters, and the modules that hold them by `from … import`.
HOLDERS: dict[str, Any] = {
    "the package": (litellm, "token_counter"),
    "utils": (litellm.utils, "token_counter"),
    "utils, count": (litellm.utils, "get_token_count"),
    "core": (counter_module, "token_counter"),
    "core, threshold": (counter_module, "messages_reach_token_count"),
    "lazy": (_lazy_imports, "_token_counter_new_func"),
    "lazy, threshold": (_lazy_imports, "_messages_reach_token_count_func"),
    "compression": (sys.modules["litellm.compression.compress"], "token_counter"),
    "OpenAI": (common_utils, "token_counter"),
}


def used() -> dict[str, Any]:
    """What comes of every public way to a count."""
    prompt = [{"role": "user", "content": TEXT * 20}, {"role": "user", "content": TEXT * 30}]
    arguments = ("gpt-4o", "gpt-4o", prompt, 10, None, None)
    ways = {
        "package": lambda: litellm.token_counter(model="gpt-4o", messages=prompt),
        "utils": lambda: litellm.utils.token_counter("gpt-4o", None, TEXT),
        "core": lambda: counter_module.token_counter(model="gpt-4o", text=TEXT),
        "threshold": lambda: counter_module.messages_reach_token_count("gpt-4o", prompt, 60),
        "budget": lambda: counter_module.get_modified_max_tokens(*arguments),
        "caching": lambda: litellm.utils.is_prompt_caching_valid_prompt("gpt-4o", prompt, min_token_count=60),
        "trimming": lambda: litellm.utils.trim_messages(prompt, "gpt-4o", max_tokens=100),
        "messages": lambda: litellm.utils.process_messages([dict(one) for one in prompt], 100, "gpt-4o"),
        "compression": lambda: compress(prompt, model="gpt-4o")["original_tokens"],
    }
    return {name: outcome(way) for name, way in ways.items()}


@pytest.fixture(autouse=True)
def loaded() -> None:
    """What LiteLLM caches at the first use is there."""
    assert used()["package"][0] == "int"


@pytest.mark.parametrize("answer", [17, True])
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_users_counter_is_called_as_by_litellm(holder: str, answer: object) -> None:
    module, attribute = HOLDERS[holder]
    with strict():
        usual = used()
    with mock.patch.object(module, attribute, return_value=answer) as double:
        ours = used()
    with without_seams(), mock.patch.object(module, attribute, return_value=answer) as original:
        theirs = used()
    assert ours == theirs
    assert double.call_args_list == original.call_args_list
    with strict():
        assert used() == usual


def test_the_counters_above_are_on_the_way() -> None:
    for module, attribute in HOLDERS.values():
        with without_seams(), mock.patch.object(module, attribute, return_value=17) as double:
            used()
        # One is called only when a request has failed.
        assert double.called or module is common_utils, (module, attribute)


DOUBLES: dict[str, Any] = {
    "_format_function_definitions": lambda _tools: "a text of tools",
    "get_image_dimensions": lambda data: (5000, 5000),
    "calculate_img_tokens": lambda **_keywords: 1234,
    "_count_messages": lambda *_arguments: 99,
    "_count_content_list": lambda *_arguments: 98,
    "_count_extra": lambda *_arguments: 97,
    "_get_count_function": lambda *_arguments: len,
    "_get_exact_count_function": lambda *_arguments: len,
    "resize_image_high_res": lambda width, height: (5000, 5000),
    "calculate_tiles_needed": lambda resized_width, resized_height: 50,
    "_format_type": lambda props, indent: "a type of its own",
}


@pytest.mark.parametrize("attribute", DOUBLES)
def test_a_users_helper_is_called_as_by_litellm(attribute: str) -> None:
    with strict():
        usual = WORK["token_counter"]()
    with mock.patch.object(counter_module, attribute, side_effect=DOUBLES[attribute]) as double:
        ours = WORK["token_counter"]()
    with without_seams(), mock.patch.object(counter_module, attribute, side_effect=DOUBLES[attribute]) as original:
        theirs = WORK["token_counter"]()
    assert ours == theirs != usual
    assert double.call_count == original.call_count > 0
    with strict():
        assert WORK["token_counter"]() == usual


@contextmanager
def defaults(function: Any, position: int, value: object) -> Iterator[None]:
    """Another default for the parameter at the position among those that have one."""
    before = function.__defaults__
    function.__defaults__ = (*before[:position], value, *before[position + 1 :])
    try:
        yield
    finally:
        function.__defaults__ = before


ODD_NUMBERS = (100, 0, -5, True, 2.5, 10**30, None, "85")
IMAGES = [{"type": "image_url", "image_url": {"url": GIF, "detail": detail}} for detail in ("low", "auto", "high")]


def counted(**keywords: Any) -> Any:
    messages = [*MESSAGES, {"role": "user", "content": IMAGES}]
    return outcome(litellm.token_counter, model="gpt-4o", messages=messages, **keywords)


@pytest.mark.parametrize("value", ODD_NUMBERS, ids=ascii)
def test_another_price_of_an_image(value: object) -> None:
    usual = counted()
    with defaults(counter_module.calculate_img_tokens, 1, value), calls_of(seam="token_counter") as calls:
        ours = counted()
    with without_seams(), defaults(counter_module.calculate_img_tokens, 1, value):
        assert ours == counted() != usual
    assert (calls.native, calls.failed) == (type(value) is int and abs(value) < 2**32, 0)  # type: ignore[operator]
    with strict():
        assert counted() == usual


@pytest.mark.parametrize("value", ODD_NUMBERS, ids=ascii)
def test_another_default_count_of_an_image(value: object) -> None:
    constant = mock.patch.object(counter_module, "DEFAULT_IMAGE_TOKEN_COUNT", value)
    usual = counted(use_default_image_token_count=True)
    with constant, calls_of(seam="token_counter") as calls:
        ours = counted(use_default_image_token_count=True)
    with without_seams(), constant:
        assert ours == counted(use_default_image_token_count=True) != usual
    assert (calls.native, calls.failed) == (type(value) is int and abs(value) < 2**32, 0)  # type: ignore[operator]
    with strict():
        assert counted(use_default_image_token_count=True) == usual


def test_another_mode_of_images_by_default_is_nobodys() -> None:
    """LiteLLM always says the mode, so the default does not matter."""
    usual = counted()
    with strict(), defaults(counter_module.calculate_img_tokens, 0, "high"):
        assert counted() == usual


@pytest.mark.parametrize("sides", [(1024, 400), (100, 100)])
def test_other_limits_of_images(sides: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_module, "MAX_LONG_SIDE_FOR_IMAGE_HIGH_RES", sides[0])
    monkeypatch.setattr(counter_module, "MAX_SHORT_SIDE_FOR_IMAGE_HIGH_RES", sides[1])
    with strict(), defaults(counter_module.calculate_tiles_needed, 0, 64):
        ours = counted()
    with without_seams(), defaults(counter_module.calculate_tiles_needed, 0, 64):
        assert ours == counted()
