"""Whether vector stores are denied by default: one flag, for which LiteLLM validates all of its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_CHECKS: Final = "litellm.proxy.auth.auth_checks"
_FUNCTION: Final = f"{_CHECKS}:_vector_store_deny_by_default"
_MODEL: Final = "litellm.proxy._types:ConfigGeneralSettings"
_FIELD: Final = "vector_store_deny_by_default"


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names, model = Names((), {f"{_CHECKS}:ConfigGeneralSettings": _MODEL}), live(_MODEL)
    fields = model.model_fields
    decorators = model.__pydantic_decorators__
    if fields[_FIELD].annotation is not bool or fields[_FIELD].metadata or "model_validate" in vars(model):
        raise ValueError("the setting is no plain flag")
    if decorators.model_validators or decorators.field_validators or decorators.root_validators:
        raise ValueError("the settings have validators")

    def _vector_store_deny_by_default(general_settings: Any) -> Any:
        # The first validation builds the model, which others may find built.
        if not model.__pydantic_complete__ or "model_validate" in vars(model) or not names.intact():
            return NotImplemented
        value = general_settings.get(_FIELD, False)
        return value if value is True or value is False else NotImplemented

    return junction.lightly(_vector_store_deny_by_default, original, reads=True)


SEAMS: Final = (
    Seam(
        module=_CHECKS,
        attribute="_vector_store_deny_by_default",
        reproduces=(_FUNCTION,),
        build=_build,
    ),
)
