"""What a chat request costs in the proxy, by function; `make profile-proxy`.

The proxy's app runs in this process and is called as uvicorn calls it, without a socket; the model's answer is
LiteLLM's own mock (`mock_response`), so that no provider's leg is in the figures. LiteLLM and accel take turns,
after their answers were compared. `--limited`: with a key that has rate limits, made by custom auth, instead of
the master key.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import uvloop

MASTER_KEY = "sk-profile-0123456789abcdef"

RESULTS = Path(__file__).parent / "results" / "proxy_python.json"
_AUTH = """
from litellm.proxy._types import LitellmUserRoles, UserAPIKeyAuth


async def authenticate(request, api_key):
    role = LitellmUserRoles.INTERNAL_USER
    return UserAPIKeyAuth(api_key=api_key, user_role=role, rpm_limit=10**9, tpm_limit=10**9)
"""

_BODY = orjson.dumps({"model": "chat", "messages": [{"role": "user", "content": "How high is the Zugspitze?"}]})
_HEADERS = {
    "host": "127.0.0.1:4000",
    "user-agent": "OpenAI/Python 2.8.0",
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "connection": "keep-alive",
    "content-type": "application/json",
    "content-length": str(len(_BODY)),
    "authorization": f"Bearer {MASTER_KEY}",
    "x-stainless-lang": "python",
}
_SETTLE_S = 0.02


class App:
    """The proxy's app, asked as uvicorn asks it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def ask(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """One chat request: status, headers and body of the answer."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/chat/completions",
            "raw_path": b"/v1/chat/completions",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in _HEADERS.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 4000),
            "state": {},
        }
        incoming = [{"type": "http.request", "body": _BODY, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            # As a client that stays: whoever waits for it to leave is cancelled.
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), b"".join(part.get("body", b"") for part in sent)

    async def ask_often(self, number: int) -> None:
        """One after the other, what LiteLLM does after an answer included."""
        for _ in range(number):
            await self.ask()
        await asyncio.sleep(_SETTLE_S)


def told(answer: tuple[int, Mapping[bytes, bytes], bytes]) -> Any:
    """Of an answer what must be equal."""
    from support.answers import VOLATILE

    status, headers, body = answer
    fields = orjson.loads(body)
    kept = {name: value for name, value in headers.items() if name.decode() not in VOLATILE}
    # What the key has spent so far grows.
    kept.pop(b"x-litellm-key-spend", None)
    return status, kept, {name: value for name, value in fields.items() if name not in ("id", "created")}


def configured(directory: Path, *, limited: bool) -> Path:
    """The proxy's configuration: one deployment that answers by itself, nothing retried."""
    (directory / "auth_of_profile.py").write_text(_AUTH)
    parameters = {"model": "openai/gpt-4o-mini", "api_key": "unused", "mock_response": "Nearly 3,000 metres."}
    config = {
        "model_list": [{"model_name": "chat", "litellm_params": parameters}],
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"custom_auth": "auth_of_profile.authenticate"} if limited else {},
    }
    path = directory / "proxy.yaml"
    path.write_bytes(orjson.dumps(config))
    return path


async def profiled(rounds: int, each: int, number: int) -> tuple[str, str]:
    """What remains of a request; and its most expensive functions, so many of them."""
    import accel  # before LiteLLM

    from litellm.proxy.proxy_server import app  # isort: skip

    # These know where the tests' code is.
    import proxy_pair  # noqa: F401
    from profiles import ACCEL, PLAIN, Rounds, functions, table
    from sides import all_native, side

    all_native()
    assert accel.status().native["loaded"]
    proxy = App(app)
    async with app.router.lifespan_context(app):
        await proxy.ask_often(each)
        answers = []
        for name in (PLAIN, ACCEL):
            with side(name):
                answers.append(told(await proxy.ask()))
        assert answers[0] == answers[1], answers
        assert answers[0][0] == 200, answers
        turns = Rounds()
        for _ in range(rounds):
            for name in (PLAIN, ACCEL):
                with side(name):
                    await proxy.ask_often(each // 10 + 1)
                    with turns.sampling(name, each):
                        await proxy.ask_often(each)
    return table(turns.profiles), functions(turns.profiles, number) if number else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=50, help="of each turn")
    parser.add_argument("--functions", type=int, default=0, help="print so many of the most expensive functions")
    parser.add_argument("--limited", action="store_true", help="a key with rate limits")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="accel-profile-") as name:
        os.environ.update(
            CONFIG_FILE_PATH=str(configured(Path(name), limited=options.limited)),
            LITELLM_MASTER_KEY=MASTER_KEY,
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            LITELLM_LOG="ERROR",
        )
        remains, expensive = uvloop.run(profiled(options.rounds, options.requests, options.functions))
    print(remains, expensive, sep="\n")
    if not options.limited:
        RESULTS.write_bytes(orjson.dumps({"table": remains.splitlines()}, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
