"""Deep copies of model information and deployments, which the Router makes several times a request.

What is replaced is the name `copy` in the Router's modules, not a function of theirs: those that copy change with
nearly every release.
"""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any, Final

from accel import native
from accel.features.seam import Junction, Seam


class Copying:
    """Stands for Python's `copy` in one module; all but `deepcopy` is Python's own."""

    def __init__(self, deepcopy: Any) -> None:
        self.deepcopy: Final = deepcopy

    def __getattr__(self, name: str) -> Any:
        return getattr(copy, name)


def _build(junction: Junction, original: Any) -> Any:
    if not isinstance(original, ModuleType) or original is not copy:
        raise ValueError("the name is not Python's copy")
    plain = native.module.deepcopy

    def copied(x: Any, memo: Any = None) -> Any:
        return NotImplemented if memo is not None else plain(x)

    # By name, at every call: somebody may replace Python's function.
    return Copying(junction.lightly(copied, lambda x, memo=None: copy.deepcopy(x, memo), reads=True))


def _seam(module: str) -> Seam:
    return Seam(module=module, attribute="copy", reproduces=(), build=_build)


SEAMS: Final = (_seam("litellm.router"), _seam("litellm.router_utils.pattern_match_deployments"))
