"""The deployments of a model group, which the Router lists four times for each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing.deployments import CLASS, ROUTER, Own
from accel.features.seam import Junction, Seam

_TAGS: Final = "litellm.router_strategy.tag_based_routing"
_INCLUDED: Final = f"{CLASS}.should_include_deployment"
_SWITCH: Final = "enable_tag_filtering"
_SWITCHES: Final = (f"{_TAGS}:_chain_tag_filtering_override", f"{_TAGS}:_all_deployments_or_fallback")


def _all(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names, own = Names((_INCLUDED,), {}), Own("should_include_deployment")
    group = native.module.group_deployments

    def get_all_deployments(self: Any, model_name: Any, model_alias: Any = None, team_id: Any = None) -> Any:
        if model_alias is not None or type(model_name) is not str or not (own.of(self) and names.intact()):
            return NotImplemented
        if team_id is not None and (
            type(team_id) is not str or (team_id, model_name) in self.team_model_to_deployment_indices
        ):
            return NotImplemented
        deployments, by_name = self.model_list, self.model_name_to_deployment_indices
        if type(by_name) is not dict:
            return NotImplemented
        indices = by_name.get(model_name)
        if indices is None and team_id is None:
            return []
        if type(indices) is not list or type(deployments) is not list:
            return NotImplemented
        return group(deployments, indices, model_name, team_id)

    return junction.lightly(get_all_deployments, original, reads=True)


def _tags(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names = Names((*_SWITCHES, f"{CLASS}.get_all_deployments", _INCLUDED), {})
    own, unset = Own("get_all_deployments", "should_include_deployment"), native.module.none_sets

    def get_deployments_for_tag(
        llm_router_instance: Any,
        model: Any,
        healthy_deployments: Any,
        request_kwargs: Any = None,
        metadata_variable_name: Any = "metadata",
    ) -> Any:
        if type(request_kwargs) is not dict or type(healthy_deployments) is not list or not healthy_deployments:
            return NotImplemented
        if request_kwargs.get(_SWITCH) is True or llm_router_instance.enable_tag_filtering is True:
            return NotImplemented
        if not own.of(llm_router_instance) or not names.intact():
            return NotImplemented
        group = llm_router_instance.get_all_deployments(model_name=model)
        return healthy_deployments if type(group) is list and unset(group, _SWITCH) else NotImplemented

    return junction.lightly_awaited(get_deployments_for_tag, original, reads=True)


SEAMS: Final = (
    Seam(
        module=ROUTER,
        attribute="Router.get_all_deployments",
        reproduces=(f"{CLASS}.get_all_deployments", _INCLUDED),
        build=_all,
        holders=(f"{CLASS}._get_all_deployments",),
    ),
    Seam(
        module=_TAGS,
        attribute="get_deployments_for_tag",
        reproduces=(f"{_TAGS}:get_deployments_for_tag", *_SWITCHES, f"{CLASS}.get_all_deployments", _INCLUDED),
        build=_tags,
        holders=(f"{ROUTER}:get_deployments_for_tag",),
    ),
)
