"""Deployments of a Router as LiteLLM's pydantic models would read them, without making the models.

A deployment is a dict that anybody may edit in place, so it is read anew at each call. Where each of its values is
of a kind that the models take as it is, what they would hold is what the dict holds; of any other LiteLLM makes
the models, or raises what it must.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from accel import native
from accel.features.names import Names
from accel.fingerprint import live

ROUTER: Final = "litellm.router"
CLASS: Final = f"{ROUTER}:Router"
_TYPES: Final = "litellm.types.router"
_DROP: Final = "litellm.litellm_core_utils.core_helpers:normalize_drop_params"
_VALIDATORS: Final = {
    f"{_TYPES}:Deployment": frozenset[str](),
    f"{_TYPES}:LiteLLM_Params": frozenset(
        ("coerce_drop_params", "preprocess_input_data", "validate_provider_affinity_header")
    ),
    f"{_TYPES}:ModelInfo": frozenset(("_validate_ptu_bounds",)),
}
"""Functions that the models call while they are made."""
_STEPS: Final = (
    f"{_TYPES}:Deployment.__init__",
    f"{_TYPES}:Deployment.get",
    f"{_TYPES}:ModelInfo.__init__",
    f"{_TYPES}:ModelInfo.get",
    f"{_TYPES}:GenericLiteLLMParams.coerce_drop_params",
    f"{_TYPES}:GenericLiteLLMParams.preprocess_input_data",
    f"{_TYPES}:GenericLiteLLMParams.validate_provider_affinity_header",
    f"{_TYPES}:ModelInfo._validate_ptu_bounds",
)
REPRODUCES: Final = (
    *_STEPS,
    _DROP,
    f"{CLASS}.get_deployment",
    f"{CLASS}.get_discovered_model_info",
    f"{CLASS}.get_router_model_info",
)
_BOUND: Final = {f"{ROUTER}:{name}": f"{_TYPES}:{name}" for name in ("Deployment", "LiteLLM_Params")}
_METHODS: Final = ("get_deployment", "get_discovered_model_info", "get_router_model_info")


class Own:
    """Whether these methods of a Router are those of its class: no subclass's, and put over by nobody."""

    def __init__(self, *methods: str) -> None:
        self._class: Final = live(CLASS)
        self._methods: Final = frozenset(methods)

    def of(self, router: Any) -> bool:
        return type(router) is self._class and vars(router).keys().isdisjoint(self._methods)


def _kind(annotation: Any) -> int:
    """What pydantic takes as it is where a field is declared so; 0: nothing that is known here."""
    kinds = native.module.FieldKinds
    simple = {
        NoneType: kinds.NONE,
        bool: kinds.BOOL,
        int: kinds.INT,
        float: kinds.FLOAT | kinds.INT,
        str: kinds.STR,
        dict: kinds.DICT,
        list: kinds.LIST,
        datetime.datetime: kinds.DATETIME,
    }
    if get_origin(annotation) in (Union, UnionType):
        taken = 0
        for member in get_args(annotation):
            taken |= _kind(member)
        return taken
    if annotation == list[str]:
        return int(kinds.STRS)
    return int(simple.get(annotation, 0)) if isinstance(annotation, type) else 0


def _kinds(model: str, **others: int) -> Any:
    """Raises `ValueError` if the model is not built as this file knows it."""
    class_ = live(model)
    made = class_.__pydantic_decorators__
    called = {*made.field_validators, *made.model_validators, *made.validators, *made.root_validators}
    if called != _VALIDATORS[model] or class_.model_config.get("extra") != "allow":
        raise ValueError(f"{model} is validated otherwise")
    if any(field.alias or field.validation_alias for field in class_.model_fields.values()):
        raise ValueError(f"{model} has aliases")
    declared = {
        name: native.module.FieldKinds.NONE if field.metadata else _kind(field.annotation)
        for name, field in class_.model_fields.items()
    }
    required = [name for name, field in class_.model_fields.items() if field.is_required()]
    # Python binds this one otherwise.
    return native.module.FieldKinds({**declared, "self": 0, **others}, required, datetime.datetime)


