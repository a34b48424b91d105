"""The Router's checks before a call (`enable_pre_call_checks`), without copying what is known of every model.

What LiteLLM finds out again for each deployment of a group is found out once for each model of it, within one
call. What raises, or is logged, LiteLLM does itself: all that was done by then may be done again.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.names import Names
from accel.features.routing.deployments import CLASS, REPRODUCES, ROUTER, Deployments, Own
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_UTILS: Final = "litellm.utils"
_DUAL: Final = "litellm.caching.dual_cache:DualCache"
_MEMORY: Final = "litellm.caching.in_memory_cache:InMemoryCache"
_LOGGER: Final = logging.getLogger("LiteLLM Router")
_LARGEST: Final = f"{CLASS}._deployment_max_input_tokens"
_CHECKS: Final = (
    f"{_DUAL}.get_cache",
    f"{_MEMORY}.get_cache",
    f"{_UTILS}:get_non_default_params",
    f"{_UTILS}:is_region_allowed",
)
_TEXTS: Final = {str, type(None)}
_UNSHARED: Final = "bedrock_mantle"
"""The provider of which LiteLLM's answer depends on more than is asked here."""


class _Odd(Exception):
    """LiteLLM must do it."""


class _Group:
    """What is known of the models of one group, for one call."""

    def __init__(self, deployments: Deployments, router: Any) -> None:
        self._deployments: Final = deployments
        self._router: Final = router
        self._providers: Final[dict[Any, Any]] = {}
        self._infos: Final[dict[str, Any]] = {}
        self._supported: Final[dict[Any, Any]] = {}
        self._litellm: Final[Any] = sys.modules["litellm"]
        self._discovers: Final = bool(router._discovered_model_info_cache.cache_dict)

    def provider(self, model: Any, params: dict[str, Any]) -> Any:
        """The model's name and its provider."""
        get = params.get
        key = (model, get("custom_llm_provider"), get("api_base"), get("api_key"), get("use_litellm_proxy"))
        found = self._providers.get(key)
        if found is None:
            found = self._deployments.provider(model, self._deployments.params(params))[:2]
            if found[1] != _UNSHARED:
                self._providers[key] = found
        return found

    def supported(self, model: Any, provider: Any) -> Any:
        """Parameters; None where LiteLLM knows of none."""
        key = (model, provider)
        if key not in self._supported:
            self._supported[key] = self._litellm.get_supported_openai_params(
                model=model, custom_llm_provider=provider
            )
        return self._supported[key]

    def largest(self, deployment: Any) -> Any:
        """`max_input_tokens` as `get_router_model_info` tells it, and the deployment's `base_model`."""
        if not self._deployments.has_plain_params(deployment) or "model_info" not in deployment:
            raise _Odd
        params, own = deployment["litellm_params"], deployment["model_info"]
        base_model = own.get("base_model")
        if base_model is None:
            base_model = params.get("base_model")
        # The id is looked for in a cache, and an object may refuse that.
        if not {type(base_model), type(own.get("id"))} <= _TEXTS:
            raise _Odd
        model, provider = self.provider(params["model"], params)
        name = self._deployments.mapped_name(model, provider, base_model)
        if name is None:
            raise _Odd
        if name not in self._infos:
            self._infos[name] = self._deployments.known(name)
        found = own.get("max_input_tokens")
        if found is None and self._discovers:
            found = self._router.get_discovered_model_info(own.get("id")).get("max_input_tokens")
        return self._infos[name].get("max_input_tokens") if found is None else found, base_model


