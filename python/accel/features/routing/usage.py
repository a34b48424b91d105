"""What a deployment was used for, without making models of it: most have no limit, and then nothing is counted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing.deployments import CLASS, REPRODUCES, ROUTER, Deployments, Own
from accel.features.seam import Junction, Raised, Seam

_LIMITS: Final = "litellm.router_utils.pre_call_checks.io_token_rate_limit_check"
_METRICS: Final = "litellm.router_utils.router_callbacks.track_deployment_metrics"
_BATCHES: Final = "litellm.router_utils.batch_utils"
_USAGE: Final = (
    f"{CLASS}._increment_deployment_usage",
    f"{_LIMITS}:deployment_has_io_token_limits",
    f"{_LIMITS}:get_deployment_io_token_limits",
    *REPRODUCES,
)
_SUCCESS: Final = (
    f"{CLASS}.deployment_callback_on_success",
    f"{_METRICS}:get_counted_usage_tokens",
    f"{_BATCHES}:is_batch_retrieve_call_type",
    *REPRODUCES,
)


def _usage(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    deployments, module = Deployments(), vars(sys.modules[ROUTER])
    names = Names(
        _USAGE[1:3], {f"{ROUTER}:deployment_has_io_token_limits": f"{_LIMITS}:deployment_has_io_token_limits"}
    )

    holds = native.module.any_holds

    def is_limited(router: Any, deployment: dict[str, Any], info: Any) -> bool:
        params, own = deployment["litellm_params"], deployment["model_info"]
        if holds((deployment, params, own), ("tpm", "rpm", "itpm", "otpm")):
            return True
        discovered = router.get_discovered_model_info(own["id"])
        return any(discovered.get(name, info.get(name)) is not None for name in ("tpm", "rpm"))

    async def _increment_deployment_usage(
        self: Any,
        *,
        deployment_id: str,
        deployment_name: str | None,
        model_group: str,
        total_tokens: float,
        rpm_increment: int,
        parent_otel_span: Any,
    ) -> Any:
        if not (deployments.intact(self) and names.intact()):
            return NotImplemented
        # A provider may tell no number of tokens; LiteLLM says what it makes of that.
        if type(total_tokens) not in (int, float) or type(rpm_increment) is not int:
            return NotImplemented
        deployment = deployments.find(self, deployment_id)
        if deployment is None:
            return NotImplemented
        params = deployments.params(deployment["litellm_params"])
        try:
            info = deployments.model_info(deployment, params)
        except Exception as error:  # noqa: BLE001  # LiteLLM's own: the model is not mapped
            return Raised(error)
        if info is None:
            return NotImplemented
        if not is_limited(self, deployment, info):
            return None
        if total_tokens <= 0 and rpm_increment <= 0:
            return None
        minute, kinds = module["get_utc_datetime"]().strftime("%H-%M"), module["RouterCacheEnum"]
        ttl_s, cache = module["RoutingArgs"].ttl.value, self.cache
        operations = [
            {
                "key": kind.value.format(id=deployment_id, current_minute=minute, model=deployment_name),
                "increment_value": value,
                "ttl": ttl_s,
            }
            for kind, value in ((kinds.TPM, total_tokens), (kinds.RPM, rpm_increment))
        ]
        try:
            values = await cache.async_increment_cache_pipeline(
                increment_list=operations, parent_otel_span=parent_otel_span
            )
            if values is not None and cache.redis_cache is not None:
                for operation, value in zip(operations, values, strict=False):
                    await cache.async_set_cache(operation["key"], int(value), local_only=True, ttl=ttl_s)
        except Exception as error:  # noqa: BLE001  # LiteLLM's caches'
            return Raised(error)
        return operations[0]["key"]

    return junction.lightly_awaited(_increment_deployment_usage, original, reads=False)


def _success(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    deployments, module, own = Deployments(), vars(sys.modules[ROUTER]), Own("_increment_deployment_usage")
    bound = {
        f"{ROUTER}:get_counted_usage_tokens": f"{_METRICS}:get_counted_usage_tokens",
        f"{ROUTER}:is_batch_retrieve_call_type": f"{_BATCHES}:is_batch_retrieve_call_type",
    }
    names = Names(_SUCCESS[1:3], bound)
    idle = ("_aresponses_websocket", "_arealtime")

    async def deployment_callback_on_success(
        self: Any, kwargs: Any, completion_response: Any, start_time: Any, end_time: Any
    ) -> Any:
        if type(kwargs) is not dict or not (deployments.intact(self) and names.intact() and own.of(self)):
            return NotImplemented
        call_type, payload = kwargs.get("call_type"), kwargs.get("standard_logging_object")
        params = kwargs.get("litellm_params")
        # LiteLLM looks it up in a set, which some objects refuse.
        if not (call_type is None or isinstance(call_type, str)):
            return NotImplemented
        if type(params) is not dict or type(payload) is not dict or call_type in idle:
            return NotImplemented
        if module["is_batch_retrieve_call_type"](call_type):
            return None
        metadata, info = params.get("metadata"), params.get("model_info") or {}
        if metadata is None:
            return None
        if type(metadata) is not dict or type(info) is not dict:
            return NotImplemented
        group, found = metadata.get("model_group"), info.get("id")
        if group is None or found is None:
            return None
        deployment_id, tokens = str(found), payload.get("total_tokens", 0)
        if type(tokens) not in (int, float) or deployments.find(self, deployment_id) is None:
            return NotImplemented
        try:
            module["increment_deployment_successes_for_current_minute"](
                litellm_router_instance=self, deployment_id=deployment_id
            )
            counted = module["get_counted_usage_tokens"](params)
            name = metadata.get("deployment")
            return await self._increment_deployment_usage(
                deployment_id=deployment_id,
                deployment_name=name if isinstance(name, str) else None,
                model_group=group,
                total_tokens=tokens if counted is None else max(0, tokens - counted),
                rpm_increment=1 if counted is None else 0,
                parent_otel_span=module["get_parent_otel_span_from_kwargs"](kwargs),
            )
        except Exception as error:  # noqa: BLE001  # LiteLLM's own: what is not counted is no error
            module["verbose_router_logger"].debug(
                "litellm.router.Router::deployment_callback_on_success(): Exception occured - %s", error
            )
            return None

    return junction.lightly_awaited(deployment_callback_on_success, original, reads=False)


SEAMS: Final = (
    Seam(module=ROUTER, attribute="Router._increment_deployment_usage", reproduces=_USAGE, build=_usage),
    Seam(module=ROUTER, attribute="Router.deployment_callback_on_success", reproduces=_SUCCESS, build=_success),
)
