"""Which routes a list of LiteLLM's holds: asked of lists that do not change, for the same few routes.

`RouteChecks.check_route_access` makes a regular expression of each of some eighty entries, at every request.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, Final

from accel.features.names import Names
from accel.features.seam import Junction, Seam

_CHECKS: Final = "litellm.proxy.auth.route_checks"
_ACCESS: Final = tuple(
    f"{_CHECKS}:RouteChecks.{name}"
    for name in (
        "check_route_access",
        "is_wildcard_pattern",
        "route_matches_wildcard_pattern",
        "_route_matches_pattern",
    )
)

# Paths may hold ids, so that there is no end of them.
_MOST_ROUTES: Final = 1024
_MOST_LISTS: Final = 64
_LONGEST_ROUTE: Final = 256


class Known:
    """What was found of routes in one list, as long as the list holds the very same entries."""

    def __init__(self, entries: list[str]) -> None:
        self.entries: Final = tuple(entries)
        self.routes: Final[dict[str, bool]] = {}

    def is_of(self, entries: list[str]) -> bool:
        """Strings do not change: where each is the same object, the list says the same."""
        return len(entries) == len(self.entries) and all(map(is_, entries, self.entries))


def _access(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    names = Names(_ACCESS, {})
    lists: dict[int, Known] = {}

    def check_route_access(route: Any, allowed_routes: Any) -> Any:
        if type(route) is not str or type(allowed_routes) is not list or not names.intact():
            return NotImplemented
        known = lists.get(id(allowed_routes))
        if known is None or not known.is_of(allowed_routes):
            if len(route) > _LONGEST_ROUTE or {*map(type, allowed_routes)} - {str}:
                return NotImplemented
            if len(lists) >= _MOST_LISTS:
                lists.clear()
            known = lists[id(allowed_routes)] = Known(allowed_routes)
        found = known.routes.get(route)
        if found is None:
            if len(route) > _LONGEST_ROUTE:
                return NotImplemented
            # Of a copy: another thread may change the list meanwhile.
            found = original(route=route, allowed_routes=[*known.entries])
            if len(known.routes) >= _MOST_ROUTES:
                known.routes.clear()
            known.routes[route] = found
        return found

    return junction.lightly(check_route_access, original, reads=True)


SEAMS: Final = (
    Seam(module=_CHECKS, attribute="RouteChecks.check_route_access", reproduces=_ACCESS, build=_access),
)
