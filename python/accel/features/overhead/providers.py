"""The names of all providers, which LiteLLM lists anew for every call."""

from __future__ import annotations

import sys
from typing import Any, Final

LISTED: Final = "[provider.value for provider in LlmProviders]"
"""How LiteLLM lists them."""
TABLE: Final = "litellm.types.utils:LlmProviders"


class Providers:
    """The names as a tuple, for as long as the enumeration is the one that LiteLLM defines."""

    def __init__(self) -> None:
        self._known: Final[Any] = sys.modules["litellm.types.utils"].LlmProviders
        self._names: Final = tuple(provider.value for provider in self._known)
        self._members: Final = list(self._known._member_names_)

    def providers(self, enumeration: Any) -> Any:
        """What `[provider.value for provider in enumeration]` holds, in that order."""
        if enumeration is self._known and enumeration._member_names_ == self._members:
            return self._names
        return [provider.value for provider in enumeration]
