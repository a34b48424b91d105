"""The cost strategy: figures and prices are read natively, each once."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing import clock, counted
from accel.features.seam import Junction, Seam
from accel.fingerprint import SERVICE_TARGET

_MODULE: Final = "litellm.router_strategy.lowest_cost"
_PRICING: Final = "litellm.router_utils.deployment_pricing"
_METHOD: Final = "LowestCostLoggingHandler.async_get_available_deployments"
_BOUND: Final = {
    f"{_MODULE}:deployment_pricing_models": f"{_PRICING}:deployment_pricing_models",
    f"{_MODULE}:str_keyed": f"{_PRICING}:str_keyed",
}
_BODIES: Final = (
    # Other ones in 1.106.0 and 1.106.1, which this seam stays out of.
    f"{_MODULE}:{_METHOD}",
    f"{_MODULE}:_as_rate",
    f"{_MODULE}:_cost_map",
    f"{_MODULE}:_declares_token_price",
    f"{_MODULE}:_deployment_cost_map_rates",
    f"{_PRICING}:_STR_KEYED",
    f"{_PRICING}:_named_models",
    f"{_PRICING}:deployment_pricing_models",
    f"{_PRICING}:pricing_models",
    f"{_PRICING}:str_keyed",
)
_REPRODUCES: Final = (SERVICE_TARGET, *counted.REPRODUCES)


def _build(junction: Junction, original: Any) -> Any:
    names: Final = vars(sys.modules[_MODULE])
    litellm: Any = sys.modules["litellm"]
    handler, cache_type = names["LowestCostLoggingHandler"], names["DualCache"]
    reproduced = Names((*_BODIES[1:], *_REPRODUCES), _BOUND | counted.bound(_MODULE))
    choose = native.module.lowest_cost

    async def cheapest(
        self: Any,
        model_group: Any,
        healthy_deployments: Any,
        messages: Any = None,
        input: Any = None,
        request_kwargs: Any = None,
    ) -> Any:
        if type(self) is not handler or type(self.router_cache) is not cache_type or counted.debugging():
            return NotImplemented
        if not reproduced.intact() or names["litellm"] is not litellm:
            return NotImplemented
        usage = await self.router_cache.async_get_cache(key=f"cost_map:{model_group}")
        time = clock.now(names)
        if time is None:
            return NotImplemented
        return choose(
            healthy_deployments,
            usage or None,
            clock.dated(time),
            counted.tokens(names, messages, input),
            litellm.model_cost,
        )

    return junction.lightly_awaited(names["with_service_target"]("router_usage")(cheapest), original, reads=False)


SEAMS: Final = (Seam(module=_MODULE, attribute=_METHOD, reproduces=_REPRODUCES, bodies=_BODIES, build=_build),)
