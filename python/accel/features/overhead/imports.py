"""Imports that fail at every request of the proxy, because an optional package is not installed.

OpenTelemetry's SDK: LiteLLM's auth imports its exporter to see where a key's traces go; it forgives a failure.
Prisma: without a database a look-up raises, and what asks whether the database is to blame fails to import its
errors; that error is what the caller then gets.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from accel.features.overhead.absent import Absent
from accel.features.seam import Junction, Seam

_AUTH: Final = "litellm.proxy.auth.user_api_key_auth"
_DB: Final = "litellm.proxy.db.log_db_metrics"
_OTEL: Final = "litellm.integrations.otel.logger"
_ERRORS: Final = "prisma.errors"
_LOGGER: Final = logging.getLogger("LiteLLM Proxy")


def _destinations(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    exporter = Absent("opentelemetry.sdk")

    def _seed_request_destinations(*_arguments: Any, **_named: Any) -> Any:
        # Debug lines say that it failed. A module may be there without what it imports: a test's.
        if _LOGGER.isEnabledFor(logging.DEBUG) or _OTEL in sys.modules or not exporter.is_sure():
            return NotImplemented
        return None

    return junction.lightly(_seed_request_destinations, original, reads=True)


def _blame(junction: Junction, original: Callable[..., Any]) -> Callable[..., Any]:
    prisma, refused = Absent("prisma"), junction.refused

    def is_exception_related_to_db(e: Any) -> Any:
        if detour := refused():
            # What is not on for all is Python's: an answer that raises is not compared.
            return junction.detoured(detour, lambda: NotImplemented, lambda: original(e), reads=True)
        if _ERRORS in sys.modules or not prisma.is_sure():
            junction.withdraw("the package is there")
            return original(e)
        raise ModuleNotFoundError("No module named 'prisma'", name="prisma")

    return is_exception_related_to_db


SEAMS: Final = (
    Seam(
        module=_AUTH,
        attribute="_seed_request_destinations",
        reproduces=(f"{_AUTH}:_seed_request_destinations",),
        build=_destinations,
    ),
    Seam(
        module=_DB,
        attribute="is_exception_related_to_db",
        reproduces=(f"{_DB}:is_exception_related_to_db",),
        build=_blame,
        holders=(
            f"{_DB}:_is_exception_related_to_db",
            *(
                f"litellm.proxy.{module}:{name}"
                for module in ("db.db_span", "utils")
                for name in ("_is_exception_related_to_db", "is_exception_related_to_db")
            ),
        ),
    ),
)
