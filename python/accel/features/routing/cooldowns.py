"""Which deployments cool down, read from those few that do and not from all that might.

LiteLLM asks its store for every deployment of the Router. Without Redis only what the store holds can be found, so
it is asked for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from accel import native
from accel.features.names import Names
from accel.features.routing.deployments import CLASS, ROUTER
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_COOLDOWNS: Final = "litellm.router_utils.cooldown_cache"
_CACHE: Final = f"{_COOLDOWNS}:CooldownCache"
_DUAL: Final = "litellm.caching.dual_cache:DualCache"
_MEMORY: Final = "litellm.caching.in_memory_cache:InMemoryCache"
_HELPERS: Final = (
    f"{_CACHE}.get_cooldown_cache_key",
    f"{_CACHE}.active_cooldowns_from_results",
    f"{_DUAL}.attach_redis_cache",
    f"{_DUAL}.batch_get_cache",
    f"{_DUAL}.async_batch_get_cache",
    f"{_DUAL}._prepare_batch_get",
    f"{_MEMORY}.batch_get_cache",
    f"{_MEMORY}.async_batch_get_cache",
    f"{_MEMORY}.get_cache",
)
_BEFORE: Final = "deployment:"
_AFTER: Final = ":cooldown"


class _Store:
    """Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self) -> None:
        self._names: Final = Names(_HELPERS, {})
        self._are_texts: Final = native.module.are_texts
        self._classes: Final = tuple(live(name) for name in (_CACHE, _DUAL, _MEMORY))
        self._methods: Final = frozenset(name.rpartition(".")[2] for name in _HELPERS)

    def found(self, cooldowns: Any, model_ids: Any) -> list[str] | None:
        """Those of the ids for which there is an entry. None: LiteLLM must ask for all."""
        if type(cooldowns) is not self._classes[0] or type(model_ids) is not list:
            return None
        store, memory = cooldowns.cooldown_store, cooldowns.in_memory_cache
        if (type(store), type(memory)) != self._classes[1:] or store.in_memory_cache is not memory:
            return None
        if store.redis_cache is not None or not self._names.intact():
            return None
        for one in (cooldowns, store, memory):
            if not vars(one).keys().isdisjoint(self._methods):
                return None
        if not self._are_texts(model_ids):
            return None
        if not memory.cache_dict:
            return []
        ids = {
            key[len(_BEFORE) : -len(_AFTER)]
            for key in list(memory.cache_dict)
            if isinstance(key, str) and key.startswith(_BEFORE) and key.endswith(_AFTER)
        }
        return [model_id for model_id in model_ids if model_id in ids]


def _async(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    store = _Store()

    async def async_get_active_cooldowns(self: Any, model_ids: Any, parent_otel_span: Any) -> Any:
        found = store.found(self, model_ids)
        if found is None:
            return NotImplemented
        try:
            return await original(self, found, parent_otel_span) if found else []
        except Exception:  # noqa: BLE001  # an entry that is none; LiteLLM says so itself
            return NotImplemented

    return junction.lightly_awaited(async_get_active_cooldowns, original, reads=True)


def _sync(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    store = _Store()

    def get_active_cooldowns(self: Any, model_ids: Any, parent_otel_span: Any) -> Any:
        found = store.found(self, model_ids)
        if found is None:
            return NotImplemented
        try:
            return original(self, found, parent_otel_span) if found else []
        except Exception:  # noqa: BLE001  # an entry that is none; LiteLLM says so itself
            return NotImplemented

    return junction.lightly(get_active_cooldowns, original, reads=True)


def _ids(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    every = native.module.deployment_ids

    def get_model_ids(self: Any, model_name: Any = None, exclude_team_models: Any = False) -> Any:
        deployments, index_map = self.model_list, self.model_id_to_deployment_index_map
        if model_name is not None or exclude_team_models is not False:
            return NotImplemented
        if type(deployments) is not list or type(index_map) is not dict:
            return NotImplemented
        return every(deployments, index_map)

    return junction.lightly(get_model_ids, original, reads=True)


SEAMS: Final = (
    Seam(
        module=ROUTER,
        attribute="Router.get_model_ids",
        reproduces=(f"{CLASS}.get_model_ids",),
        build=_ids,
    ),
    *(
        Seam(
            module=_COOLDOWNS,
            attribute=f"CooldownCache.{method}",
            reproduces=(f"{_CACHE}.{method}", *_HELPERS),
            build=build,
        )
        for method, build in (("async_get_active_cooldowns", _async), ("get_active_cooldowns", _sync))
    ),
)
