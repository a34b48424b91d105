"""The limiter's hook before a response leaves: the slot given back, the limits put into its headers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.caching.memory import REPRODUCES as STORE
from accel.features.rate_limiting import headers
from accel.features.rate_limiting.handler import CACHES, CLASS, MODULE, in_memory
from accel.features.rate_limiting.releasing import REPRODUCES as RELEASING
from accel.features.rate_limiting.releasing import Releasing
from accel.features.rate_limiting.steps import Memory
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_HEADERS: Final = "litellm.router_utils.add_retry_fallback_headers"
_STEPS: Final = (
    *(
        f"{CLASS}.{method}"
        for method in (
            "_handle_batch_enqueued_post_call",
            "_release_parallel_request_slots_in_memory",
            "async_post_call_success_hook",
        )
    ),
    f"{_HEADERS}:ensure_response_additional_headers",
    f"{_HEADERS}:response_has_hidden_params",
    *headers.REPRODUCES,
)
_BOUND: Final = {
    f"{MODULE}:{function}": f"{_HEADERS}:{function}"
    for function in ("ensure_response_additional_headers", "response_has_hidden_params")
}
_VIEW: Final = "litellm.proxy.hooks.batch_enqueued_tokens:batch_response_view"


class PostCall:
    """LiteLLM's hook without its detours. Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self) -> None:
        self._memory: Final = Memory((*_STEPS, _VIEW, *RELEASING, *CACHES), _BOUND)
        self._shared: Final = Releasing(self._memory)
        self._module: Final[Any] = sys.modules[MODULE]
        self._context: Final[Any] = sys.modules["litellm._internal_context"]
        self._chat: Final = live("litellm.types.utils:ModelResponse")
        self._hidden: Final = headers.Hidden()

    async def hook(self, limiter: Any, data: Any, user: Any, response: Any) -> Any:
        """`async_post_call_success_hook`; `NotImplemented` before any effect."""
        dual = self._memory.handlers.dual_cache(limiter)
        if dual is None or not hasattr(user, "parent_otel_span"):
            return NotImplemented
        module = self._module
        stash = module.get_request_stash_for_call(module._call_id_from_callback_kwargs(data))
        if stash is not None and stash.parallel_slot is not None:
            await self._release(limiter, dual, stash, user)
        self._tell(module.get_request_stash(), response)
        if type(response) is not self._chat or getattr(response, "object", "batch") == "batch":
            # A chat's response is no batch: LiteLLM validates it to find that out.
            with self._context.service_target("rate_limits"):
                try:
                    await limiter._handle_batch_enqueued_post_call(user_api_key_dict=user, response=response)
                except Exception as error:  # accounting must never fail the response
                    module.verbose_proxy_logger.exception(
                        "Error in batch enqueued-token post-call hook: %s", error
                    )
        return None

    async def _release(self, limiter: Any, dual: Any, stash: Any, user: Any) -> None:
        slot = stash.parallel_slot
        cache = in_memory(limiter, dual)
        keys, name = slot.get("counter_keys"), slot.get("slot_id")
        if cache is not None and not stash.parallel_slot_release_lock.locked() and keys and name:
            self._memory.limiter.give_back(cache, keys, name)
            stash.parallel_slot = None
            return
        try:
            if cache is None and keys and name and self._shared.gives_back(limiter, dual):
                await self._shared.give_back(limiter, dual, stash, user.parent_otel_span)
                return
            with self._context.service_target("rate_limits"):
                await limiter._release_stashed_parallel_slot(stash, user.parent_otel_span)
        except Exception as error:  # as LiteLLM's own hook
            self._module.verbose_proxy_logger.exception(
                "Error releasing parallel request slot in post-call hook: %s", error
            )

    def _tell(self, stash: Any, response: Any) -> None:
        module = self._module
        limits = stash.rate_limit_response if stash is not None else None
        if limits is None:
            return
        try:
            hidden = self._hidden.of(response) if type(response) is self._chat else None
            found = hidden.get("additional_headers") if type(hidden) is dict else None
            if type(found) is not dict:
                if not module.response_has_hidden_params(response):
                    return
                found = module.ensure_response_additional_headers(response)
            found.update(headers.of_statuses(limits["statuses"]))
        except Exception as error:  # as LiteLLM's own hook
            module.verbose_proxy_logger.exception("Error in rate limit post-call hook: %s", error)


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    post_call = PostCall()

    async def async_post_call_success_hook(self: Any, data: Any, user_api_key_dict: Any, response: Any) -> Any:
        return await post_call.hook(self, data, user_api_key_dict, response)

    return junction.lightly_awaited(async_post_call_success_hook, original, reads=False)


SEAM: Final = Seam(
    module=MODULE,
    attribute=f"{CLASS.partition(':')[2]}.async_post_call_success_hook",
    reproduces=(*_STEPS, _VIEW, *RELEASING, *CACHES, *STORE),
    build=_build,
)
