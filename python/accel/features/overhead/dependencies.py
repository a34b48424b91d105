"""FastAPI's way through an endpoint's dependencies: seventeen of them for a chat request, most of them headers.

What a dependency has of its own (parameters, generators, threads, overrides) stays FastAPI's; what is left out is
the asking after it where it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from accel.features.names import Names
from accel.features.seam import Junction, Raised, Seam
from accel.fingerprint import live

_UTILS: Final = "fastapi.dependencies.utils"
_MODELS: Final = "fastapi.dependencies.models"
_SOLVE: Final = f"{_UTILS}:solve_dependencies"
_REPRODUCES: Final = (
    _SOLVE,
    f"{_UTILS}:request_params_to_args",
    *(
        f"{_MODELS}:{name}"
        for name in (
            "_get_cache_key",
            "_get_oauth_scopes",
            "_uses_scopes",
            "_get_computed_scope",
            "_is_gen_callable",
            "_is_async_gen_callable",
            "_is_coroutine_callable",
        )
    ),
)
_NAMES: Final = (
    # Of itself too: FastAPI's own calls whatever has the name for each dependency.
    *_REPRODUCES,
    # Tests of users replace these.
    f"{_UTILS}:request_body_to_args",
    f"{_UTILS}:SolvedDependency",
    f"{_UTILS}:Response",
    f"{_UTILS}:Request",
)
_BOUND: Final = {
    f"{_UTILS}:{name}": f"{_MODELS}:{name}"
    for name in ("_get_cache_key", "_is_gen_callable", "_is_async_gen_callable", "_is_coroutine_callable")
}
_REQUIRED: Final = frozenset(("request", "dependant", "async_exit_stack", "embed_body_fields"))
_PARAMETERS: Final = _REQUIRED | {
    "body",
    "background_tasks",
    "response",
    "dependency_overrides_provider",
    "dependency_cache",
    "_uses_scopes_cache",
}
_GIVEN: Final = ("path_params", "query_params", "headers", "cookies")
_MOST_CALLS: Final = 4096
"""As many as FastAPI remembers the kind of."""


class Solver:
    """`solve_dependencies` for plain requests."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original: Final = original
        self._names: Final = Names(_NAMES, _BOUND)
        self._utils: Final[dict[str, Any]] = vars(__import__(_UTILS, fromlist=["_"]))
        self._request: Final = live(f"{_UTILS}:Request")
        self._awaited: Final[dict[int, tuple[Any, bool]]] = {}

    async def solve(self, **named: Any) -> Any:
        """As FastAPI's; what a dependency raises is an answer."""
        request: Any = named.get("request")
        provider = named.get("dependency_overrides_provider")
        if (
            type(request) is not self._request
            or not _REQUIRED <= named.keys() <= _PARAMETERS
            or (provider and provider.dependency_overrides)
            or not isinstance(request.scope.get("fastapi_inner_astack"), AsyncExitStack)
            or not isinstance(request.scope.get("fastapi_function_astack"), AsyncExitStack)
            or not self._names.intact()
        ):
            return NotImplemented
        try:
            return await self._solved(_Walk(self, request, named), named)
        except Exception as error:  # noqa: BLE001  # a dependency's, which has run: nothing may run twice
            return Raised(error)

    async def _solved(self, walk: _Walk, named: dict[str, Any]) -> Any:
        values, errors, tasks = await walk.through(named["dependant"], named.get("background_tasks"))
        return self._utils["SolvedDependency"](
            values=values,
            errors=errors,
            background_tasks=tasks,
            response=walk.response,
            dependency_cache=walk.cache,
        )

    def is_awaited(self, call: Any) -> bool:
        """Whether FastAPI would simply await the call. It remembers that itself by the call's identity."""
        found = self._awaited.get(id(call))
        if found is None or found[0] is not call:
            utils = self._utils
            generates = utils["_is_gen_callable"](call) or utils["_is_async_gen_callable"](call)
            if len(self._awaited) >= _MOST_CALLS:
                self._awaited.clear()
            found = self._awaited[id(call)] = call, not generates and utils["_is_coroutine_callable"](call)
        return found[1]

    async def by_fastapi(self, walk: _Walk, dependant: Any, tasks: Any) -> Any:
        """The answer for one dependency and all below it."""
        # Its only dependency, so that all there is about it is FastAPI's affair.
        around = self._utils["Dependant"](dependencies=[dependant])
        passed = {**walk.named, "dependant": around, "background_tasks": tasks}
        return await self._original(**{**passed, "response": walk.response, "dependency_cache": walk.cache})


