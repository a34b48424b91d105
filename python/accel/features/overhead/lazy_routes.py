"""The search for a feature of the proxy that a request is the first to need, where its path is of none.

LiteLLM asks each of some forty features on every request, by generators over its prefixes and suffixes, until all
of them were needed once; in most proxies that is never. Whether any may be meant is one question to `str`; only if
so, each is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from accel.features.names import Names
from accel.features.seam import Junction, Seam
from accel.fingerprint import live

_MODULE: Final = "litellm.proxy._lazy_features"
_CLASS: Final = f"{_MODULE}:LazyFeatureMiddleware"
_REPRODUCED: Final = (f"{_MODULE}:LazyFeature.matches", f"{_CLASS}._loaded")
_KINDS: Final = ("http", "websocket")


class Prefixes:
    """What the paths of LiteLLM's lazy features begin or end with. Thread-safe.

    Raises `ValueError` where a feature is not as LiteLLM declares them.
    """

    def __init__(self) -> None:
        self._class: Final = live(_CLASS)
        self._features: Final[tuple[Any, ...]] = live(f"{_MODULE}:LAZY_FEATURES")
        feature = live(f"{_MODULE}:LazyFeature")
        if not feature.__dataclass_params__.frozen or any(type(one) is not feature for one in self._features):
            raise ValueError("the features may change")
        self._first: Final = tuple(prefix for one in self._features for prefix in one.path_prefixes)
        self._last: Final = tuple(suffix for one in self._features for suffix in one.path_suffixes)
        self._names: Final = Names(_REPRODUCED, {})

    def meant(self, middleware: Any, scope: Any) -> tuple[Any, ...] | None:
        """The features that match the request's path; None where LiteLLM must say it. Never raises."""
        if type(middleware) is not self._class or type(scope) is not dict or not self._names.intact():
            return None
        own = vars(middleware)
        if own.get("_features") is not self._features or "app" not in own:
            return None
        # LiteLLM asks first what was needed already, and fails where nobody knows.
        if type(getattr(getattr(own.get("_fastapi_app"), "state", None), "lazy_loaded", None)) is not set:
            return None
        if scope.get("type") not in _KINDS:
            return None
        path, root, default = scope.get("path", ""), scope.get("root_path", ""), own.get("_root_path")
        if type(path) is not str or type(root) is not str or type(default) is not str:
            return None
        root = root.rstrip("/") or default
        if root and path.startswith(root + "/"):
            path = path[len(root) :]
        if not path.startswith(self._first) and not path.endswith(self._last):
            return ()
        return tuple(
            one for one in self._features if path.startswith(one.path_prefixes) or path.endswith(one.path_suffixes)
        )


async def _load(middleware: Any, scope: Any, meant: tuple[Any, ...]) -> None:
    """LiteLLM's loop, over those that match."""
    features = middleware._features
    if len(middleware._loaded) >= len(features):
        return
    module, app = vars(sys.modules[_MODULE]), middleware._fastapi_app
    for feature in meant:
        if feature.module_path in middleware._loaded or module["_eager_route_wins"](app, feature, scope):
            continue
        await module["_force_load"](app, feature, features)


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    prefixes, refused = Prefixes(), junction.refused

    async def not_ours() -> Any:
        return NotImplemented

    # Not `lightly`: what the application raises is no failure of ours.
    async def __call__(self: Any, scope: Any, receive: Any, send: Any) -> None:
        if detour := refused():
            step = partial(original, self, scope, receive, send)
            await junction.awaited(detour, not_ours, step, reads=False)
            return
        meant = prefixes.meant(self, scope)
        if meant is None:
            junction.withdraw("no request of LiteLLM's proxy")
            await original(self, scope, receive, send)
            return
        if meant:
            await _load(self, scope, meant)
        await self.app(scope, receive, send)

    return __call__


SEAMS: Final = (
    Seam(
        module=_MODULE,
        attribute="LazyFeatureMiddleware.__call__",
        reproduces=(f"{_CLASS}.__call__", f"{_MODULE}:LazyFeature.matches"),
        build=_build,
    ),
)
