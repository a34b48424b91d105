"""An answer's fields as JSON has them: pydantic has just written them so, and FastAPI asks each what it is."""

from __future__ import annotations

import sys
from types import NoneType
from typing import Any, Final

from accel.features.overhead.leaner import lean
from accel.features.overhead.trimmed import Edit
from accel.features.seam import Seam

_ROUTING: Final = "fastapi.routing"
_ENCODERS: Final = "fastapi.encoders"
_SERIALIZE: Final = f"{_ROUTING}:serialize_response"
_ENCODE: Final = f"{_ENCODERS}:jsonable_encoder"
_PLAIN: Final = frozenset({str, int, float, bool, NoneType})
_DEEPEST: Final = 50


class _OddError(Exception):
    """Something that JSON has no word for, or a structure too deep."""


class Answers:
    """Encodes pydantic's models."""

    def __init__(self) -> None:
        self._module: Final = vars(sys.modules[_ENCODERS])
        self._encode: Final = self._module["jsonable_encoder"]

    def encoded(self, encode: Any, answer: Any) -> Any:
        """What `encode(answer)` answers."""
        module = self._module
        # It calls itself by its name.
        if encode is not self._encode or module["jsonable_encoder"] is not encode:
            return encode(answer)
        if not isinstance(answer, module["BaseModel"]):
            return encode(answer)
        fields = answer.model_dump(
            mode="json",
            include=None,
            exclude=None,
            by_alias=True,
            exclude_unset=False,
            exclude_none=False,
            exclude_defaults=False,
        )
        try:
            return _copy(fields, _DEEPEST)
        except _OddError:
            return encode(fields, exclude_none=False, exclude_defaults=False, sqlalchemy_safe=True)


def _copy(value: Any, deepest: int) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if not deepest:
        raise _OddError
    if kind is list:
        return [part if type(part) in _PLAIN else _copy(part, deepest - 1) for part in value]
    if kind is not dict or {*map(type, value)} - {str}:
        raise _OddError
    return {
        name: part if type(part) in _PLAIN else _copy(part, deepest - 1)
        for name, part in value.items()
        # Left out by FastAPI, too: SQLAlchemy's.
        if not name.startswith("_sa")
    }


SEAMS: Final = (
    Seam(
        module=_ROUTING,
        attribute="serialize_response",
        reproduces=(_SERIALIZE, _ENCODE),
        build=lean(
            (Edit("jsonable_encoder(response_content)", "accel_.encoded(jsonable_encoder, response_content)"),),
            Answers,
        ),
    ),
)
