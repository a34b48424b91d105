"""Methods of LiteLLM's limiter that its hooks after a call use, and somebody's own in their place."""

from typing import Any

from litellm.proxy.hooks import parallel_request_limiter_v3 as v3

from support.limit_case import Case, Odd

HANDLER = v3._PROXY_MaxParallelRequestsHandler_v3


def on_class(name: str) -> Odd:
    """Somebody's wrapper around a method of the limiter's class, which leaves a mark."""

    def change(case: Case) -> None:
        wrapper = _marking(case, name, getattr(HANDLER, name))
        static = isinstance(vars(HANDLER)[name], staticmethod)
        case.replace(HANDLER, name, staticmethod(wrapper) if static else wrapper)

    return change


def on_instance(name: str) -> Odd:
    """The same on the limiter itself."""
    return lambda case: setattr(case.limiter, name, _marking(case, name, getattr(case.limiter, name)))


def _marking(case: Case, name: str, original: Any) -> Any:
    def wrapper(*args: Any, **named: Any) -> Any:
        case.memory.set_cache(f"called {name}", 1, ttl=5)
        return original(*args, **named)

    return wrapper


_RELEASING = (
    "_release_parallel_request_slots",
    "_release_parallel_request_slots_in_memory",
    "_release_stashed_parallel_slot",
)
WATCHED: dict[str, tuple[str, ...]] = {
    "log": (
        "_merge_ratelimit_statuses_into_additional_headers",
        "_mirror_ratelimit_response_into_logging_payload",
    ),
    "succeed": (
        *_RELEASING,
        "_aggregate_only_total_tokens",
        "_build_io_token_reservation_ops",
        "_build_reservation_aware_tpm_ops",
        "_build_success_event_pipeline_operations",
        "_collect_tpm_scope_targets",
        "_defer_parallel_slot_release",
        "_get_total_tokens_from_usage",
        "_key_owns_model_tpm_limit_from_request_metadata",
        "_rate_limited_model",
        "async_increment_tokens_with_ttl_preservation",
        "create_rate_limit_keys",
        "get_rate_limit_type",
    ),
    "answer": (
        *_RELEASING,
        "_handle_batch_enqueued_post_call",
        "_merge_ratelimit_statuses_into_additional_headers",
    ),
}
"""LiteLLM's methods that each hook stands for."""
