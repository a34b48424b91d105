"""uvicorn's protocols: which ones are known, and when one of them holds nothing of its connection."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from accel import fingerprint

_METHODS: Final = (
    "__init__",
    "connection_made",
    "connection_lost",
    "data_received",
    "_unset_keepalive_if_required",
    "on_response_complete",
    "shutdown",
    "timeout_keep_alive_handler",
)
_CYCLE: Final = ("RequestResponseCycle.__init__", "RequestResponseCycle.run_asgi", "RequestResponseCycle.send")


def _h11_is_empty(protocol: Any) -> bool:
    h11: Any = sys.modules["h11"]
    connection = protocol.conn
    return bool(
        connection.our_state is h11.IDLE
        and connection.their_state is h11.IDLE
        and connection.trailing_data == (b"", False)
    )


def _h11_resume(protocol: Any) -> None:
    # It frames its answer to what it cannot read by what the client has spoken before. Only HTTP/1.1 comes back.
    protocol.conn.their_http_version = b"1.1"


def _httptools_is_empty(protocol: Any) -> bool:
    # The parser cannot be asked. A message that it has begun has a scope of its own already.
    return not (protocol.pipeline or protocol.cycle.more_body) and protocol.scope is protocol.cycle.scope


@dataclass(frozen=True)
class Known:
    """A protocol class whose every method that the front relies on is known."""

    module: str
    qualname: str
    members: tuple[str, ...]
    """What is relied on, as `module:qualname`."""
    is_empty: Callable[[Any], bool]
    """Between two requests: whether its parser has seen nothing of the next one."""
    resume: Callable[[Any], None]
    """Lets a new protocol's parser know that requests on its connection have been answered before."""

    def is_intact(self) -> bool:
        """Whether all of its members have the bodies that were tested with."""
        return all(_body_of(member) in fingerprint.known(member) for member in self.members)


def _known(
    module: str,
    name: str,
    methods: tuple[str, ...],
    is_empty: Callable[[Any], bool],
    resume: Callable[[Any], None],
) -> Known:
    members = (*(f"{name}.{method}" for method in methods), *_CYCLE)
    return Known(module, name, tuple(f"{module}:{member}" for member in members), is_empty, resume)


KNOWN: Final = (
    _known(
        "uvicorn.protocols.http.h11_impl", "H11Protocol", (*_METHODS, "handle_events"), _h11_is_empty, _h11_resume
    ),
    _known(
        "uvicorn.protocols.http.httptools_impl",
        "HttpToolsProtocol",
        (*_METHODS, "on_message_begin", "on_headers_complete", "on_message_complete", "_start_asgi_task"),
        _httptools_is_empty,
        lambda _: None,
    ),
)


def known(protocol_class: type[Any]) -> Known | None:
    """The entry of exactly this class; None for any other, a subclass too."""
    for entry in KNOWN:
        if (protocol_class.__module__, protocol_class.__qualname__) == (entry.module, entry.qualname):
            return entry
    return None


def _body_of(member: str) -> str | None:
    try:
        return fingerprint.of_object(fingerprint.live(member))
    except (AttributeError, OSError):
        return None


def is_idle(protocol: Any, entry: Known) -> bool:
    """Whether the connection is between two requests: the last answer sent, nothing of the next one read."""
    cycle, transport, flow = protocol.cycle, protocol.transport, protocol.flow
    return bool(
        cycle is not None
        and cycle.response_complete
        and not cycle.disconnected
        # Armed by the end of the answer, disarmed by the next byte.
        and protocol.timeout_keep_alive_task is not None
        and not transport.is_closing()
        and not flow.read_paused
        and transport.get_write_buffer_size() == 0
        and entry.is_empty(protocol)
    )