def _needed(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    deployments, own, names = Deployments(), Own("_deployment_max_input_tokens"), Names((_LARGEST,), {})

    def _pre_call_checks_need_token_count(self: Any, model: Any, healthy_deployments: Any) -> Any:
        if type(healthy_deployments) is not list or not (own.of(self) and names.intact()):
            return NotImplemented
        if not deployments.intact(self):
            return NotImplemented
        group = _Group(deployments, self)
        try:
            return any(isinstance(group.largest(deployment)[0], int) for deployment in healthy_deployments)
        except Exception:  # noqa: BLE001  # LiteLLM logs it, or passes it over
            return NotImplemented

    return junction.lightly(_pre_call_checks_need_token_count, original, reads=True)


def _checks(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    deployments, module, names = Deployments(), vars(sys.modules[ROUTER]), Names(_CHECKS, {})
    litellm: Any = sys.modules["litellm"]
    verbose = vars(sys.modules["litellm._logging"])
    dual, memory_class = live(_DUAL), live(_MEMORY)

    def cells(cache: Any) -> Any:
        """Where the Router's cache keeps what it has in memory."""
        memory = cache.in_memory_cache
        if type(cache) is not dual or type(memory) is not memory_class or verbose["set_verbose"]:
            raise _Odd
        if "get_cache" in vars(cache) or "get_cache" in vars(memory) or not names.intact():
            raise _Odd
        return memory.cache_dict

    def checked(
        router: Any,
        group: _Group,
        limits: list[Any],
        model: Any,
        deployments_: list[Any],
        messages: Any,
        input_: Any,
        request: Any,
        tokens: Any,
        skip: bool,
    ) -> Any:
        span = module["get_parent_otel_span_from_kwargs"](request)
        countable = (messages is not None or input_ is not None) and not module["compaction_pending"](request)
        minute = module["get_utc_datetime"]().strftime("%H-%M")
        cache = router.cache
        kept_cells = cells(cache)
        used = cache.get_cache(key=f"{model}:rpm:{minute}", local_only=True, parent_otel_span=span) or {}
        counts = isinstance(used, dict) and router.routing_strategy != "usage-based-routing-v2"
        region = None if request is None else request.get("allowed_model_region")
        judges = request is not None and litellm.drop_params is False
        asked = judges and "response_format" in litellm.utils.get_non_default_params(passed_params=request)
        left = []
        for deployment, (largest, base_model) in zip(deployments_, limits, strict=True):
            if isinstance(largest, int) and countable:
                if tokens is None:
                    if skip:
                        return list(deployments_)
                    tokens = router._count_pre_call_check_tokens(
                        messages=messages, input=input_, request_kwargs=request
                    )
                if tokens > largest:
                    continue
            params, model_id = deployment["litellm_params"], deployment["model_info"].get("id", "")
            local = 0
            if model_id in kept_cells:
                local = cache.get_cache(key=model_id, local_only=True, parent_otel_span=span) or 0
            if counts:
                used[model_id] = used.get(model_id, 0)
                now = max(local, used[model_id])
                rpm = params.get("rpm")
                if isinstance(rpm, int) and rpm <= now:
                    continue
            if region is not None and not params.get("region_name") == region:  # noqa: SIM201  # as LiteLLM asks
                continue
            if judges:
                try:
                    name, provider = group.provider(base_model or params["model"] or model, params)
                except Exception:  # noqa: BLE001  # LiteLLM's own: a model without a provider is kept
                    left.append(deployment)
                    continue
                supported = group.supported(name, provider)
                if supported is not None and asked and "response_format" not in supported:
                    continue
            left.append(deployment)
        if deployments_ and not left:
            raise _Odd  # LiteLLM may raise, and says why
        return left

    def _pre_call_checks(
        self: Any,
        model: Any,
        healthy_deployments: Any,
        messages: Any = None,
        input: Any = None,  # LiteLLM's name
        request_kwargs: Any = None,
        input_token_count: Any = None,
        skip_inline_token_count: Any = False,
    ) -> Any:
        if type(healthy_deployments) is not list or type(request_kwargs) not in (dict, type(None)):
            return NotImplemented
        if _LOGGER.isEnabledFor(logging.DEBUG) or not deployments.intact(self):
            return NotImplemented
        try:
            group = _Group(deployments, self)
            # Before anything is counted or looked up: what LiteLLM would log has it do all.
            limits = [group.largest(deployment) for deployment in healthy_deployments]
            return checked(
                self,
                group,
                limits,
                model,
                healthy_deployments,
                messages,
                input,
                request_kwargs,
                input_token_count,
                skip_inline_token_count,
            )
        except Exception:  # noqa: BLE001  # LiteLLM's own, or one that it logs
            return NotImplemented

    return junction.lightly(_pre_call_checks, original, reads=True)


SEAMS: Final = (
    Seam(
        module=ROUTER,
        attribute="Router._pre_call_checks_need_token_count",
        reproduces=(f"{CLASS}._pre_call_checks_need_token_count", _LARGEST, *REPRODUCES),
        build=_needed,
    ),
    Seam(
        module=ROUTER,
        attribute="Router._pre_call_checks",
        reproduces=(f"{CLASS}._pre_call_checks", *_CHECKS, *REPRODUCES),
        build=_checks,
    ),
)
