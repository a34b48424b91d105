"""Wildcards: which pattern a model's name matches, and what becomes of its deployments."""

import re
from copy import deepcopy
from typing import Any

import litellm
import pytest
from litellm.litellm_core_utils import get_llm_provider_logic
from litellm.router_utils.pattern_match_deployments import PatternMatchRouter, PatternUtils
from litellm.types.router import Deployment, LiteLLM_Params, RouterErrors

from support.limiter import HELLO, in_a_loop
from support.routes import names, picked, routed, row, served

pytestmark = pytest.mark.usefixtures("side")


def patterns(*rows: tuple[str, str]) -> Any:
    """Patterns, and the model that each stands for."""
    router = PatternMatchRouter()
    for pattern, model in rows:
        router.add_pattern(pattern, {"model_name": pattern, "litellm_params": {"model": model}})
    return router


def models(found: Any) -> Any:
    return found and [deployment["litellm_params"]["model"] for deployment in found]


def test_a_pattern_matches_and_what_it_gives_is_a_copy() -> None:
    router = PatternMatchRouter()
    assert router.patterns == {}
    kept = row("d", group="openai/*", info={"nested": {"list": [1, {"a": (2,)}], "regex": re.compile("x")}})
    router.add_pattern("openai/*", kept)
    router.add_pattern("openai/*", row("e", group="openai/*", model="openai/*"))
    assert list(router.patterns) == ["openai/(.*)"]
    before = deepcopy(kept)
    found: Any = router.route("openai/gpt-15")
    assert (names(found), models(found)) == (["d", "e"], ["openai/gpt-4o", "openai/gpt-15"])
    assert found[0] == kept
    assert found[0]["model_info"]["nested"] is not kept["model_info"]["nested"]
    found[0]["model_info"]["nested"]["list"][1]["a"] = None
    found[0]["litellm_params"]["model"] = "changed"
    assert kept == before
    assert models(router.route("openai/gpt-15")) == ["openai/gpt-4o", "openai/gpt-15"]


def test_the_longest_pattern_goes_first_whenever_it_came() -> None:
    router = patterns(
        ("openai/*", "openai/*"), ("*", "openai/all"), ("openai/gpt-*", "azure/gpt-*"), ("l/*", "l/*")
    )
    assert models(router.route("openai/gpt-4o")) == ["azure/gpt-4o"]
    assert models(router.route("openai/o3")) == ["openai/o3"]
    assert models(router.route("l/x")) == ["l/x"]
    assert models(router.route("something")) == ["openai/all"]
    assert PatternUtils.calculate_pattern_specificity("llmengine/*") == (11, 1)
    assert PatternUtils.calculate_pattern_specificity("*") == (1, 1)
    ordered = PatternUtils.sorted_patterns({"*": [{"n": 1}], "llmengine/*": [{"n": 2}]})
    assert [pattern for pattern, _ in ordered] == ["llmengine/*", "*"]


def test_looking_up_does_not_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    sorts: list[Any] = []

    class Counted(PatternUtils):
        @staticmethod
        def sorted_patterns(patterns: Any) -> Any:
            sorts.append(list(patterns))
            return PatternUtils.sorted_patterns(patterns)

    router = PatternMatchRouter(pattern_utils=Counted)
    for pattern in ("openai/*", "anthropic/*", "openai/*"):
        router.add_pattern(pattern, row(pattern, group=pattern, model=pattern))
    made = len(sorts)
    for _ in range(3):
        assert router.route("nothing") is None
    assert models(router.route("openai/o3")) == ["openai/o3"] * 2
    assert len(sorts) == made == 2
    router.remove_deployment("anthropic/*")
    assert (router.route("anthropic/c"), len(router.patterns)) == (None, 1)


@pytest.mark.parametrize(
    ("asked", "pattern", "model", "found"),
    [
        ("l/foo", "l/*", "openai/foo", "openai/foo"),
        ("l/foo", "l/*", "openai/*", "openai/foo"),
        ("fo::hi::static::hello", "fo::*::static::*", "openai/fo::*:static::*", "openai/fo::hi:static::hello"),
        ("fo::hi::static::hello", "fo::*::static::*", "openai/gpt-4o", "openai/gpt-4o"),
        ("bedrock/meta.llama3-70b", "*meta.llama3*", "bedrock/meta.llama3-*", "bedrock/meta.llama3-70b"),
        ("meta.llama3-70b", "*meta.llama3*", "bedrock/meta.llama3-*", "meta.llama3-70b"),
    ],
)
def test_what_the_stars_stand_for_goes_into_the_model(asked: str, pattern: str, model: str, found: str) -> None:
    router = patterns((pattern, model))
    (regex,) = router.patterns
    assert regex == router.pattern_to_regex(pattern) == re.escape(pattern).replace(r"\*", "(.*)")
    assert models(router.route(asked)) == [found]
    match = re.match(regex, asked)
    assert match is not None
    assert router.set_deployment_model_name(match, model) == found


def test_what_is_no_name_and_what_fails_match_nothing() -> None:
    router: Any = patterns(("openai/*", "openai/*"))
    assert router.route(None) is None
    assert router.route("openai/x", filtered_model_names=["azure/*"]) is None
    assert models(router.route("openai/x", filtered_model_names=["azure/*", "openai/*"])) == ["openai/x"]
    router.patterns = []
    assert router.route("openai/x") is None
    router = PatternMatchRouter()
    router.add_pattern("openai/*", {"model_name": "no parameters"})
    assert router.route("openai/x") is None


