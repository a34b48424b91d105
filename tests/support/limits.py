"""A rate limiter of LiteLLM's proxy that a program runs on, with a cache and a clock of its own."""

import asyncio
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import litellm.proxy.proxy_server as proxy_server
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.proxy.utils import InternalUsageCache
from litellm.types.agents import AgentResponse

from support import limits_requests, sides
from support.cache_world import ends
from support.clocks import Clock
from support.limits_keys import GROUPS, LimitedKey
from support.programs import Step
from support.shown import Shown, Told

_SLOT: Final = re.compile(r"\b[0-9a-f]{12}4[0-9a-f]{19}\b")


@dataclass(frozen=True)
class Setting:
    """How the limiter of a world is made."""

    capacity: int | None = None
    window_s: int = 60
    reserves_tokens: bool = True
    token_type: str | None = None
    own_clock: bool = True
    tags: tuple[tuple[str, tuple[int | None, int | None]], ...] = ()
    every: int = 10
    """How often the whole cache is compared, in steps."""


@dataclass
class Request:
    """One request of a program, from admission to its last callback."""

    data: dict[str, Any]
    key: Any
    stash: Any = None
    response: Any = None
    held: Any = None
    """An open `request_capacity`."""


class LimitWorld:
    """One limiter and its requests. Every step runs in the context that its request left behind."""

    def __init__(self, setting: Setting, redis_cache: Any = None, clock: Clock | None = None) -> None:
        self.setting = setting
        self.clock = clock or Clock()
        self.shown = Shown()
        self.requests: dict[int, Request] = {}
        self.keys: dict[int, Any] = {}
        self.fail_closed = False
        self._steps = 0
        self._slot_numbers: dict[str, int] = {}
        self._overridden: list[str] = []
        self._token_type = proxy_server.general_settings.pop("token_rate_limit_type", None)
        if setting.token_type is not None:
            proxy_server.general_settings["token_rate_limit_type"] = setting.token_type
        # Without a capacity the cache is made as the proxy makes it.
        memory = InMemoryCache(max_size_in_memory=setting.capacity, clock=self.clock)
        self.memory = memory
        self.cache = DualCache(in_memory_cache=memory, redis_cache=redis_cache, default_in_memory_ttl=1)
        self.limiter: Any = v3._PROXY_MaxParallelRequestsHandler_v3(
            InternalUsageCache(self.cache),
            time_provider=self.clock.date,
            tag_rate_limit_resolver=self._tag_limits,
            model_group_resolver=GROUPS.get,
            fail_closed_resolver=lambda: self.fail_closed,
        )
        self.limiter.window_size = setting.window_s
        self.limiter.tpm_reservation_enabled = setting.reserves_tokens

    async def _tag_limits(self, tags: Sequence[str]) -> Mapping[str, Any]:
        return {tag: v3.TagRateLimit(rpm, tpm) for tag, (rpm, tpm) in self.setting.tags if tag in tags}

    async def step(self, step: Step) -> str:
        self._steps += 1
        told = await self.outcome(getattr(self, f"_{step[0]}"), *step[1:])
        return (
            f"{self._named(told)}\n{self.state()}" if self._steps % self.setting.every == 0 else self._named(told)
        )

    def _named(self, text: str) -> str:
        """The text with slots as numbers, in the order in which they were first seen: their names are random."""
        return _SLOT.sub(
            lambda found: f"slot {self._slot_numbers.setdefault(found[0], len(self._slot_numbers))}", text
        )

    async def close(self) -> None:
        for request in self.requests.values():
            if request.held is not None:
                await request.held.__aexit__(None, None, None)
        proxy_server.general_settings.pop("token_rate_limit_type", None)
        if self._token_type is not None:
            proxy_server.general_settings["token_rate_limit_type"] = self._token_type

    async def outcome(self, function: Callable[..., Any], *arguments: Any) -> str:
        try:
            value = function(*arguments)
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:  # noqa: BLE001  # an error is a result to compare
            return self.shown(error)
        return self.shown(value)

    def state(self) -> str:
        """The whole cache: keys in order, values, ends and the heap."""
        return self._named(
            "\n".join(
                (
                    self.shown.mapping(self.memory.cache_dict),
                    self.shown.mapping(self.memory.ttl_dict),
                    ends(self.memory, self.shown),
                    ascii(self.clock.now_s),
                )
            )
        )

    # What a program may do.

    def _key(self, number: int, key: LimitedKey) -> Any:
        """A key as auth would hand it on; a second time with other limits."""
        made = UserAPIKeyAuth(**deepcopy(key["fields"]))
        # The token as it stands: UserAPIKeyAuth hashes what looks like a secret.
        made.invoked_agent_id = key["fields"].get("invoked_agent_id")
        for name, policy in key["agents"].items():
            setattr(made, name, AgentResponse(**policy))
        self.keys[number] = made

    async def _admit(self, number: int, key: int, data: dict[str, Any], call_type: str) -> str:
        if key not in self.keys:
            return "no key"
        request = self.requests[number] = Request(deepcopy(data), self.keys[key])
        v3._request_stash.set(None)
        told = await self.outcome(self._pre_call, request, call_type)
        request.stash = v3._request_stash.get()
        return Told(f"{told} {self.shown(request.data)} {self.shown(request.stash)}")

    def _pre_call(self, request: Request, call_type: str) -> Any:
        return self.limiter.async_pre_call_hook(
            user_api_key_dict=request.key, cache=self.cache, data=request.data, call_type=call_type
        )

    async def _burst(self, admissions: tuple[tuple[Any, ...], ...]) -> Any:
        """Several requests at once, each in a task of its own."""
        return await asyncio.gather(*(asyncio.create_task(self._admit(*one)) for one in admissions))

    async def _during(self, number: int, run: Callable[[Request], Any]) -> str:
        request = self.requests.get(number)
        if request is None:
            return "no request"
        v3._request_stash.set(request.stash)
        told = await self.outcome(run, request)
        return Told(f"{told} {self.shown(request.stash)}")

    async def _answer(self, number: int, kind: str, usage: dict[str, Any]) -> str:
        """The proxy's hook before it answers."""

        def run(request: Request) -> Any:
            request.response = limits_requests.response(kind, usage)
            return self.limiter.async_post_call_success_hook(
                data=request.data, user_api_key_dict=request.key, response=request.response
            )

        told = await self._during(number, run)
        return Told(f"{told} {self._headers(self.requests[number].response) if number in self.requests else ''}")

    def _headers(self, response: Any) -> str:
        if isinstance(response, dict):
            return self.shown(response)
        return self.shown(getattr(response, "_hidden_params", None))

    async def _log(self, number: int) -> str:
        """The logging hook, which mirrors the headers into the payload of callbacks."""
        request = self.requests.get(number)
        if request is None:
            return "no request"
        given = self._kwargs(request, own=True)
        told = await self._during(
            number, lambda one: self.limiter.async_logging_hook(given, one.response, "acompletion")
        )
        return Told(f"{told} {self.shown(given['standard_logging_object'])} {self._headers(request.response)}")

    async def _succeed(self, number: int, kind: str, usage: dict[str, Any], own: bool, combined: bool) -> str:
        """The success event; `own` is False for a call that was made inside the request."""

        def run(request: Request) -> Any:
            answer = limits_requests.response(kind, usage)
            given = self._kwargs(request, own=own, combined=usage if combined else None)
            return self.limiter.async_log_success_event(given, answer, None, None)

        return await self._during(number, run)

    async def _fail(self, number: int, usage: dict[str, Any] | None, own: bool) -> str:
        """The failure event, with the usage of a stream that broke off or without."""

        def run(request: Request) -> Any:
            given = self._kwargs(request, own=own, combined=usage)
            return self.limiter.async_log_failure_event(given, None, None, None)

        return await self._during(number, run)

    async def _reject(self, number: int) -> str:
        """Another hook of the proxy refused the request."""
        return await self._during(
            number,
            lambda one: self.limiter.async_post_call_failure_hook(one.data, ValueError("refused"), one.key),
        )

    async def _disconnect(self, number: int) -> str:
        return await self._during(
            number, lambda one: self.limiter.async_release_max_parallel_requests_on_disconnect(one.key)
        )

    def _kwargs(self, request: Request, *, own: bool, combined: Any = None) -> dict[str, Any]:
        call_id = request.data["litellm_call_id"] if own else "a call inside"
        return limits_requests.kwargs(request.data, request.key, call_id=call_id, combined=combined)

    async def _hold(self, number: int, key: int, model: str) -> Any:
        """Enter `request_capacity`, or leave it."""
        if number in self.requests:
            held, self.requests[number].held = self.requests[number].held, None
            return None if held is None else await held.__aexit__(None, None, None)
        if key not in self.keys:
            return "no key"
        held = self.limiter.request_capacity(self.keys[key], model)
        await held.__aenter__()
        self.requests[number] = Request({"litellm_call_id": f"call {number}"}, self.keys[key], held=held)
        return "held"

    async def _check(self, descriptors: list[dict[str, Any]], keywords: dict[str, Any]) -> Any:
        return await self.limiter.should_rate_limit(descriptors=deepcopy(descriptors), **keywords)

    async def _count(self, descriptors: list[dict[str, Any]], increments: list[dict[str, int]]) -> Any:
        return await self.limiter.atomic_check_and_increment_by_n(
            descriptors=deepcopy(descriptors), increments=deepcopy(increments)
        )

    async def _window(self, keys: list[str], window_s: int) -> Any:
        return await self.limiter.in_memory_cache_sliding_window(
            keys=list(keys), now_int=int(self.clock.now_s), window_size=window_s
        )

    async def _slots(self, how: str, keys: list[str], slot: str, limit: int) -> Any:
        if how == "release":
            return await self.limiter._release_parallel_request_slots(
                {"counter_keys": list(keys), "slot_id": slot}
            )
        gauges = [{"counter_key": key, "limit": limit, "descriptor_key": "api_key"} for key in keys]
        return await self.limiter._check_parallel_request_gauges(gauges, slot, read_only=how == "look")

    async def _serve(self, key: int, name: str, rpm: int | None) -> Any:
        """A call of a tool on an MCP server."""
        server = SimpleNamespace(alias=name, server_name=None, name="n", rpm=rpm, server_id=f"id {name}")
        return await self.limiter.enforce_mcp_server_rate_limits(self.keys.get(key), server)

    async def _frame(self, key: int, model: str, tokens_in: int, tokens_out: int) -> Any:
        return await self.limiter.enforce_project_io_token_quota_for_frame(
            self.keys.get(key), model, tokens_in, tokens_out
        )

    async def _cache(self, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        value = getattr(self.cache, method)(*deepcopy(arguments), **keywords)
        return await value if inspect.isawaitable(value) else value

    def _direct(self, which: str, method: str, arguments: tuple[Any, ...]) -> Any:
        return getattr(getattr(self.memory, which), method)(*deepcopy(arguments))

    def _move(self, by_s: float) -> None:
        self.clock.move(by_s)

    def _edge(self, key: str) -> str:
        """To the exact end of the window of that key, if it has one."""
        start = self.memory.cache_dict.get(f"{key}:window")
        if start is not None:
            self.clock.now_s = float(start) + self.limiter.window_size
        return ascii(start)

    def _set(self, name: str, value: Any) -> None:
        if name == "fail_closed":
            self.fail_closed = value
        elif name == "capacity":
            self.memory.max_size_in_memory = value
        else:
            setattr(self.limiter, name, value)

    def _override(self, name: str) -> str:
        """An attribute of the instance, as tests of LiteLLM set them; a second time it is taken back."""
        if name in self._overridden:
            self._overridden.remove(name)
            delattr(self.limiter, name)
            return "taken back"
        original = getattr(self.limiter, name)

        async def override(*arguments: Any, **keywords: Any) -> Any:
            self.memory.set_cache("overridden", name, ttl=5)
            return await original(*arguments, **keywords)

        setattr(self.limiter, name, override)
        self._overridden.append(name)
        return "overridden"

    def _switch(self, feature: str, mode: str) -> None:
        sides.switch(feature, mode)
