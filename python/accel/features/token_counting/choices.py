"""What LiteLLM chose for a model, remembered for as long as the choice holds."""

from __future__ import annotations

import sys
from typing import Any, Final

# Model names come from requests; beyond this many all are forgotten.
_KEPT: Final = 512


class Choice:
    """How a model is counted."""

    __slots__ = ("encoding", "legacy")

    def __init__(self, encoding: str | None) -> None:
        self.encoding: Final = encoding
        """The tiktoken encoding; None for the Anthropic tokenizer."""
        self.legacy: bool | None = None
        """Whether messages are priced as for gpt-3.5-turbo-0301; None until somebody asked."""


class Choices:
    """Saves asking LiteLLM again (80 µs where its code is not in the processor's cache).

    The choice follows from the model's name, the model sets that hold it, tiktoken's table of models
    and one switch. These are read for every call; when one differs, LiteLLM is asked anew. That its
    functions look at nothing else is in the fingerprint. Thread-safe: the worst race asks twice.
    """

    def __init__(self) -> None:
        self._litellm: Any = sys.modules["litellm"]
        self._table: Any = sys.modules["tiktoken.model"].MODEL_TO_ENCODING
        self._kept: dict[str, tuple[tuple[Any, ...], Choice]] = {}

    def get(self, model: str) -> Choice | None:
        """The choice; None if LiteLLM must be asked."""
        kept = self._kept.get(model)
        if kept is None or kept[0] != self._facts(model):
            return None
        return kept[1]

    def keep(self, model: str, choice: Choice) -> None:
        """LiteLLM was asked just now, and this is what it chose."""
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[model] = (self._facts(model), choice)

    def _facts(self, model: str) -> tuple[Any, ...]:
        litellm = self._litellm
        return (
            model in litellm.azure_llms,
            model in litellm.open_ai_chat_completion_models,
            model in litellm.anthropic_models,
            model in litellm.cohere_models,
            litellm.disable_hf_tokenizer_download is True,
            self._table.get(model),
        )
