"""`GET /accel/status` on LiteLLM's proxy: for a proxy admin only, absent without a master key."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, Final

import wrapt

from accel import control

_PROXY: Final = "litellm.proxy.proxy_server"


def arm() -> None:
    """Add the route as soon as the proxy's app has been made."""
    wrapt.register_post_import_hook(_mount, _PROXY)


def document() -> dict[str, Any]:
    """This worker's status, its pid, and below `accel run` every worker's last snapshot."""
    # Here because `import accel` must stay cheap, and only a served proxy comes this far.
    from accel import report
    from accel.state import read_snapshots

    directory = control.environment.state_directory
    found = read_snapshots(directory) if directory else None
    return {
        "pid": os.getpid(),
        **report.status().to_dict(),
        "workers": [
            {"pid": snapshot.process.pid, "written_unix_s": snapshot.written_unix_s, **snapshot.body}
            for snapshot in (found.live if found else ())
        ],
    }


def _mount(proxy_server: ModuleType) -> None:
    from fastapi import Depends, HTTPException
    from fastapi.responses import JSONResponse
    from litellm.proxy._types import LitellmUserRoles, UserAPIKeyAuth
    from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

    # Not async: FastAPI then runs it on a thread, for it reads the workers' files.
    def accel_status(key: UserAPIKeyAuth = Depends(user_api_key_auth)) -> JSONResponse:  # noqa: B008
        if proxy_server.master_key is None:
            raise HTTPException(status_code=404, detail="Not Found")
        if key.user_role != LitellmUserRoles.PROXY_ADMIN:
            raise HTTPException(status_code=403, detail="accel: for a proxy admin only")
        return JSONResponse(document())

    # FastAPI reads annotations as types; postponed ones would name what only this function knows.
    accel_status.__annotations__ = {"key": UserAPIKeyAuth, "return": JSONResponse}
    app = proxy_server.app
    app.add_api_route("/accel/status", accel_status, methods=["GET"], include_in_schema=False, response_model=None)
    # Before LiteLLM's own routes: some of them catch every path.
    routes = app.router.routes
    routes.insert(0, routes.pop())
