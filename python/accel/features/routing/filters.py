"""Passes over the deployments of a model group at each pick: LiteLLM's filters, each in one native step.

Each stays a function of its own, so that one that somebody replaces, or a subclass has its own of, is called.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing.deployments import CLASS, ROUTER, Own
from accel.features.seam import Junction, Seam

_NAMING: Final = "litellm.router_utils.auto_router_model_naming"
_COMMON: Final = "litellm.router_utils.common_utils"
_WINDOWS: Final = "litellm.router_utils.access_windows"
_UTILS: Final = "litellm.utils"
_LOGGER: Final = logging.getLogger("LiteLLM Router")
_MARKERS: Final = (
    f"{CLASS}._is_strategy_marker_deployment",
    f"{_NAMING}:classify_strategy_router_model",
    f"{_NAMING}:AUTO_ROUTER_MODEL_PREFIX",
)
_MARKERS_BOUND: Final = {f"{ROUTER}:classify_strategy_router_model": f"{_NAMING}:classify_strategy_router_model"}
_RESERVED: Final = (
    *_MARKERS,
    f"{CLASS}._drop_strategy_markers",
    f"{_WINDOWS}:filter_reserved_deployments",
    f"{_WINDOWS}:_reservation_blocking_window",
    f"{_WINDOWS}:parse_access_windows",
)
_TEAMS: Final = (f"{_COMMON}:get_request_team_id", f"{_COMMON}:is_proxy_admin_request")
_ORDER: Final = (f"{_UTILS}:get_deployment_order",)

_Build = Callable[[Junction, Callable[..., Any]], Callable[..., Any]]


def _prefix() -> Any:
    return sys.modules[_NAMING].AUTO_ROUTER_MODEL_PREFIX


def _markers(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names, own, prefix = Names(_MARKERS, _MARKERS_BOUND), Own("_is_strategy_marker_deployment"), _prefix()
    chosen = native.module.callable_deployments

    def _drop_strategy_markers(self: Any, model: Any, deployments: Any) -> Any:
        return chosen(deployments, prefix) if own.of(self) and names.intact() else NotImplemented

    return junction.lightly(_drop_strategy_markers, original, reads=True)


def _reserved(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    bound = {f"{ROUTER}:filter_reserved_deployments": f"{_WINDOWS}:filter_reserved_deployments"}
    names, prefix = Names(_RESERVED, {**_MARKERS_BOUND, **bound}), _prefix()
    own = Own("_is_strategy_marker_deployment", "_drop_strategy_markers")
    chosen = native.module.unreserved_deployments

    def _filter_reserved_deployments(self: Any, model: Any, healthy_deployments: Any, request_team_id: Any) -> Any:
        return chosen(healthy_deployments, prefix) if own.of(self) and names.intact() else NotImplemented

    return junction.lightly(_filter_reserved_deployments, original, reads=True)


def _teams(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names, chosen = Names(_TEAMS, {}), native.module.teamless_deployments
    bags = (dict, type(None))

    def filter_team_based_models(healthy_deployments: Any, request_kwargs: Any = None) -> Any:
        if request_kwargs is None:
            return healthy_deployments
        if type(request_kwargs) is not dict or type(healthy_deployments) is not list or not names.intact():
            return NotImplemented
        for bag in ("metadata", "litellm_metadata"):
            if type(request_kwargs.get(bag)) not in bags:
                return NotImplemented
        return chosen(healthy_deployments)

    return junction.lightly(filter_team_based_models, original, reads=True)


def _cooldown(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    chosen = native.module.deployments_outside

    def _filter_cooldown_deployments(self: Any, healthy_deployments: Any, cooldown_deployments: Any) -> Any:
        lists = type(healthy_deployments) is list and type(cooldown_deployments) is list
        if not lists or _LOGGER.isEnabledFor(logging.DEBUG):
            return NotImplemented
        return chosen(healthy_deployments, cooldown_deployments)

    return junction.lightly(_filter_cooldown_deployments, original, reads=True)


def _blocked(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    chosen = native.module.unblocked_deployments

    def _filter_blocked_deployments(self: Any, healthy_deployments: Any) -> Any:
        return chosen(healthy_deployments) if type(healthy_deployments) is list else NotImplemented

    return junction.lightly(_filter_blocked_deployments, original, reads=True)


def _order(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names, chosen = Names(_ORDER, {}), native.module.first_in_order

    def get_order_filtered_deployments(healthy_deployments: Any, target_order: Any = None) -> Any:
        if target_order is not None or type(healthy_deployments) is not list or not names.intact():
            return NotImplemented
        return chosen(healthy_deployments)

    return junction.lightly(get_order_filtered_deployments, original, reads=True)


def _seam(name: str, build: _Build, helpers: tuple[str, ...] = (), holders: tuple[str, ...] = ()) -> Seam:
    module, _, attribute = name.partition(":")
    return Seam(module=module, attribute=attribute, reproduces=(name, *helpers), build=build, holders=holders)


SEAMS: Final = (
    _seam(f"{CLASS}._drop_strategy_markers", _markers, _MARKERS),
    _seam(f"{CLASS}._filter_reserved_deployments", _reserved, _RESERVED),
    _seam(f"{_COMMON}:filter_team_based_models", _teams, _TEAMS, (f"{ROUTER}:filter_team_based_models",)),
    _seam(f"{CLASS}._filter_cooldown_deployments", _cooldown),
    _seam(f"{CLASS}._filter_blocked_deployments", _blocked),
    _seam(
        f"{_UTILS}:get_order_filtered_deployments",
        _order,
        _ORDER,
        ("litellm.router_utils.pre_call_checks.encrypted_content_affinity_check:get_order_filtered_deployments",),
    ),
)
