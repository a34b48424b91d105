"""The limiter's success event: a request's tokens settled, and its slot given back if it still has one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.caching.memory import REPRODUCES as STORE
from accel.features.rate_limiting.handler import CACHES, CLASS, MODULE, in_memory
from accel.features.rate_limiting.kept import kept_for
from accel.features.rate_limiting.options import GUARDED_SETTLE
from accel.features.rate_limiting.settling import REPRODUCES as SETTLING
from accel.features.rate_limiting.settling import Settling
from accel.features.rate_limiting.steps import Memory
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_STEPS: Final = (
    *(
        f"{CLASS}.{method}"
        for method in (
            "_aggregate_only_total_tokens",
            "_build_io_token_reservation_ops",
            "_build_reservation_aware_tpm_ops",
            "_build_success_event_pipeline_operations",
            "_collect_tpm_scope_targets",
            "_defer_parallel_slot_release",
            "_get_total_tokens_from_usage",
            "_key_owns_model_tpm_limit_from_request_metadata",
            "_rate_limited_model",
            "_release_parallel_request_slots",
            "_release_parallel_request_slots_in_memory",
            "_release_stashed_parallel_slot",
            "async_increment_tokens_with_ttl_preservation",
            "create_rate_limit_keys",
            "get_rate_limit_type",
        )
    ),
    f"{MODULE}:_call_id_from_callback_kwargs",
    f"{MODULE}:get_request_stash",
    f"{MODULE}:get_request_stash_for_call",
    "litellm.litellm_core_utils.core_helpers:get_litellm_metadata_from_kwargs",
    "litellm.litellm_core_utils.core_helpers:get_parent_otel_span_from_kwargs",
    "litellm.proxy.common_utils.callback_utils:get_model_group_from_litellm_kwargs",
)
_SERVER: Final = "litellm.proxy.proxy_server"
_AGENTS: Final = ("agent", "agent_session")
_LIMITED_BY_MODEL: Final = ("user_api_key_metadata", "user_api_key_model_max_budget")


class Unlike(Exception):
    """A request whose tokens LiteLLM must settle."""


class Success:
    """LiteLLM's event without its detours. Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self, junction: Junction) -> None:
        self._junction: Final = junction
        self._memory: Final = Memory((*_STEPS, *CACHES))
        self._shared: Final = Settling()
        self._module: Final[Any] = sys.modules[MODULE]
        self._core: Final[Any] = sys.modules["litellm.litellm_core_utils.core_helpers"]
        self._callbacks: Final[Any] = sys.modules["litellm.proxy.common_utils.callback_utils"]
        self._chat: Final = live("litellm.types.utils:ModelResponse")
        self._usage: Final = live("litellm.types.utils:Usage")

    async def event(self, limiter: Any, kwargs: Any, response: Any) -> Any:
        """`async_log_success_event`; `NotImplemented` before any effect that is not made only once."""
        dual = self._memory.handlers.dual_cache(limiter)
        if dual is None:
            return NotImplemented
        # Under another window, or settled within its window: the steps of LiteLLM's that ask for it are replaced.
        if kept_for(self._module.get_request_stash()) is not None:
            return NotImplemented
        if not self._junction.beside(GUARDED_SETTLE).guard.bypassed():
            return NotImplemented
        try:
            stash = self._module.get_request_stash_for_call(self._module._call_id_from_callback_kwargs(kwargs))
            amounts = self._amounts(limiter, kwargs, response, stash)
        except Exception:  # noqa: BLE001  # nothing was done: LiteLLM's own event does it, or logs why it cannot
            return NotImplemented
        slot = stash.parallel_slot if stash is not None else None
        cache = in_memory(limiter, dual)
        if cache is not None:
            return self._in_memory(cache, stash, slot, amounts)
        if slot is not None or not amounts:
            return NotImplemented
        ttl_s = limiter.window_size
        operations = [{"key": key, "increment_value": amount, "ttl": ttl_s} for key, amount in amounts]
        return await self._shared.add(limiter, dual, operations)

    def _in_memory(self, cache: Any, stash: Any, slot: Any, amounts: list[tuple[str, int]]) -> Any:
        limiter = self._memory.limiter
        if slot is not None:
            keys, name = slot.get("counter_keys"), slot.get("slot_id")
            if stash.parallel_slot_release_lock.locked() or not keys or not name:
                return NotImplemented
            limiter.give_back(cache, keys, name)
            stash.parallel_slot = None
        if amounts:
            limiter.add(cache, amounts)
        return None

    def _amounts(self, limiter: Any, kwargs: Any, response: Any, stash: Any) -> list[tuple[str, int]]:
        """What is to be added to which counter. Raises where LiteLLM must reckon."""
        if not _has_plain_metadata(kwargs):
            raise Unlike
        request = self._core.get_litellm_metadata_from_kwargs(kwargs)
        if request.get(self._module.INTERNAL_CALL_ORIGIN_METADATA_KEY) or any(map(request.get, _LIMITED_BY_MODEL)):
            raise Unlike
        reserved, model = 0, None
        scopes: frozenset[tuple[str, str]] = frozenset()
        tags: frozenset[str] = frozenset()
        if stash is not None:
            if stash.itpm_reserved_tokens > 0 or stash.otpm_reserved_tokens > 0:
                raise Unlike
            reserved, model, scopes = stash.reserved_tokens, stash.reserved_model, stash.reserved_scopes
            tags = stash.tpm_limited_tags
        if model is None:
            model = limiter._rate_limited_model(self._callbacks.get_model_group_from_litellm_kwargs(kwargs))
        payload = kwargs.get("standard_logging_object") or {}
        targets = limiter._collect_tpm_scope_targets(
            standard_logging_metadata=payload.get("metadata") or {},
            kwargs=kwargs,
            tpm_limited_tags=tags,
            model_group=model.group if model is not None else None,
        )
        if any(scope[0] in _AGENTS for scope in scopes):
            raise Unlike
        used = self._used(limiter, response)
        if type(used) is not int or type(reserved) is not int:
            raise Unlike
        rest = used - reserved
        owed = ((target, rest if target in scopes else used) for target in targets)
        return [(f"{{{key}:{value}}}:tokens", amount) for (key, value), amount in owed if amount]

    def _used(self, limiter: Any, response: Any) -> Any:
        """Tokens of a chat's response that count."""
        if type(response) is not self._chat:
            raise Unlike
        usage = response.usage
        if type(usage) is not self._usage:
            raise Unlike
        kind = sys.modules[_SERVER].general_settings.get("token_rate_limit_type", "total")
        has = vars(usage)
        if kind == "total" and has.get("prompt_tokens_details") is None:
            used = has["total_tokens"] or 0
        else:
            used = limiter._get_total_tokens_from_usage(usage=usage, rate_limit_type=limiter.get_rate_limit_type())
        return used if used else limiter._aggregate_only_total_tokens(usage=usage)


def _has_plain_metadata(kwargs: Any) -> bool:
    """Whether LiteLLM looks for its parent span in nothing odd: it logs an error where it cannot."""
    params = kwargs.get("litellm_params")
    if params is not None and type(params) is not dict:
        return False
    places = kwargs.get("metadata"), params.get("metadata") if params is not None else None
    return all(place is None or type(place) is dict for place in places)


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    success = Success(junction)

    async def async_log_success_event(
        self: Any, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> Any:
        return await success.event(self, kwargs, response_obj)

    return junction.lightly_awaited(async_log_success_event, original, reads=False)


SEAM: Final = Seam(
    module=MODULE,
    attribute=f"{CLASS.partition(':')[2]}.async_log_success_event",
    reproduces=(f"{CLASS}.async_log_success_event", *_STEPS, *SETTLING, *CACHES, *STORE),
    build=_build,
)
