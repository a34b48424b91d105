"""Whether a prompt is long enough to be cached: its count against the minimum of the model."""

import asyncio
from typing import Any
from unittest import mock

import litellm
import pytest
from litellm import utils
from litellm.caching.dual_cache import DualCache
from litellm.litellm_core_utils import token_counter as counter_module
from litellm.router_utils.pre_call_checks.prompt_caching_deployment_check import PromptCachingDeploymentCheck
from litellm.router_utils.prompt_caching_cache import PromptCachingCache

from support.pins import alike, native, pinned, user

PROMPT = [user("the ebb runs out past the long pier at dusk " * 140)]


def valid(model: str, messages: Any = None, **keywords: Any) -> bool:
    return utils.is_prompt_caching_valid_prompt(model=model, messages=messages or PROMPT, **keywords)


@pytest.mark.parametrize(
    ("model", "minimum", "tokens", "expected"),
    [
        ("claude-opus-4-6", 4096, 1548, False),
        ("claude-opus-4-8", 1024, 1548, True),
        ("anthropic/claude-opus-4-5", 4096, 1551, False),
        ("anthropic/claude-sonnet-4-5", 1024, 1551, True),
        ("claude-fable-5", 512, 1548, True),
        ("claude-opus-4-7", 2048, 1548, False),
        ("no-such-model", 1024, 1551, True),
        ("gpt-4o", 1024, 1412, True),
    ],
)
def test_each_model_has_its_minimum(model: str, minimum: int, tokens: int, expected: bool) -> None:
    assert utils.get_prompt_cache_min_tokens(model=model) == minimum
    pinned(tokens, litellm.token_counter, model=model, messages=PROMPT, use_default_image_token_count=True)
    pinned(expected, valid, model)


def test_a_minimum_that_is_given_wins() -> None:
    pinned(True, valid, "claude-opus-4-6", min_token_count=512)
    pinned(False, valid, "claude-opus-4-8", min_token_count=8192)
    pinned(True, valid, "gpt-4o", min_token_count=1412)
    pinned(False, valid, "gpt-4o", min_token_count=1413)


def test_messages_and_tools_count_together_and_no_further_than_needed() -> None:
    reach = counter_module.messages_reach_token_count
    tool = {"type": "function", "function": {"name": "tide", "description": "Times of high and low water."}}
    messages = [{"role": "system", "content": "Answer in one short sentence."}, *PROMPT]
    with native():
        tokens = litellm.token_counter(model="gpt-4o", messages=messages, tools=[tool])
    for threshold, expected in ((tokens, True), (tokens + 1, False), (0, True)):
        pinned(expected, reach, model="gpt-4o", messages=messages, threshold=threshold, tools=[tool])
    # What comes after the message that decides is not looked into.
    unreadable = [*PROMPT, user([{"type": "riddle"}])]
    alike(True, reach, model="gpt-4o", messages=unreadable, threshold=1_000)
    with pytest.raises(ValueError, match="Invalid content item type: riddle"):
        reach(model="gpt-4o", messages=unreadable, threshold=2_000)


@pytest.mark.parametrize(("threshold", "expected"), [(1, False), (0, True), (-1, True)])
def test_a_switched_off_counter_reaches_nothing(
    threshold: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "disable_token_counter", True)
    alike(
        expected,
        counter_module.messages_reach_token_count,
        model="gpt-4o",
        messages=PROMPT,
        threshold=threshold,
    )


def test_what_cannot_be_counted_is_not_valid() -> None:
    alike(False, valid, "gpt-4o", [user([{"type": "riddle"}])])
    alike(False, valid, "gpt-4o", [user("too short")])
    assert utils.is_prompt_caching_valid_prompt(model="gpt-4o", messages=None) is False
    with mock.patch.object(utils, "get_messages_reach_token_count", side_effect=Exception("broken")):
        assert valid("claude-sonnet-4-5") is False


def test_redacted_thinking_does_not_make_it_invalid() -> None:
    thought = {"type": "redacted_thinking", "data": "Z" * 400}
    answer = {"role": "assistant", "content": [thought, {"type": "text", "text": "At dusk."}]}
    alike(True, valid, "openai/gpt-5.6-sol", [*PROMPT, answer, user("Again, please.")])


def test_the_counter_that_somebody_puts_in_place_is_asked() -> None:
    """It is asked not to fetch images."""
    reach = mock.Mock(return_value=False)
    image = {"url": "https://x.test/i.webp", "detail": "high"}
    messages = [user([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": image}])]
    with mock.patch("litellm.utils.get_messages_reach_token_count", return_value=reach):
        assert valid("gpt-4o-mini", messages, custom_llm_provider="openai") is False
    reach.assert_called_once_with(
        model="openai/gpt-4o-mini",
        messages=messages,
        threshold=1024,
        tools=None,
        use_default_image_token_count=True,
    )


def test_an_image_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = mock.Mock(side_effect=AssertionError("fetched"))
    monkeypatch.setattr(counter_module, "safe_get", fetch)
    image = {"type": "image_url", "image_url": {"url": "https://x.test/i.webp", "detail": "high"}}
    alike(True, valid, "gpt-4o", [user([image] * 5)])
    alike(False, valid, "gpt-4o", [user([image] * 4)])
    fetch.assert_not_called()


def deployments(*models: str) -> list[dict[str, Any]]:
    return [
        {"model_name": "group", "litellm_params": {"model": model}, "model_info": {"id": f"dep-{number}"}}
        for number, model in enumerate(models)
    ]


@pytest.mark.parametrize(
    ("model", "pinned_to_one"), [("anthropic/claude-opus-4-6", False), ("anthropic/claude-opus-4-8", True)]
)
def test_a_deployment_is_kept_for_a_prompt_that_its_model_caches(model: str, pinned_to_one: bool) -> None:
    """The same prompt, 1,551 tokens; the minima are 4,096 and 1,024."""
    marked = {"type": "text", "text": PROMPT[0]["content"], "cache_control": {"type": "ephemeral"}}
    messages: Any = [user([marked])]
    group = deployments(model, model)

    async def filtered() -> Any:
        cache = DualCache()
        await PromptCachingCache(cache=cache).async_add_model_id(model_id="dep-1", messages=messages, tools=None)
        return await PromptCachingDeploymentCheck(cache=cache).async_filter_deployments(
            model="group", healthy_deployments=group, messages=messages
        )

    with native():
        assert asyncio.run(filtered()) == (group[1:] if pinned_to_one else group)
