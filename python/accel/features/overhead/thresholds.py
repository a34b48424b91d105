"""Prices that hold above a number of tokens, found among a model's two hundred fields without reading them all.

LiteLLM looks at every field, and sorts those for such prices by their number, before it sees that most are empty.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from accel.features.overhead.leaner import lean
from accel.features.overhead.trimmed import Edit
from accel.features.seam import Seam

_COSTS: Final = "litellm.litellm_core_utils.llm_cost_calc.utils"
_MOST_FIELDS: Final = 4096
"""How many names of fields are remembered; beyond, LiteLLM's own way."""
_EDIT: Final = Edit(
    """[
        k
        for k in model_info
        if k.startswith(threshold_prefixes)
        and "_tokens" in k
        and (
            not k.endswith(_NON_STANDARD_THRESHOLD_SUFFIXES)
            or (tier_key_suffix != "" and k.endswith(tier_key_suffix))
        )
    ]""",
    "accel_.keys(model_info, threshold_prefixes, _NON_STANDARD_THRESHOLD_SUFFIXES, tier_key_suffix)",
)


class _Fields(NamedTuple):
    """Names of fields that were met, for one list of prefixes."""

    prefixes: tuple[str, ...]
    known: frozenset[str]
    above: frozenset[str]
    """Those of prices above a number of tokens."""
    numbered: frozenset[str]
    """Those of them whose number LiteLLM can read."""


class Thresholds:
    """Names of a model's fields. Thread-safe."""

    def __init__(self) -> None:
        self._module: Final[Any] = sys.modules[_COSTS]
        self._number: Final = self._module._parse_above_token_threshold
        self._reads: Final = self._module._parse_token_threshold
        self._fields = _Fields((), frozenset(), frozenset(), frozenset())

    def keys(
        self, model: Mapping[str, Any], prefixes: tuple[str, ...], odd: tuple[str, ...], tier: str
    ) -> list[str]:
        """The fields that LiteLLM would sort, in the model's order, but for those that are empty."""
        module = self._module
        if (
            type(model) is dict
            and module._parse_above_token_threshold is self._number
            and module._parse_token_threshold is self._reads
        ):
            fields = self._fields
            if fields.prefixes != prefixes or not model.keys() <= fields.known:
                fields = self._learnt(model, prefixes)
            if fields is not None:
                filled = {
                    key
                    for key in fields.above & model.keys()
                    if model.get(key) is not None or key not in fields.numbered
                }
                if not filled:
                    return []
                return [key for key in model if key in filled and _is_meant(key, odd, tier)]
        return [
            key for key in model if key.startswith(prefixes) and "_tokens" in key and _is_meant(key, odd, tier)
        ]

    def _learnt(self, model: Mapping[str, Any], prefixes: tuple[str, ...]) -> Any:
        """What is known with this model's fields; None if that is too much, or a name is no plain string."""
        before = self._fields if self._fields.prefixes == prefixes else _Fields(prefixes, *[frozenset()] * 3)
        if len(before.known) + len(model) > _MOST_FIELDS or any(type(key) is not str for key in model):
            return None
        above = before.above.union(key for key in model if key.startswith(prefixes) and "_tokens" in key)
        numbered = before.numbered.union(key for key in above - before.above if self._is_numbered(key))
        self._fields = _Fields(prefixes, before.known.union(model), above, numbered)
        return self._fields

    def _is_numbered(self, key: str) -> bool:
        try:
            number = self._number(key)
        except (IndexError, ValueError):
            return False
        # What is no number has no place in an order, and without it the others may have another.
        return number == number  # type: ignore[no-any-return]


def _is_meant(key: str, odd: tuple[str, ...], tier: str) -> bool:
    return not key.endswith(odd) or (tier != "" and key.endswith(tier))


SEAMS: Final = (
    Seam(
        module=_COSTS,
        attribute="_get_token_base_cost",
        reproduces=(),
        bodies=(
            f"{_COSTS}:_get_token_base_cost",
            f"{_COSTS}:_parse_above_token_threshold",
            f"{_COSTS}:_parse_token_threshold",
        ),
        build=lean([_EDIT], Thresholds),
    ),
)
