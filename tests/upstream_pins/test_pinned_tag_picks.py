"""Tags: which deployments of a group a request may go to."""

from collections.abc import Sequence
from typing import Any

import pytest
from litellm.router_strategy import tag_based_routing as tags
from litellm.types.router import RouterErrors

from support.limiter import in_a_loop
from support.routes import names, routed, row, served

pytestmark = pytest.mark.usefixtures("side")

REFUSED = RouterErrors.no_deployments_with_tag_routing.value


def tagged(rows: dict[str, Sequence[str] | None], **keys: Any) -> list[Any]:
    """Deployments and their tags; one with none has not even the key."""
    return [row(name, **({} if found is None else {"tags": list(found)}), **keys) for name, found in rows.items()]


async def allowed(rows: Any, request: Any, *, router: Any = None, field: Any = "metadata", **kept: Any) -> Any:
    """The deployments that are left, or that it was refused."""
    rows = tagged(rows) if isinstance(rows, dict) else rows
    router = router or routed(*rows, enable_tag_filtering=True, **kept)
    try:
        left = await tags.get_deployments_for_tag(
            llm_router_instance=router,
            model="m",
            healthy_deployments=rows,
            request_kwargs=request,
            metadata_variable_name=field,
        )
    except ValueError as error:
        return str(error).partition(". Passed model=m")[0]
    assert all(any(deployment is one for one in rows) for deployment in left)
    return names(left)


PAID = {"d": ["free"], "e": ["paid"]}
DEFAULT = {"d": ["default"], "e": None, "f": ["a"]}


SERVED: Any = [
    (PAID, ["free"], ["d"]),
    (PAID, ["paid"], ["e"]),
    (PAID, ["free", "paid"], ["d", "e"]),
    (PAID, ["else"], REFUSED),
    (PAID, [], ["d", "e"]),
    (PAID, None, ["d", "e"]),
    (DEFAULT, [], ["d"]),
    (DEFAULT, ["default"], ["d"]),
    (DEFAULT, ["else"], ["d"]),
    (DEFAULT, ["a"], ["f"]),
    ({"d": None, "e": None, "f": ["a"]}, ["else"], REFUSED),
    # One that somebody has, although not now, is not served by the rest.
    ({"d": ["default", "high"], "e": ["default", "low"]}, ["foreign"], ["d", "e"]),
    # Not that one.
    ({"d": ["p:a", "x"], "e": ["p:o"]}, ["!p:a"], ["e"]),
    ({"d": ["p:a"], "e": ["p:o"], "f": ["p:v"]}, ["!p:a", "!p:o"], ["f"]),
    ({"d": ["paid", "p:a"], "e": ["paid", "p:o"], "f": ["free", "p:o"]}, ["paid", "!p:a"], ["e"]),
    ({"d": ["p:a"]}, ["!p:a"], REFUSED),
    ({"d": ["default"], "e": ["paid"]}, ["!default"], REFUSED),
    ({"d": ["default"], "e": ["paid"]}, ["!paid"], ["d"]),
    ({"d": ["p:a"], "e": None}, ["!p:a"], ["e"]),
    ({"d": ["p:a-h"], "e": ["p:o"]}, ["!p:a"], ["d", "e"]),
    ({"d": ["p:a"], "e": ["p:o"]}, ["!p:(a|o)"], ["d", "e"]),
    ({"d": ["p:a", "paid"]}, ["!p:a", "paid"], REFUSED),
    # All of those.
    ({"d": ["h", "p:a"], "e": ["h", "p:o"]}, ["&h", "&p:a"], ["d"]),
    ({"d": ["h", "p:a"], "e": ["l", "p:a"]}, ["&h", "&p:a"], ["d"]),
    ({"d": ["h", "p:a"], "e": ["h", "p:o"]}, ["&h", "!p:a"], ["e"]),
    ({"d": ["h", "p:a"], "e": ["h", "p:v"], "f": ["l", "p:a"]}, ["&h", "p:a", "p:o"], ["d"]),
    ({"d": ["h"], "e": ["l"]}, ["&h"], ["d"]),
    ({"d": ["l"]}, ["&h"], REFUSED),
    ({"d": ["l", "p:a"]}, ["&h", "p:a"], REFUSED),
    ({"d": ["p:a", "us"], "e": ["default", "p:o"]}, ["&us"], ["d"]),
    ({"d": ["h", "p:a"], "e": ["default", "l"]}, ["&h", "p:o"], REFUSED),
    # A mark with nothing behind it is nothing.
    ({"d": ["paid"], "e": ["free"]}, ["paid", "!", "&"], ["d"]),
]


