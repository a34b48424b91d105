"""The simple shuffle: the weights are read natively, and drawn by Python's `random` as ever."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.seam import Junction, Seam

_MODULE: Final = "litellm.router_strategy.simple_shuffle"
_REPRODUCES: Final = (
    f"{_MODULE}:simple_shuffle",
    f"{_MODULE}:_metric_weight",
    f"{_MODULE}:_scoped_weights",
)


def _build(junction: Junction, original: Any) -> Any:
    names: Final = vars(sys.modules[_MODULE])
    reproduced = Names((*_REPRODUCES[1:], f"{_MODULE}:validate_router_weights"), {})
    weigh = native.module.shuffle_weights

    def shuffled(resolve_model_alias: Any, healthy_deployments: Any, model: Any, request_kwargs: Any) -> Any:
        if request_kwargs and (
            type(request_kwargs) is not dict or request_kwargs.get("_router_weights") is not None
        ):
            return NotImplemented
        if not healthy_deployments or not reproduced.intact():
            return NotImplemented
        weights = weigh(healthy_deployments)
        if weights is NotImplemented:
            return NotImplemented
        resolve_model_alias(model)  # its answer is for weights of a request's own
        if weights is None:
            return names["random"].choice(healthy_deployments)
        selected = names["random"].choices(healthy_deployments, weights=weights)[0]
        names["_ROUTER_LOGGER"].info("Selected deployment for model %s: %s", model, selected.get("model_info"))
        return selected

    return junction.lightly(shuffled, original, reads=False)


SEAMS: Final = (
    Seam(
        module=_MODULE,
        attribute="simple_shuffle",
        reproduces=_REPRODUCES,
        build=_build,
        holders=("litellm.router:simple_shuffle",),
    ),
)