def test_a_name_without_its_provider_matches_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    router = patterns(("openai/*", "openai/*"), ("anthropic/*", "anthropic/*"))
    assert models(router.get_pattern("gpt-4o")) == ["openai/gpt-4o"]
    assert models(router.get_pattern("c", custom_llm_provider="anthropic")) == ["anthropic/c"]
    assert (router.get_pattern("nobody's"), router.get_deployments_by_pattern("nobody's")) == (None, [])
    assert router.get_pattern(None) is None

    def asked(model: Any, *_arguments: Any, **_named: Any) -> Any:
        raise AssertionError("somebody would have to log in")

    monkeypatch.setattr(get_llm_provider_logic, "get_llm_provider", asked)
    router = patterns(("github_copilot/*", "github_copilot/*"))
    assert patterns(("anthropic/*", "anthropic/*")).get_pattern("github_copilot/gpt-4o") is None
    assert models(router.get_pattern("github_copilot/gpt-4o")) == ["github_copilot/gpt-4o"]
    assert models(router.get_pattern("gpt-4o", custom_llm_provider="github_copilot")) == ["github_copilot/gpt-4o"]

    def unknown(model: Any, *_arguments: Any, **_named: Any) -> Any:
        raise ValueError(model)

    monkeypatch.setattr(get_llm_provider_logic, "get_llm_provider", unknown)
    assert router.get_pattern("github_copilot") is None


@in_a_loop
async def test_a_router_serves_what_matches_and_refuses_what_does_not() -> None:
    router = routed(row("d", group="*meta.llama3*", model="bedrock/meta.llama3*"))
    for model in ("bedrock/meta.llama3-70b", "meta.llama3-70b-instruct-v1:0"):
        response = await router.acompletion(model=model, messages=HELLO, mock_response="works")
        assert response.choices[0].message.content == "works"
    for call in (
        router.acompletion(model="nobody's", messages=HELLO, mock_response="works"),
        router.aembedding(model="nobody's", input="hi"),
    ):
        with pytest.raises(litellm.BadRequestError) as refused:
            await call
        assert RouterErrors.no_deployments_available.value not in str(refused.value)


@pytest.mark.parametrize("synchronous", [True, False])
@in_a_loop
async def test_a_name_then_a_pattern_then_the_model_behind_a_name(synchronous: bool) -> None:
    router = routed(
        row("named", group="team-small", model="openai/small"),
        row("all", group="*", model="openai/*"),
        row("openai", group="openai/*", model="openai/*"),
    )
    for model, name in (("openai/small", "openai"), ("team-small", "named"), ("something", "all")):
        assert names(router.get_model_list(model_name=model)) == [name]
        assert await picked(router, model, synchronous=synchronous) == name
    if not synchronous:
        assert await served(router, "openai/small") == "openai"
        for model in ("gpt-4", "gpt-4-turbo-preview", "gpt-4"):
            assert (await router.acompletion(model=model, messages=HELLO, mock_response="hi")).model == model


@pytest.mark.parametrize("team", [None, "t"])
def test_a_changed_or_a_deleted_wildcard_is_gone(team: str | None) -> None:
    info = {} if team is None else {"team_id": team, "team_public_model_name": "o/*"}
    group = "o/*" if team is None else "internal"
    router = routed(row("d", group=group, model="openai/wrong/*", info=info), row("e"))

    def entries() -> list[str]:
        kept = [router.pattern_router, *router.team_pattern_routers.values()]
        return [model for one in kept for found in one.patterns.values() for model in models(found)]

    def becomes(model: str, **more: Any) -> None:
        parameters = LiteLLM_Params(model=model, api_key="k")
        router.upsert_deployment(
            Deployment(model_name=group, litellm_params=parameters, model_info={"id": "d", **info, **more})
        )

    assert entries() == ["openai/wrong/*"]
    becomes("openai/*")
    assert entries() == ["openai/*"]
    request = {"metadata": {"user_api_key_team_id": team}} if team else {}
    found = {
        router.get_available_deployment("o/gpt-4o", request_kwargs=dict(request))["litellm_params"]["model"]
        for _ in range(10)
    }
    assert found == {"openai/gpt-4o"}
    if team is not None:
        becomes("openai/*", team_id="u")
        assert models(router.team_pattern_routers["u"].route("o/x")) == ["openai/x"]
        assert entries() == ["openai/*"]
    assert router.delete_deployment(id="d") is not None
    assert router.delete_deployment(id="d") is None
    assert (entries(), names(router.model_list)) == ([], ["e"])


def test_removing_one_leaves_the_others() -> None:
    router: Any = PatternMatchRouter()
    for deployment in (row("d", model="a"), row("e", model="b"), {"litellm_params": {"model": "c"}}):
        router.add_pattern("openai/*", deployment)
    for gone, left in (("nobody", ["a", "b", "c"]), ("d", ["b", "c"]), ("e", ["c"])):
        router.remove_deployment(gone)
        assert models(router.patterns["openai/(.*)"]) == left
    router = PatternMatchRouter()
    router.add_pattern("openai/*", row("d"))
    router.remove_deployment("d")
    assert router.patterns == {}
