"""The latency strategy: the deployments' figures are read natively, each once."""

from __future__ import annotations

import sys
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing import clock, counted, generator
from accel.features.seam import Junction, Seam

_MODULE: Final = "litellm.router_strategy.lowest_latency"
_CLASS: Final = f"{_MODULE}:LowestLatencyLoggingHandler"
_FIELDS: Final = "litellm.constants"
_METADATA: Final = "litellm.integrations.custom_logger:CustomLogger._select_metadata_field"
_REPRODUCES: Final = (
    f"{_CLASS}._get_available_deployments",
    f"{_MODULE}:_average_latency",
    f"{_MODULE}:_percentile_latency",
    _METADATA,
    *counted.REPRODUCES,
)
# From 3.12 on Python's sum of floats makes up for what is lost between small and large ones.
_SUM: Final = sum if sys.version_info >= (3, 12) else None


def _build(junction: Junction, original: Any) -> Any:
    names: Final = vars(sys.modules[_MODULE])
    fields: Final = vars(sys.modules[_FIELDS])
    handler, options = names["LowestLatencyLoggingHandler"], names["RoutingArgs"]
    drawn = generator.Generator()
    reproduced = Names(
        (*_REPRODUCES[1:], *generator.NAMES, f"{_MODULE}:random", f"{_MODULE}:ceil"), counted.bound(_MODULE)
    )
    choose = native.module.lowest_latency

    def lowest(
        self: Any,
        model_group: Any,
        healthy_deployments: Any,
        messages: Any = None,
        input: Any = None,
        request_kwargs: Any = None,
        request_count_dict: Any = None,
    ) -> Any:
        own = vars(self)
        if type(self) is not handler or "_select_metadata_field" in own or not reproduced.intact():
            return NotImplemented
        arguments = own.get("routing_args")
        time = clock.now(names)
        getrandbits = drawn.getrandbits()
        if type(arguments) is not options or time is None or getrandbits is None:
            return NotImplemented
        percentile, buffer = arguments.ttft_percentile, arguments.lowest_latency_buffer
        if not (percentile is None or type(percentile) is float) or not (buffer == 0 or type(buffer) is float):
            return NotImplemented
        latencies: dict[str, Any] | None = None
        metadata, streaming = None, False
        if request_kwargs is not None:
            if type(request_kwargs) is not dict:
                return NotImplemented
            streaming = request_kwargs.get("stream") is True
            newer = fields["LITELLM_METADATA_FIELD"]
            field = newer if newer in request_kwargs else fields["OLD_LITELLM_METADATA_FIELD"]
            if field in request_kwargs:
                metadata, latencies = request_kwargs[field], {}
                if type(metadata) is not dict:
                    return NotImplemented
        if counted.debugging():
            return NotImplemented
        chosen = choose(
            healthy_deployments,
            request_count_dict,
            clock.dated(time),
            counted.tokens(names, messages, input),
            (streaming, percentile, buffer, _SUM),
            getrandbits,
            latencies,
        )
        if metadata is not None and chosen is not None and chosen is not NotImplemented:
            metadata["_latency_per_deployment"] = latencies
        return chosen

    return junction.lightly(lowest, original, reads=False)


SEAMS: Final = (
    Seam(
        module=_MODULE,
        attribute="LowestLatencyLoggingHandler._get_available_deployments",
        reproduces=_REPRODUCES,
        build=_build,
    ),
)
