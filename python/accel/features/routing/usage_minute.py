"""The first usage strategy: the group's counters of the minute are read natively, each once."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing import clock, counted
from accel.features.seam import Junction, Seam
from accel.fingerprint import SERVICE_TARGET

_MODULE: Final = "litellm.router_strategy.lowest_tpm_rpm"
_METHOD: Final = "LowestTPMLoggingHandler.get_available_deployments"
_REPRODUCES: Final = (f"{_MODULE}:{_METHOD}", SERVICE_TARGET, *counted.REPRODUCES)


def _build(junction: Junction, original: Any) -> Any:
    names: Final = vars(sys.modules[_MODULE])
    handler, cache_type = names["LowestTPMLoggingHandler"], names["DualCache"]
    reproduced = Names(_REPRODUCES[1:], counted.bound(_MODULE))
    choose = native.module.lowest_usage

    def lowest(
        self: Any, model_group: Any, healthy_deployments: Any, messages: Any = None, input: Any = None
    ) -> Any:
        if type(self) is not handler or type(self.router_cache) is not cache_type or counted.debugging():
            return NotImplemented
        time = clock.now(names)
        if time is None or not reproduced.intact():
            return NotImplemented
        minute = clock.of_day(time)
        tokens = self.router_cache.get_cache(key=f"{model_group}:tpm:{minute}")
        requests = self.router_cache.get_cache(key=f"{model_group}:rpm:{minute}")
        chosen = choose(
            healthy_deployments,
            tokens,
            requests,
            counted.tokens(names, messages, input),
        )
        if chosen is not NotImplemented:
            names["print_verbose"]("returning picked lowest tpm/rpm deployment.")
        return chosen

    return junction.lightly(names["with_service_target"]("router_usage")(lowest), original, reads=False)


SEAMS: Final = (Seam(module=_MODULE, attribute=_METHOD, reproduces=_REPRODUCES, build=_build),)
