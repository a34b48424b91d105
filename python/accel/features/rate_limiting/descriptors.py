"""A key's plain limits as LiteLLM's descriptors.

Stands for `create_rate_limit_descriptors` and its helpers, where only limits of key, user, team, team member, end
user and organisation can apply.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.fingerprint import live

_AUTH: Final = "litellm.proxy.auth.auth_utils"
REPRODUCES: Final = (
    *(
        f"{CLASS}.{method}"
        for method in (
            "_add_model_per_key_rate_limit_descriptor",
            "_add_project_model_rate_limit_descriptor_from_metadata",
            "_add_tag_per_key_rate_limit_descriptor",
            "_add_team_model_rate_limit_descriptor_from_metadata",
            "_build_request_rate_limit_descriptors",
            "_create_tag_rate_limit_descriptors",
            "_get_enforced_limit",
            "_get_resolved_agent_id",
            "_inherited_team_model_limit",
            "_is_dynamic_rate_limiting_enabled",
            "_key_owns_model_limit",
            "_rate_limited_model",
            "_should_enforce_rate_limit",
            "add_project_io_token_rate_limit_descriptors_from_metadata",
            "create_organization_rate_limit_descriptor",
            "create_rate_limit_descriptors",
        )
    ),
    f"{MODULE}:RateLimitedModel.limit_in",
    f"{_AUTH}:_get_deployment_default_limit",
    f"{_AUTH}:_get_deployment_default_rpm_limit",
    f"{_AUTH}:_get_deployment_default_tpm_limit",
    f"{_AUTH}:get_key_model_rpm_limit",
    f"{_AUTH}:get_key_model_tpm_limit",
    f"{_AUTH}:get_key_own_model_rate_limit",
    f"{_AUTH}:get_key_tag_rpm_limit",
    f"{_AUTH}:get_model_rate_limit_from_metadata",
    "litellm.proxy.common_utils.http_parsing_utils:get_tags_from_request_body",
    "litellm.proxy.auth.budget_throttle:throttled_limit",
)

_LIMITS: Final = frozenset({"model_rpm_limit", "model_tpm_limit", "model_itpm_limit", "model_otpm_limit"})
_KEY_LIMITS: Final = _LIMITS | {"rpm_limit_type", "tpm_limit_type", "tag_rpm_limit"}
_SCOPES: Final = (
    ("user", "user_id", "user_rpm_limit", "user_tpm_limit"),
    ("team", "team_id", "team_rpm_limit", "team_tpm_limit"),
    ("team_member", "user_id", "team_member_rpm_limit", "team_member_tpm_limit"),
    ("end_user", "end_user_id", "end_user_rpm_limit", "end_user_tpm_limit"),
)


class Plain:
    """Makes descriptors of plain limits. Thread-safe."""

    def __init__(self) -> None:
        self._auth: Final = live("litellm.proxy._types:UserAPIKeyAuth")
        self._default_limit: Final = _AUTH

    def descriptors(self, handler: Any, user: Any, data: Any, model: str | None) -> list[dict[str, Any]] | None:
        """As LiteLLM makes them; None where limits of models, tags, agents or projects may apply."""
        if type(user) is not self._auth:
            return None
        has = vars(user)
        if not _is_plain(has, data) or (model and self._has_default_limit(handler, model)):
            return None
        window_s = handler.window_size
        found = []
        rpm, tpm, parallel = has["rpm_limit"], has["tpm_limit"], has["max_parallel_requests"]
        if has["api_key"] and not (rpm is None and tpm is None and parallel is None):
            limits = {"requests_per_unit": rpm, "tokens_per_unit": tpm, "max_parallel_requests": parallel}
            limits["window_size"] = window_s
            found.append({"key": "api_key", "value": has["api_key"], "rate_limit": limits})
        for key, whose, requests, tokens in _SCOPES:
            value = has[whose]
            if value and not (has[requests] is None and has[tokens] is None):
                if key == "team_member":
                    value = f"{has['team_id']}:{value}"
                found.append(_windowed(key, value, has[requests], has[tokens], window_s))
        requests, tokens = has["organization_rpm_limit"], has["organization_tpm_limit"]
        if has["org_id"] is not None and not (requests is None and tokens is None):
            found.append(_windowed("organization", has["org_id"], requests, tokens, window_s))
        return found

    def _has_default_limit(self, handler: Any, model: str) -> bool:
        """Whether a deployment of the model sets limits for each key."""
        server = sys.modules.get("litellm.proxy.proxy_server")
        if server is None:
            return True  # LiteLLM's own code imports it
        if server.llm_router is None:
            return False
        auth: Any = sys.modules[self._default_limit]
        group = handler._model_group_resolver(model) or model
        return (
            auth._get_deployment_default_tpm_limit(group) is not None
            or auth._get_deployment_default_rpm_limit(group) is not None
        )


def _windowed(key: str, value: Any, requests: Any, tokens: Any, window_s: int) -> dict[str, Any]:
    limits = {"requests_per_unit": requests, "tokens_per_unit": tokens, "window_size": window_s}
    return {"key": key, "value": value, "rate_limit": limits}


def _is_plain(has: dict[str, Any], data: dict[str, Any]) -> bool:
    """Whether neither the key's metadata nor the request's names what may have a limit of its own."""
    metadata = has["metadata"]
    if has["budget_throttle_pct"] is not None or has["model_max_budget"]:
        return False
    if metadata and not (type(metadata) is dict and _KEY_LIMITS.isdisjoint(metadata)):
        return False
    for scope in ("team_metadata", "project_metadata", "organization_metadata"):
        metadata = has[scope]
        if metadata and not (type(metadata) is dict and _LIMITS.isdisjoint(metadata)):
            return False
    if has["agent_id"] or has["invoked_agent_id"] is not None or data.get("tags"):
        return False
    for name in ("metadata", "litellm_metadata"):
        metadata = data.get(name)
        if metadata and (type(metadata) is not dict or metadata.get("tags") or metadata.get("agent_id")):
            return False
    return True