class Deployments:
    """Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self) -> None:
        kinds = native.module.FieldKinds
        self._litellm: Final[Any] = sys.modules["litellm"]
        self._own: Final = Own(*_METHODS)
        self._names: Final = Names(REPRODUCES, _BOUND)
        self._params_class: Final = live(f"{_TYPES}:LiteLLM_Params")
        self._deployment: Final = _kinds(f"{_TYPES}:Deployment", litellm_params=kinds.ANY, model_info=kinds.ANY)
        self._params: Final = _kinds(
            f"{_TYPES}:LiteLLM_Params",
            # Of what is left to the validators they change nothing.
            drop_params=kinds.NONE | kinds.BOOL,
            provider_affinity_header=kinds.NONE,
            max_retries=kinds.NONE | kinds.INT,
        )
        bounded = ("ptu_count", "cost_per_ptu_per_hour", "ptu_effective_from", "ptu_effective_to")
        self._info: Final = _kinds(f"{_TYPES}:ModelInfo", id=kinds.STR, **dict.fromkeys(bounded, kinds.NONE))
        self._defaults: Final = {
            name: field.default
            for name, field in self._params_class.model_fields.items()
            if not field.is_required()
        }

    def intact(self, router: Any) -> bool:
        """Whether LiteLLM's functions, and this Router's methods, are what is known here."""
        return self._own.of(router) and self._names.intact()

    def find(self, router: Any, model_id: str) -> dict[str, Any] | None:
        """The dict of which `get_deployment` makes a model; None: there is none, or LiteLLM must see to it."""
        index = router.model_id_to_deployment_index_map.get(model_id)
        if type(index) is not int:
            return None
        deployment = router.model_list[index]
        if type(deployment) is not dict or not self._deployment.fit(deployment):
            return None
        whole = self._params.fit(deployment["litellm_params"]) and self._info.fit(deployment["model_info"])
        return deployment if whole else None

    def has_plain_params(self, deployment: Any) -> bool:
        """Whether `get_router_model_info` can be had of this dict by `model_name` and `merged`."""
        if type(deployment) is not dict or not self._params.fit(deployment.get("litellm_params")):
            return False
        info = deployment.get("model_info")
        return info is None or (self._info.is_plain(info) and type(info) is dict)

    def params(self, params: dict[str, Any]) -> Any:
        """What `LiteLLM_Params` holds of a dict that fits; what the model does not declare is with the rest."""
        made = self._params_class.__new__(self._params_class)
        made.__setstate__(
            {
                "__dict__": {**self._defaults, **params},
                "__pydantic_extra__": {},
                "__pydantic_fields_set__": set(params),
                "__pydantic_private__": None,
            }
        )
        return made

    def provider(self, model: Any, made: Any) -> Any:
        """As LiteLLM tells it of what `params` made; raises what it raises."""
        return self._litellm.get_llm_provider(model=model, litellm_params=made)

    def model_info(self, deployment: dict[str, Any], made: Any) -> Mapping[str, Any] | None:
        """What LiteLLM knows of the deployment's model, as it is kept. None: LiteLLM must see to it.

        `made` is what `params` made of its parameters.

        Raises what `get_router_model_info` raises: the model is not mapped, or has no provider.
        """
        params = deployment["litellm_params"]
        base_model = (deployment.get("model_info") or {}).get("base_model")
        if base_model is None:
            base_model = params.get("base_model")
        if base_model is not None and type(base_model) is not str:
            return None
        model, provider, _, _ = self.provider(params["model"], made)
        name = self.mapped_name(model, provider, base_model)
        return None if name is None else self.known(name)

    @staticmethod
    def mapped_name(model: str, provider: str, base_model: str | None) -> str | None:
        """Under which name LiteLLM looks a deployment's model up. None: LiteLLM must see to it."""
        if provider == "azure":
            if base_model is None:
                return None  # LiteLLM says so in its log
            model = base_model
        elif "*" in model:
            return None  # by the patterns of the Router
        return model if model.startswith(f"{provider}/") else f"{provider}/{model}"

    def known(self, name: str) -> Mapping[str, Any] | None:
        """What LiteLLM knows of a model, as it is kept. None: it is nothing that can be copied for sure."""
        info = self._litellm.get_model_info(model=name)
        return info if type(info) is dict and self._info.is_plain(info) else None
