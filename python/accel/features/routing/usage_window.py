"""The second usage strategy: the deployments' own counters of the minute are read natively, each once."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing import counted, generator
from accel.features.seam import Junction, Seam

_MODULE: Final = "litellm.router_strategy.lowest_tpm_rpm_v2"
_METHOD: Final = "LowestTPMLoggingHandler_v2._common_checks_available_deployment"
_UTILS: Final = "litellm.utils"
_NEXT: Final = "_return_potential_deployments"
_REPRODUCES: Final = (
    f"{_MODULE}:{_METHOD}",
    f"{_MODULE}:LowestTPMLoggingHandler_v2.{_NEXT}",
    *counted.REPRODUCES,
)


def _build(junction: Junction, original: Any) -> Any:
    names: Final = vars(sys.modules[_MODULE])
    handler = names["LowestTPMLoggingHandler_v2"]
    drawn = generator.Generator()
    reproduced = Names((*_REPRODUCES[1:], *generator.NAMES, f"{_MODULE}:random"), counted.bound(_MODULE))
    choose = native.module.lowest_window_usage

    def lowest(
        self: Any,
        model_group: Any,
        healthy_deployments: Any,
        tpm_keys: Any,
        tpm_values: Any,
        rpm_keys: Any,
        rpm_values: Any,
        messages: Any = None,
        input: Any = None,
    ) -> Any:
        if tpm_values is None or rpm_values is None:
            return None
        getrandbits = drawn.getrandbits()
        if type(self) is not handler or _NEXT in vars(self) or getrandbits is None:
            return NotImplemented
        if not reproduced.intact() or counted.debugging():
            return NotImplemented
        chosen = choose(
            healthy_deployments,
            (tpm_keys, tpm_values),
            (rpm_keys, rpm_values),
            counted.tokens(names, messages, input),
            getrandbits,
        )
        if chosen is not NotImplemented:
            names["print_verbose"]("returning picked lowest tpm/rpm deployment.")
        return chosen

    return junction.lightly(lowest, original, reads=False)


def _build_keys(junction: Junction, original: Any) -> Any:
    names: Final = vars(sys.modules[_MODULE])
    reproduced = Names(
        (f"{_UTILS}:get_utc_datetime",), {f"{_MODULE}:get_utc_datetime": f"{_UTILS}:get_utc_datetime"}
    )
    make = native.module.usage_window_keys

    def keys(self: Any, healthy_deployments: Any) -> Any:
        if not reproduced.intact():
            return NotImplemented
        return make(healthy_deployments, names["get_utc_datetime"]().strftime("%H-%M"))

    return junction.lightly(keys, original, reads=True)


SEAMS: Final = (
    Seam(module=_MODULE, attribute=_METHOD, reproduces=_REPRODUCES, build=_build),
    Seam(
        module=_MODULE,
        attribute="LowestTPMLoggingHandler_v2.usage_counter_keys",
        reproduces=(f"{_MODULE}:LowestTPMLoggingHandler_v2.usage_counter_keys",),
        build=_build_keys,
    ),
)
