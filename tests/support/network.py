"""No network: what LiteLLM would fetch is made up from the address, and noted."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import httpx
from litellm.litellm_core_utils import token_counter as counter_module

from support.images import picture

ADDRESSES = tuple(
    f"{scheme}://pictures.invalid/{name}"
    for scheme in ("http", "https")
    for name in ("sea,base", "mountain", "fails", "large")
)


def _fetched(address: str) -> httpx.Response:
    if address.endswith("fails"):
        raise OSError("no network")
    headers = {"Content-Length": str(10**9)} if address.endswith("large") else {}
    return httpx.Response(200, headers=headers, content=picture(random.Random(address)))


@contextmanager
def no_network() -> Iterator[list[str]]:
    """The addresses that LiteLLM asks for inside the block."""
    asked: list[str] = []

    def safe_get(_client: Any, address: str) -> httpx.Response:
        asked.append(address)
        return _fetched(address)

    with (
        mock.patch.object(counter_module, "get_httpx_client"),
        mock.patch.object(counter_module, "safe_get", safe_get),
    ):
        yield asked
