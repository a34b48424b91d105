"""LiteLLM's limiter after a call, with plain and odd inputs: what it answers, raises, logs and changes."""

import pytest

from support.limit_case import compare
from support.limit_oddities import ODD
from support.limit_overrides import WATCHED, on_class, on_instance

_ALWAYS = ("debugging", "verbose")
LEFT_TO_LITELLM = {
    "log": {
        *_ALWAYS,
        *("kwargs None", "kwargs text", "kwargs mapping", "kwargs of a class of its own"),
        *("payload of a class of its own", "payload frozen", "payload hidden loose", "payload hidden frozen"),
        *("response constructed", "response constructed with usage", "response raising", "private None"),
        *("hidden loose", "hidden frozen"),
        *("answer without statuses", "answer with odd statuses", "answer with text statuses"),
        "answer with a number for statuses",
    },
    "succeed": {
        *_ALWAYS,
        *("kwargs None", "kwargs text", "litellm_params text", "litellm_params an empty list"),
        *("metadata text", "metadata a number", "metadata a list", "metadata a mapping"),
        *("metadata zero, and another", "both metadata, odd ones", "both metadata, one a text"),
        *("litellm_metadata named on top, and odd", "metadata on top a number", "metadata on top a text"),
        *("user a list", "user half a character", "half a character in the payload"),
        *("internal call", "internal call of the router", "key limits the model", "key has metadata"),
        *("key has odd metadata", "key has a budget of the model"),
        *("payload a text", "payload a list", "payload metadata a text"),
        *("response None", "response a text", "response a dict", "response a frozen dict", "response of a text"),
        *("response of an embedding", "response of a rerank", "response of a subclass", "response without usage"),
        *("response constructed", "response raising", "response without room"),
        *("usage None", "usage a dict", "usage a number", "usage of a subclass", "usage true", "usage half"),
        *("usage a text inside", "usage without a sum", "usage large", "usage too large for a counter"),
        "usage beyond 64 bits",
        *("slot without keys", "slot without name", "slot without its fields", "slot with half a character"),
        *("gauge a text", "counter a text"),
        *("after a failure with half a character", "after a failure, reserved large"),
        *("reserved half", "reserved large", "reserved for an agent", "reserved for a project"),
    },
    "answer": {*_ALWAYS, "no key", "a key without a span", "gauge a text", "slot with half a character"},
}
HOOKS = tuple(LEFT_TO_LITELLM)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("hook", HOOKS)
def test_an_input(hook: str, name: str) -> None:
    calls = compare(hook, ODD[name])
    assert (calls.native > 0, calls.total) == (name not in LEFT_TO_LITELLM[hook], 2 if name == "twice" else 1)


@pytest.mark.parametrize(("hook", "method"), [(hook, method) for hook in HOOKS for method in WATCHED[hook]])
def test_a_method_that_somebody_replaced_is_called(hook: str, method: str) -> None:
    assert compare(hook, on_class(method)).native == 0
    assert compare(hook, on_instance(method)).native == 0
    # Taken out again it is LiteLLM's own.
    assert compare(hook, ODD["plain"]).native == 1