@pytest.mark.parametrize("field", ["metadata", "litellm_metadata"])
@in_a_loop
async def test_who_may_serve_which_tags(field: str) -> None:
    for rows, asked, left in SERVED:
        request = {field: {} if asked is None else {"tags": asked}}
        assert await allowed(rows, request, field=field) == left, (rows, asked)


@pytest.mark.parametrize(("known", "left"), [(["high"], REFUSED), (["foreign"], ["f", "g"])])
@in_a_loop
async def test_what_the_group_has_and_nobody_serves_now_is_not_served_by_the_rest(known: Any, left: Any) -> None:
    rows = tagged(
        {name: ["default", tag] for name, tag in zip("defg", ("high", "high", "low", "low"), strict=True)}
    )
    router = routed(*rows, enable_tag_filtering=True)
    assert await allowed(rows[2:], {"metadata": {"tags": known}}, router=router) == left
    for deployment in rows:
        deployment["model_info"]["allow_fail_open"] = True
    assert await allowed(rows[2:], {"metadata": {"tags": known}}, router=router) == ["f", "g"]
    assert tags._tag_known_to_group(router, "m", known, frozenset()) is (left == REFUSED)


MATCHES: Any = [
    (["a", "b"], ["a"], True, True),
    (["a", "b"], ["a", "b"], True, True),
    (["a", "b"], ["a", "c"], True, False),
    (["a"], ["a", "b"], True, False),
    (["a", "b"], ["c"], False, False),
    (["a", "b"], [], False, False),
    (["default"], ["a"], False, False),
]


def test_some_of_the_tags_or_every_one() -> None:
    for held, asked, some, every in MATCHES:
        assert tags.is_valid_deployment_tag(held, asked) is some
        assert tags.is_valid_deployment_tag(held, asked, match_any=False) is every


@in_a_loop
async def test_a_router_may_ask_for_every_tag() -> None:
    rows = {"d": ["a", "b"], "e": ["a"]}
    asked = {"metadata": {"tags": ["a", "b"]}}
    assert await allowed(rows, asked) == ["d", "e"]
    assert await allowed(rows, asked, tag_filtering_match_any=False) == ["d"]


@pytest.mark.parametrize(
    ("router", "group", "request_says", "filtered"),
    [
        (False, None, True, True),
        (True, None, False, True),
        (False, True, None, True),
        (True, False, None, False),
        (False, False, True, True),
        (False, None, None, False),
        (True, None, None, True),
    ],
)
@in_a_loop
async def test_who_may_say_whether_tags_count(
    router: bool, group: bool | None, request_says: bool | None, filtered: bool
) -> None:
    rows = [
        row("d", tags=["a"], info={"enable_tag_filtering": group} if group is not None else {}),
        row("e", tags=["b"]),
    ]
    one = routed(*rows, enable_tag_filtering=router)
    request: dict[str, Any] = {"metadata": {"tags": ["b"]}}
    if request_says is not None:
        request["enable_tag_filtering"] = request_says
    left = await allowed(rows, request, router=one)
    assert left == (["e"] if filtered else ["d", "e"])
    # The group's word holds although its deployment is not among the healthy ones.
    assert await allowed(rows[1:], {"metadata": {"tags": ["b"]}}, router=one) == ["e"]
    assert await allowed(rows, None, router=one) == ["d", "e"]


