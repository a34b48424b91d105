"""Work without effect around a call and in the proxy's Python path, left out."""

from __future__ import annotations

from typing import Final

from accel.features.overhead import (
    answers,
    completion,
    dependencies,
    imports,
    lazy_routes,
    logged,
    parameters,
    routes,
    service_hooks,
    targets,
    thresholds,
    vector_stores,
)
from accel.features.seam import Feature

FEATURE: Final = Feature(
    name="overhead",
    replayable=True,  # what is left out has no effect
    seams=(
        *imports.SEAMS,
        *routes.SEAMS,
        *lazy_routes.SEAMS,
        *targets.SEAMS,
        *service_hooks.SEAMS,
        *vector_stores.SEAMS,
        *answers.SEAMS,
        *dependencies.SEAMS,
        *completion.SEAMS,
        *parameters.SEAMS,
        *thresholds.SEAMS,
        *logged.SEAMS,
    ),
)
