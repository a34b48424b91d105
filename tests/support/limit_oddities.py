"""Inputs of the limiter's hooks after a call: the plain ones, and those that only LiteLLM may judge."""

import logging
from types import MappingProxyType, SimpleNamespace
from typing import Any

import litellm
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.types.utils import ModelResponse, PromptTokensDetailsWrapper, Usage

from support import limits_requests
from support.limit_case import USAGE, Case, Odd


class Frozen(dict[Any, Any]):
    """A dict that cannot be written."""

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("frozen")

    def update(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("frozen")


class Loose(dict[Any, Any]):
    """A dict of a class of its own."""


class OwnResponse(ModelResponse):
    """Somebody's subclass."""


class OwnUsage(Usage):
    """Somebody's subclass."""


class Raising:
    """A response that raises when it is looked into."""

    @property
    def _hidden_params(self) -> Any:
        raise RuntimeError("no")


def nothing(case: Case) -> None:
    """The plain case."""


def kwargs(**fields: Any) -> Odd:
    """Other values in what callbacks are handed."""
    return lambda case: case.kwargs.update(fields)


def without(name: str) -> Odd:
    return lambda case: case.kwargs.pop(name)


def all_kwargs(value: Any) -> Odd:
    return lambda case: setattr(case, "kwargs", value)


def params(**fields: Any) -> Odd:
    return lambda case: case.kwargs["litellm_params"].update(fields)


def metadata(**fields: Any) -> Odd:
    return lambda case: case.kwargs["litellm_params"]["metadata"].update(fields)


def logged(**fields: Any) -> Odd:
    return lambda case: case.kwargs["standard_logging_object"]["metadata"].update(fields)


def payload(**fields: Any) -> Odd:
    return lambda case: case.kwargs["standard_logging_object"].update(fields)


def stash(**fields: Any) -> Odd:
    def change(case: Case) -> None:
        for name, value in fields.items():
            setattr(case.stash, name, value)

    return change


def response(value: Any) -> Odd:
    return lambda case: setattr(case, "response", value() if callable(value) else value)


def of_kind(kind: str) -> Odd:
    return response(lambda: limits_requests.response(kind, USAGE))


def usage(value: Any) -> Odd:
    return lambda case: setattr(case.response, "usage", value() if callable(value) else value)


def counted(**fields: Any) -> Odd:
    """Other numbers in a plain usage, past its own checks."""
    return lambda case: vars(case.response.usage).update(fields)


def hidden(value: Any) -> Odd:
    return lambda case: setattr(case.response, "_hidden_params", value)


def private(value: Any) -> Odd:
    return lambda case: object.__setattr__(case.response, "__pydantic_private__", value)


def each(*odds: Odd) -> Odd:
    def change(case: Case) -> None:
        for odd in odds:
            odd(case)

    return change


def twice(case: Case) -> None:
    case.events = 2


def after(*hooks: str) -> Odd:
    return lambda case: setattr(case, "first", hooks)


def no_stash(case: Case) -> None:
    v3._request_stash.set(None)


def released(case: Case) -> None:
    case.stash.parallel_slot = None


def cache(key: str, value: Any) -> Odd:
    return lambda case: case.memory.set_cache(key, value, ttl=60)


def later(seconds: float) -> Odd:
    return lambda case: case.clock.move(seconds)


def debugging(case: Case) -> None:
    logger = logging.getLogger("LiteLLM Proxy")
    case.stack.callback(logger.setLevel, logger.level)
    logger.setLevel(logging.DEBUG)


def verbose(case: Case) -> None:
    case.replace(litellm._logging, "set_verbose", True)


def fresh(**fields: Any) -> Any:
    return lambda: Usage(**{**USAGE, **fields})


def no_details() -> Usage:
    made = Usage(**USAGE)
    vars(made).pop("prompt_tokens_details", None)
    return made


ODD_KWARGS: dict[str, Odd] = {
    "plain": nothing,
    "kwargs None": all_kwargs(None),
    "kwargs text": all_kwargs("text"),
    "kwargs empty": all_kwargs({}),
    "kwargs mapping": lambda case: setattr(case, "kwargs", MappingProxyType(case.kwargs)),
    "kwargs of a class of its own": lambda case: setattr(case, "kwargs", Loose(case.kwargs)),
    "no litellm_params": without("litellm_params"),
    "litellm_params None": kwargs(litellm_params=None),
    "litellm_params text": kwargs(litellm_params="text"),
    "litellm_params empty": kwargs(litellm_params={}),
    "metadata None": params(metadata=None),
    "metadata text": params(metadata="text"),
    "metadata a number": params(metadata=5),
    "metadata a list": params(metadata=["x"]),
    "metadata a mapping": params(metadata=MappingProxyType({"model_group": "gpt-4o"})),
    "metadata zero, and another": params(litellm_metadata={"x": 1}, metadata=0),
    "litellm_params an empty list": kwargs(litellm_params=[]),
    "both metadata": params(litellm_metadata={"x": 1}),
    "both metadata, odd ones": params(litellm_metadata={"x": 1}, metadata=["y"]),
    "both metadata, one a text": params(litellm_metadata="text"),
    "litellm_metadata named on top": kwargs(litellm_metadata={"model_group": "other"}),
    "litellm_metadata named on top, and odd": each(
        kwargs(litellm_metadata={}), params(litellm_metadata=["x"], metadata=None)
    ),
    "litellm_metadata odd where only the group is looked for": each(
        kwargs(litellm_metadata={}), params(litellm_metadata=[]), params(metadata={"a": 1})
    ),
    "metadata on top": kwargs(metadata={"litellm_parent_otel_span": None}),
    "metadata on top a number": kwargs(metadata=5),
    "metadata on top a text": kwargs(metadata="text"),
    "group is a number": metadata(model_group=5),
    "group is a list": each(metadata(model_group=["x"]), stash(reserved_model=None)),
    "call id a number": kwargs(litellm_call_id=5),
    "call id None": kwargs(litellm_call_id=None),
    "another call": kwargs(litellm_call_id="a call inside"),
    "user named": kwargs(user="e1"),
    "user a number": kwargs(user=5),
    "user a list": kwargs(user=["x"]),
    "user half a character": kwargs(user="\ud83d"),
    "user a character beyond 16 bits": kwargs(user="\U0001f600"),
    "internal call": metadata(**{v3.INTERNAL_CALL_ORIGIN_METADATA_KEY: "judge"}),
    "internal call of the router": metadata(**{v3.INTERNAL_CALL_ORIGIN_METADATA_KEY: "autorouter_compaction"}),
    "key limits the model": metadata(user_api_key_metadata={"model_tpm_limit": {"gpt-4o": 5}}),
    "key has metadata": metadata(user_api_key_metadata={"x": 1}),
    "key has odd metadata": metadata(user_api_key_metadata="text"),
    "key has a budget of the model": metadata(user_api_key_model_max_budget={"gpt-4o": {"tpm_limit": 3}}),
}
ODD_PAYLOADS: dict[str, Odd] = {
    "no payload": without("standard_logging_object"),
    "payload None": kwargs(standard_logging_object=None),
    "payload a text": kwargs(standard_logging_object="text"),
    "payload a list": kwargs(standard_logging_object=["x"]),
    "payload of a class of its own": lambda case: case.kwargs.update(
        standard_logging_object=Loose(case.kwargs["standard_logging_object"])
    ),
    "payload frozen": lambda case: case.kwargs.update(
        standard_logging_object=Frozen(case.kwargs["standard_logging_object"])
    ),
    "payload metadata None": payload(metadata=None),
    "payload metadata a text": payload(metadata="text"),
    "payload hidden None": payload(hidden_params=None),
    "payload hidden a text": payload(hidden_params="text"),
    "payload hidden loose": payload(hidden_params=Loose(additional_headers=Loose(x="1"))),
    "payload hidden frozen": payload(hidden_params=Frozen()),
    "payload headers": payload(
        hidden_params={"additional_headers": {"x-ratelimit-api_key-limit-tokens": 3, "b": 1}}
    ),
    "payload headers None": payload(hidden_params={"additional_headers": None}),
    "payload headers frozen": payload(hidden_params={"additional_headers": Frozen(x=1)}),
    "team of the payload": logged(user_api_key_team_id="other"),
    "no key in the payload": logged(user_api_key_hash=None),
    "half a character in the payload": logged(user_api_key_end_user_id="x\udc00"),
    "organisation, project and agent": logged(
        user_api_key_org_id="org", user_api_key_project_id="p", agent_id="a", trace_id="t"
    ),
}
ODD_RESPONSES: dict[str, Odd] = {
    "response None": response(None),
    "response a text": response("text"),
    "response a dict": of_kind("dict"),
    "response a frozen dict": response(lambda: Frozen(_hidden_params={}, usage=dict(USAGE))),
    "response of a text": of_kind("text"),
    "response of an embedding": of_kind("embedding"),
    "response of a rerank": of_kind("rerank"),
    "response of a subclass": response(lambda: OwnResponse(id="r", created=1, usage=Usage(**USAGE))),
    "response without usage": response(lambda: ModelResponse(id="r", created=1)),
    "response without object": lambda case: vars(case.response).pop("object"),
    "response constructed": response(lambda: ModelResponse.model_construct()),
    "response constructed with usage": response(lambda: ModelResponse.model_construct(usage=Usage(**USAGE))),
    "response called a batch": lambda case: vars(case.response).update(object="batch", status="completed"),
    "response raising": response(Raising),
    "response without room": response(lambda: SimpleNamespace()),
    "hidden None": hidden(None),
    "hidden a text": hidden("text"),
    "hidden empty": hidden({}),
    "hidden loose": hidden(Loose(additional_headers={"x": 1})),
    "hidden frozen": hidden(Frozen()),
    "hidden headers None": hidden({"additional_headers": None}),
    "hidden headers a text": hidden({"additional_headers": "text"}),
    "hidden headers loose": hidden({"additional_headers": Loose(x=1)}),
    "hidden headers frozen": hidden({"additional_headers": Frozen(x=1)}),
    "hidden headers of the limiter": hidden(
        {"additional_headers": {"x-ratelimit-api_key-limit-tokens": 3, "b": 1}}
    ),
    "private None": private(None),
    "private empty": private({}),
    "hidden in the open": lambda case: vars(case.response).update(_hidden_params={"a": 1}),
}
ODD_USAGES: dict[str, Odd] = {
    "usage None": usage(None),
    "usage a dict": usage(lambda: dict(USAGE)),
    "usage a number": usage(5),
    "usage of a subclass": usage(lambda: OwnUsage(**USAGE)),
    "usage without its details": usage(no_details),
    "usage without tokens": usage(lambda: Usage()),
    "usage cached": usage(fresh(prompt_tokens_details=PromptTokensDetailsWrapper(cached_tokens=5))),
    "usage cached more than used": usage(fresh(prompt_tokens_details={"cached_tokens": 1000})),
    "usage cached None": usage(fresh(prompt_tokens_details=PromptTokensDetailsWrapper(cached_tokens=None))),
    "usage only a sum": counted(prompt_tokens=0, completion_tokens=0),
    "usage only a sum, cached": usage(
        fresh(prompt_tokens=0, completion_tokens=0, prompt_tokens_details={"cached_tokens": 1000})
    ),
    "usage of nothing": counted(prompt_tokens=0, completion_tokens=0, total_tokens=0),
    "usage as reserved": counted(total_tokens=54),
    "usage None inside": counted(prompt_tokens=None, completion_tokens=None, total_tokens=None),
    "usage true": counted(total_tokens=True),
    "usage false": counted(total_tokens=False),
    "usage half": counted(total_tokens=0.5),
    "usage a text inside": counted(total_tokens="5"),
    "usage below zero": counted(total_tokens=-40),
    "usage large": counted(total_tokens=2**52),
    "usage too large for a counter": counted(total_tokens=2**63 - 1),
    "usage beyond 64 bits": counted(total_tokens=10**20),
    "usage without a sum": lambda case: vars(case.response.usage).pop("total_tokens"),
}
ODD_STASHES: dict[str, Odd] = {
    "no stash": no_stash,
    "stash without owner": stash(owner_litellm_call_id=None),
    "stash of another call": stash(owner_litellm_call_id="other"),
    "slot given back": released,
    "slot without keys": stash(parallel_slot={"slot_id": "s", "counter_keys": []}),
    "slot without name": stash(parallel_slot={"slot_id": "", "counter_keys": ["k"]}),
    "slot of an unknown gauge": stash(parallel_slot={"slot_id": "s", "counter_keys": ["unknown"]}),
    "slot with half a character": stash(parallel_slot={"slot_id": "s", "counter_keys": ["\ud83d"]}),
    "slot without its fields": stash(parallel_slot={}),
    "gauge a number": cache("{api_key:key}:max_parallel_requests", 3),
    "gauge a text": lambda case: case.memory.cache_dict.update({"{api_key:key}:max_parallel_requests": "abc"}),
    "counter a text": lambda case: case.memory.cache_dict.update({"{api_key:key}:tokens": "abc"}),
    "counter half": lambda case: case.memory.cache_dict.update({"{api_key:key}:tokens": 1.5}),
    "nothing reserved": stash(reserved_tokens=0, reserved_model=None, reserved_scopes=frozenset()),
    "reserved half": stash(reserved_tokens=0.5),
    "reserved large": stash(reserved_tokens=10**20),
    "reserved for an agent": stash(reserved_scopes=frozenset({("agent", "a"), ("agent_session", "a:s")})),
    "reserved elsewhere": stash(reserved_scopes=frozenset({("team", "team")})),
    "reserved for a project": stash(itpm_reserved_tokens=5, itpm_reserved_scopes=frozenset({("p", "m")})),
    "tags": stash(tpm_limited_tags=frozenset({"t2", "t1"})),
    "no answer of the limiter": stash(rate_limit_response=None),
    "answer without statuses": stash(rate_limit_response={"overall_code": "OK"}),
    "answer with no statuses": stash(rate_limit_response={"overall_code": "OK", "statuses": []}),
    "answer with odd statuses": stash(rate_limit_response={"statuses": [{"descriptor_key": "x"}]}),
    "answer with text statuses": stash(rate_limit_response={"statuses": ["x"]}),
    "answer with a number for statuses": stash(rate_limit_response={"statuses": 5}),
    "no key": lambda case: setattr(case, "key", None),
    "a key without a span": lambda case: setattr(case, "key", SimpleNamespace()),
    "after an answer": after("answer"),
    "after a failure": after("fail"),
    "after a success": after("succeed"),
    "after a failure with half a character": each(kwargs(user="\ud83d"), after("fail"), released),
    "after a failure, reserved large": each(stash(reserved_tokens=10**20), after("fail")),
    "after a failure and another admission": after("fail", "admit"),
    "twice": twice,
    "a window later": later(61),
    "counters gone": lambda case: case.memory.flush_cache(),
    "debugging": debugging,
    "verbose": verbose,
    "output counts": lambda case: case.settings(token_rate_limit_type="output"),
    "input counts": lambda case: case.settings(token_rate_limit_type="input"),
    "input counts, cached": lambda case: each(
        lambda one: one.settings(token_rate_limit_type="input"),
        usage(fresh(prompt_tokens_details={"cached_tokens": 5})),
    )(case),
    "nonsense counts": lambda case: case.settings(token_rate_limit_type="nonsense"),
    "None counts": lambda case: case.settings(token_rate_limit_type=None),
}
ODD: dict[str, Odd] = {**ODD_KWARGS, **ODD_PAYLOADS, **ODD_RESPONSES, **ODD_USAGES, **ODD_STASHES}