def test_the_groups_word_is_looked_for_in_all_of_it() -> None:
    class Group:
        def __init__(self, found: Any) -> None:
            self.found = found

        def get_all_deployments(self, model_name: str) -> Any:
            assert model_name == "m"
            if isinstance(self.found, Exception):
                raise self.found
            return self.found

    says, silent = {"model_info": {"enable_tag_filtering": True}}, {"model_info": {}}
    override: Any = tags._chain_tag_filtering_override
    assert override(Group([silent, says]), "m", [silent]) is True
    assert override(Group([silent, {}]), "m", [silent]) is None
    assert override(Group(RuntimeError("no such group")), "m", [says]) is True


PARTS: Any = [
    (["a", "b"], ((), ["a", "b"], ())),
    (["!a"], ((), [], ("a",))),
    (["&a", "&b"], (("a", "b"), [], ())),
    (["a", "!b", "!c", "&d"], (("d",), ["a"], ("b", "c"))),
    (["a", "!", "&"], ((), ["a"], ())),
    ([], ((), [], ())),
]


def test_tags_are_wanted_required_or_barred() -> None:
    for asked, parts in PARTS:
        assert tags._split_tags(asked) == parts


FOUND: Any = [
    (None, []),
    ({"metadata": {"tags": ["free"]}}, ["free"]),
    ({"metadata": {"tags": ["free", 7, None, "paid"]}}, ["free", "paid"]),
    ({"metadata": {"tags": []}}, []),
    ({"metadata": {"tags": None}}, []),
    ({"metadata": {"tags": "free"}}, []),
    ({"metadata": {"tags": {"free": "paid"}}}, []),
    ({"metadata": None}, []),
    ({"metadata": "no dict"}, []),
    ({"litellm_metadata": ["no", "dict"]}, []),
    ({"litellm_metadata": {"tags": ["alt"]}}, ["alt"]),
    ({"litellm_params": {"metadata": {"tags": ["paid"]}}}, ["paid"]),
    ({"litellm_params": {"metadata": None}}, []),
    ({"litellm_params": "no dict"}, []),
    ({"litellm_params": {}}, []),
    ({"else": 1}, []),
]


def test_the_tags_of_a_request() -> None:
    for request, found in FOUND:
        assert tags.get_tags_from_request_kwargs(request) == found, request


def test_the_tags_of_a_request_in_the_other_field() -> None:
    nested = {"litellm_params": {"litellm_metadata": {"tags": ["alt"]}}}
    assert tags.get_tags_from_request_kwargs(nested, "litellm_metadata") == ["alt"]


@pytest.mark.parametrize(
    ("model", "asked", "name"),
    [
        ("m", ["free"], "d"),
        ("m", ["paid"], "e"),
        ("m", ["!p:a"], "f"),
        ("n", ["!p:v"], REFUSED),
        ("n", ["&h"], "f"),
    ],
)
@in_a_loop
async def test_a_router_serves_by_tags_and_falls_back_where_none_may(model: str, asked: Any, name: str) -> None:
    router = routed(
        *tagged({"d": ["free", "p:a"], "e": ["paid", "p:a"]}),
        row("g", group="n", tags=["p:v"]),
        row("f", group="last", tags=["p:v", "h"]),
        enable_tag_filtering=True,
        fallbacks=[{"m": ["last"]}, {"n": ["last"]}],
    )
    if name == REFUSED:
        with pytest.raises(Exception, match=RouterErrors.no_deployments_with_tag_routing.value):
            await served(router, model, metadata={"tags": asked})
        return
    for _ in range(3):
        assert await served(router, model, metadata={"tags": asked}) == name


@in_a_loop
async def test_embeddings_and_responses_go_by_tags_too() -> None:
    router = routed(
        *(row(name, tags=[tag], mock_response=[1, 2, 3]) for name, tag in (("d", "free"), ("e", "paid"))),
        enable_tag_filtering=True,
    )
    for tag, name in (("free", "d"), ("paid", "e")):
        found = await router.aembedding(model="m", input="hi", metadata={"tags": [tag]}, mock_response=[1, 2, 3])
        assert found._hidden_params["model_id"] == name
        found = await router.aresponses(
            model="m", input="hi", litellm_metadata={"tags": [tag]}, mock_response="hello"
        )
        assert found._hidden_params["model_id"] == name
