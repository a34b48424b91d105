"""Whether a model group is a single deployment, without a list of the hundreds that it has."""

from __future__ import annotations

from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.overhead.leaner import lean
from accel.features.overhead.trimmed import Edit
from accel.features.routing.deployments import CLASS, ROUTER, Own
from accel.features.seam import Seam

_HELPERS: Final = (
    "get_model_list",
    "get_all_deployments",
    "should_include_deployment",
    "get_model_list_from_model_alias",
    "get_model_list_from_routing_groups",
    "get_routing_group",
)
_REPRODUCED: Final = tuple(f"{CLASS}.{name}" for name in _HELPERS)
_MANY: Final = 2


class Groups:
    """Lists a group for a caller that asks only whether it is one deployment, and which. Thread-safe."""

    def __init__(self) -> None:
        self._names: Final = Names(_REPRODUCED, {})
        self._own: Final = Own(*_HELPERS)
        self._group: Final = native.module.group_deployments

    def few(self, router: Any, name: Any) -> Any:
        """What `router.get_model_list(model_name=name)` answers, or of several deployments the first two."""
        if type(name) is str and self._own.of(router) and self._names.intact():
            deployments, aliases = router.model_list, router.model_group_alias
            by_name = router.model_name_to_deployment_indices
            if type(deployments) is list and type(aliases) is dict and type(by_name) is dict:
                indices = by_name.get(name)
                if type(indices) is list and len(indices) >= _MANY and name not in aliases:
                    found = self._group(deployments, indices[:_MANY], name, None)
                    if type(found) is list and len(found) == _MANY:
                        return found
        return router.get_model_list(model_name=name)


def _seam(method: str, argument: str) -> Seam:
    name = f"{CLASS}.{method}"
    return Seam(
        module=ROUTER,
        attribute=f"Router.{method}",
        reproduces=(),
        bodies=(name, *_REPRODUCED),
        build=lean([Edit(f"self.get_model_list(model_name={argument})", f"accel_.few(self, {argument})")], Groups),
    )


SEAMS: Final = (
    _seam("_is_prompt_management_model", "model"),
    _seam("_handle_mock_testing_rate_limit_error", "model_group"),
)
