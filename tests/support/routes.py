"""Routers on mock deployments, for the pins of what LiteLLM's tests say of routing."""

from collections.abc import Iterable
from typing import Any

from litellm import Router

from support.limiter import HELLO


def row(name: str, group: str = "m", *, info: dict[str, Any] | None = None, **parameters: Any) -> Any:
    """A deployment of `group`, as a Router is given it, that answers `from <name>`."""
    parameters = {"model": "openai/gpt-4o", "api_key": "k", "mock_response": f"from {name}", **parameters}
    return {"model_name": group, "litellm_params": parameters, "model_info": {"id": name, **(info or {})}}


def routed(*rows: Any, **settings: Any) -> Any:
    """A Router on them that tries once."""
    return Router(model_list=list(rows), **{"num_retries": 0, **settings})


def names(deployments: Iterable[Any]) -> list[str]:
    """The deployments' ids, in their order."""
    return [deployment["model_info"]["id"] for deployment in deployments]


async def picked(
    router: Any, model: str = "m", *, synchronous: bool = False, messages: Any = None, **request: Any
) -> str:
    """The id of the deployment that one call would go to."""
    call = {"model": model, "messages": messages or HELLO, "request_kwargs": request}
    if synchronous:
        found = router.get_available_deployment(**call)
    else:
        found = await router.async_get_available_deployment(**call)
    name: str = found["model_info"]["id"]
    return name


async def served(router: Any, model: str = "m", **request: Any) -> str:
    """The id of the deployment that one call went to."""
    response = await router.acompletion(model=model, messages=HELLO, **request)
    name: str = response._hidden_params["model_id"]
    return name