class _Walk:
    """One request's way through its dependencies."""

    def __init__(self, solver: Solver, request: Any, named: dict[str, Any]) -> None:
        self._solver: Final = solver
        self._request: Final = request
        self._utils: Final = solver._utils
        self._provider: Final = named.get("dependency_overrides_provider")
        self.named: Final = named
        # FastAPI looks at these before anything else, and a request remembers them.
        for name in _GIVEN:
            getattr(request, name)
        self.response = named.get("response")
        if self.response is None:
            self.response = self._utils["Response"]()
            del self.response.headers["content-length"]
            self.response.status_code = None
        cache = named.get("dependency_cache")
        self.cache: Final[dict[Any, Any]] = {} if cache is None else cache

    async def through(self, dependant: Any, tasks: Any) -> tuple[dict[str, Any], list[Any], Any]:
        """The values for the dependant's parameters, the errors, and the background tasks."""
        values: dict[str, Any] = {}
        errors: list[Any] = []
        for below in dependant.dependencies:
            call, name = below.call, below.name
            if (
                (self._provider and self._provider.dependency_overrides)
                or below.concurrency is not None
                or not self._solver.is_awaited(call)
            ):
                solved = await self._solver.by_fastapi(self, below, tasks)
                tasks = solved.background_tasks
                errors.extend(solved.errors)
                values.update(solved.values)
                continue
            if _asks_for_the_request_only(below):
                arguments: dict[str, Any] = {}
                if below.http_connection_param_name:
                    arguments[below.http_connection_param_name] = self._request
                if below.request_param_name:
                    arguments[below.request_param_name] = self._request
            else:
                arguments, found, tasks = await self.through(below, tasks)
                if found:
                    errors.extend(found)
                    continue
            key = self._key(below, call)
            if below.use_cache and key in self.cache:
                value = self.cache[key]
            else:
                value = await call(**arguments)
            if name is not None:
                values[name] = value
            if key not in self.cache:
                self.cache[key] = value
        return await self._with_parameters(dependant, values, errors, tasks)

    async def _with_parameters(
        self, dependant: Any, values: dict[str, Any], errors: list[Any], tasks: Any
    ) -> tuple[dict[str, Any], list[Any], Any]:
        utils, request = self._utils, self._request
        fields = dependant.path_params, dependant.query_params, dependant.header_params, dependant.cookie_params
        found_of_all: dict[str, Any] = {}
        for asked, given in zip(fields, _GIVEN, strict=True):
            if asked:
                # A dependency may have changed them.
                found, wrong = utils["request_params_to_args"](asked, getattr(request, given))
                found_of_all.update(found)
                errors += wrong
        values.update(found_of_all)
        if dependant.body_params:
            found, wrong = await utils["request_body_to_args"](
                body_fields=dependant.body_params,
                received_body=self.named.get("body", utils["Undefined"]),
                embed_body_fields=self.named["embed_body_fields"],
            )
            values.update(found)
            errors.extend(wrong)
        if dependant.http_connection_param_name:
            values[dependant.http_connection_param_name] = request
        if dependant.request_param_name:
            values[dependant.request_param_name] = request
        if dependant.background_tasks_param_name:
            if tasks is None:
                tasks = utils["BackgroundTasks"]()
            values[dependant.background_tasks_param_name] = tasks
        if dependant.response_param_name:
            values[dependant.response_param_name] = self.response
        if dependant.security_scopes_param_name:
            scopes = utils["_get_oauth_scopes"](dependant=dependant)
            values[dependant.security_scopes_param_name] = utils["SecurityScopes"](scopes=scopes)
        return values, errors, tasks

    def _key(self, dependant: Any, call: Any) -> Any:
        if dependant.parent_oauth_scopes or dependant.own_oauth_scopes:
            return self._utils["_get_cache_key"](dependant=dependant)
        # Without scopes it does not matter whether they are used; and it is no generator.
        return call, (), dependant.scope or ""


def _asks_for_the_request_only(dependant: Any) -> bool:
    return not (
        dependant.dependencies
        or dependant.path_params
        or dependant.query_params
        or dependant.header_params
        or dependant.cookie_params
        or dependant.body_params
        or dependant.background_tasks_param_name
        or dependant.response_param_name
        or dependant.security_scopes_param_name
    )


def _build(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    return junction.lightly_awaited(Solver(original).solve, original, reads=False)


SEAMS: Final = (
    Seam(
        module=_UTILS,
        attribute="solve_dependencies",
        reproduces=_REPRODUCES,
        build=_build,
        holders=("fastapi.routing:solve_dependencies",),
    ),
)
