"""Work without effect when a request's tokens are settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.features.seam import Junction, Seam


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    def _key_owns_model_tpm_limit_from_request_metadata(self: Any, request_metadata: Any, model: Any) -> Any:
        # LiteLLM validates a whole key object to look into two mappings that are mostly empty.
        if not isinstance(request_metadata, Mapping):
            return NotImplemented
        if request_metadata.get("user_api_key_metadata") or request_metadata.get("user_api_key_model_max_budget"):
            return NotImplemented
        return False

    return junction.lightly(_key_owns_model_tpm_limit_from_request_metadata, original, reads=True)


SEAM: Final = Seam(
    module=MODULE,
    attribute=f"{CLASS.partition(':')[2]}._key_owns_model_tpm_limit_from_request_metadata",
    reproduces=(
        f"{CLASS}._key_owns_model_tpm_limit_from_request_metadata",
        f"{CLASS}._key_owns_model_limit",
        f"{MODULE}:RateLimitedModel.limit_in",
        "litellm.proxy.auth.auth_utils:get_key_own_model_rate_limit",
    ),
    build=_build,
)
