"""One request of a limited key and one hook that follows it: all that can be seen of the hook, on either side."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import litellm.proxy.proxy_server as proxy_server
from litellm.caching.dual_cache import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.proxy.utils import InternalUsageCache

import accel
from support import limits_requests, sides
from support.calls import Calls, calls_of
from support.clocks import Clock
from support.shown import Shown

_SLOT = re.compile(r"\b[0-9a-f]{12}4[0-9a-f]{19}\b")
CLASS = "_PROXY_MaxParallelRequestsHandler_v3"
USAGE = {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}
LIMITS = {"rpm_limit": 100, "tpm_limit": 10_000, "max_parallel_requests": 5}
HOOKS = {
    "admit": "async_pre_call_hook",
    "log": "async_logging_hook",
    "succeed": "async_log_success_event",
    "answer": "async_post_call_success_hook",
}


class Case:
    """An admitted request and what its hooks are handed. An oddity changes any of it."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.clock = Clock()
        self.memory = InMemoryCache(clock=self.clock)
        self.limiter: Any = v3._PROXY_MaxParallelRequestsHandler_v3(
            InternalUsageCache(DualCache(in_memory_cache=self.memory)), time_provider=self.clock.date
        )
        self.key: Any = UserAPIKeyAuth(api_key="key", user_id="u1", team_id="team", **LIMITS)
        self.data: Any = {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "A short question?"}],
            "max_tokens": 50,
            "litellm_call_id": "call",
        }
        self.call_type: Any = "acompletion"
        self.kwargs: Any = limits_requests.kwargs(self.data, self.key, call_id="call", combined=None)
        self.response: Any = limits_requests.response("chat", USAGE)
        self.first: tuple[str, ...] = ()
        """Hooks that were called before this one."""
        self.events = 1
        """How often the hook is called."""

    @property
    def stash(self) -> Any:
        return v3.get_request_stash()

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Somebody's own in the place of LiteLLM's, until the case ends."""
        self.stack.enter_context(patch.object(owner, name, value))

    def settings(self, **general: Any) -> None:
        """`general_settings` of the proxy."""
        self.stack.enter_context(patch.dict(proxy_server.general_settings, general))

    async def admit(self) -> None:
        await self.limiter.async_pre_call_hook(
            user_api_key_dict=self.key,
            cache=self.limiter.internal_usage_cache.dual_cache,
            data=self.data,
            call_type=self.call_type,
        )

    async def log(self) -> Any:
        told = await self.limiter.async_logging_hook(self.kwargs, self.response, "acompletion")
        # As they are, so that copies are not taken for them.
        return told[0] is self.kwargs, told[1] is self.response

    async def succeed(self) -> Any:
        return await self.limiter.async_log_success_event(self.kwargs, self.response, None, None)

    async def fail(self) -> Any:
        return await self.limiter.async_log_failure_event(self.kwargs, None, None, None)

    async def answer(self) -> Any:
        return await self.limiter.async_post_call_success_hook(
            data=self.data, user_api_key_dict=self.key, response=self.response
        )


Odd = Callable[[Case], None]


class _Lines(logging.Handler):
    """What LiteLLM logs at WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.lines.append(f"{record.levelname} {record.getMessage()} {type(error).__name__}")


@contextmanager
def _logged() -> Iterator[list[str]]:
    handler = _Lines()
    loggers = [logging.getLogger(name) for name in ("LiteLLM", "LiteLLM Proxy")]
    logging.disable(logging.NOTSET)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


async def _observed(hook: str, odd: Odd, before: Odd | None) -> tuple[list[str], Calls]:
    shown, told = Shown(), []
    v3._request_stash.set(None)
    with ExitStack() as stack:
        case = Case(stack)
        if before is not None:
            before(case)
        if hook != "admit":
            await case.admit()
        odd(case)
        for earlier in case.first:
            await getattr(case, earlier)()
        with _logged() as lines, calls_of("rate_limiting", f"{CLASS}.{HOOKS[hook]}") as calls:
            for _ in range(case.events):
                try:
                    told.append(shown(await getattr(case, hook)()))
                except Exception as error:  # noqa: BLE001  # an error is a result to compare
                    told.append(shown(error))
        seen = [*told, *lines, shown(case.data), shown(case.kwargs), _of_response(case.response, shown)]
        # In order of the keys: accel has one that is half a character behind the others.
        seen += [
            shown.mapping(dict(sorted(held.items()))) for held in (case.memory.cache_dict, case.memory.ttl_dict)
        ]
        seen.append(shown(case.stash))
    return _named("\n".join(seen)).split("\n"), calls


def _named(text: str) -> str:
    """The text with slots as numbers in the order in which they are seen: their names are random."""
    numbers: dict[str, int] = {}
    return _SLOT.sub(lambda found: f"slot {numbers.setdefault(found[0], len(numbers))}", text)


def _of_response(response: Any, shown: Shown) -> str:
    if isinstance(response, dict):
        return shown(response)
    try:
        fields = {name: value for name, value in vars(response).items() if name not in ("id", "created")}
        return f"{shown(getattr(response, '_hidden_params', 'none'))} {shown(fields)}"
    except Exception as error:  # noqa: BLE001  # an odd response
        return type(error).__name__


def observed(
    side: AbstractContextManager[Any], hook: str, odd: Odd, before: Odd | None = None
) -> tuple[list[str], Calls]:
    """What the hook does and leaves behind, and who answered. `before` happens ahead of the admission."""
    with side, sides.seeded_ids("case"):
        return asyncio.run(_observed(hook, odd, before))


def compare(hook: str, odd: Odd, before: Odd | None = None) -> Calls:
    """Both sides must show the same; gives the accelerated side's calls of the hook's seam."""
    # A case that fails must not make the others Python's.
    accel.reset_errors()
    their, _ = observed(sides.plain(), hook, odd, before)
    our, calls = observed(sides.accelerated(), hook, odd, before)
    assert our == their, [pair for pair in zip(their, our, strict=False) if pair[0] != pair[1]]
    return calls
