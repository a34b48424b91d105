"""Random requests to a proxy and what came of them, as plain data; and what callbacks are handed of them."""

import random
from copy import deepcopy
from typing import Any

from litellm.types.rerank import RerankResponse
from litellm.types.utils import EmbeddingResponse, ModelResponse, TextCompletionResponse, Usage

from support.limits_keys import AGENTS, MODELS, TAGS

_TEXTS = ("", "x", "A short question?", "words " * 40, "Wie geht's? 今天 " * 6)
_CALL_TYPES = (
    "acompletion",
    "acompletion",
    "acompletion",
    "completion",
    "aembedding",
    "aresponses",
    "atext_completion",
    "",
)


class Requests:
    """Draws requests and endings."""

    def __init__(self, chance: random.Random) -> None:
        self.random = chance

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def request(self, number: int) -> tuple[dict[str, Any], str]:
        """The body, with its call id, and the call type."""
        data: dict[str, Any] = {"litellm_call_id": f"call {number}", "metadata": {}}
        if self._maybe(0.97):
            data["model"] = self.random.choice(MODELS[:3] if self._maybe(0.9) else MODELS)
        text = self.random.choice(_TEXTS)
        call_type = self.random.choice(_CALL_TYPES)
        if call_type == "aembedding":
            data["input"] = self.random.choice((text, [text, text], [1, 2, 3], [[1], [2, 3]]))
        elif call_type == "aresponses":
            data["input"] = self.random.choice((text, [{"role": "user", "content": text}]))
        elif call_type == "atext_completion":
            data["prompt"] = self.random.choice((text, [text]))
        else:
            data["messages"] = [{"role": "user", "content": text}]
        for name, chance, values in (
            ("max_tokens", 0.5, (0, 1, 20, 100, 5000, None, "30", True)),
            ("max_completion_tokens", 0.1, (10, 200)),
            ("max_output_tokens", 0.1, (10, 200)),
            ("n", 0.15, (1, 2, 3, None, "x")),
            ("tags", 0.15, (list(TAGS[:2]), "t1", [TAGS[1], TAGS[1], 3])),
            ("litellm_session_id", 0.2, ("s1", "s2")),
        ):
            if self._maybe(chance):
                data[name] = self.random.choice(values)
        if self._maybe(0.2):
            data["metadata"]["tags"] = list(self.random.sample(TAGS, 2))
        if self._maybe(0.1):
            data["metadata"].update(agent_id=self.random.choice(AGENTS), session_id="s3")
        return data, call_type

    def usage(self) -> dict[str, Any]:
        """Numbers of tokens; sometimes only their sum, sometimes none, sometimes cached ones."""
        prompt, completion = self.random.choice((0, 1, 12, 90, 700)), self.random.choice((0, 1, 20, 300))
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if self._maybe(0.1):
            usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 55}
        if self._maybe(0.1):
            usage["prompt_tokens_details"] = {"cached_tokens": self.random.choice((5, 1000))}
        return usage

    def response(self) -> tuple[str, dict[str, Any]]:
        return (
            self.random.choice(("chat", "chat", "chat", "chat", "text", "embedding", "dict", "none", "rerank")),
            self.usage(),
        )


def response(kind: str, usage: dict[str, Any]) -> Any:
    """LiteLLM's answer of that kind, with headers of its own already on it."""
    counted = Usage(**deepcopy(usage))
    if kind == "none":
        return None
    if kind == "dict":
        return {"usage": deepcopy(usage), "_hidden_params": {}}
    if kind == "rerank":
        made: Any = RerankResponse(
            id="r", results=[], meta={"tokens": {"input_tokens": usage["prompt_tokens"], "output_tokens": 0}}
        )
    elif kind == "embedding":
        made = EmbeddingResponse(usage=counted)
    else:
        made = (ModelResponse if kind == "chat" else TextCompletionResponse)(usage=counted)
    made._hidden_params = {"additional_headers": {"llm_provider-x": "1"}}
    return made


def kwargs(
    data: dict[str, Any], key: Any, *, call_id: str | None, combined: dict[str, Any] | None
) -> dict[str, Any]:
    """What the callbacks after a call are handed."""
    model = data.get("model")
    metadata = {
        "user_api_key_hash": key.api_key,
        "user_api_key_user_id": key.user_id,
        "user_api_key_team_id": key.team_id,
        "user_api_key_org_id": key.org_id,
        "user_api_key_project_id": key.project_id,
        "user_api_key_end_user_id": key.end_user_id,
        "agent_id": key.agent_id,
        "session_id": data.get("litellm_session_id"),
    }
    given: dict[str, Any] = {
        "litellm_call_id": call_id,
        "model": model,
        "litellm_params": {
            "metadata": {
                "user_api_key": key.api_key,
                "user_api_key_metadata": key.metadata,
                "user_api_key_model_max_budget": key.model_max_budget,
                "model_group": model,
            }
        },
        "standard_logging_object": {"metadata": metadata, "hidden_params": {}, "model_group": model},
    }
    if combined is not None:
        given["combined_usage_object"] = Usage(**deepcopy(combined))
    return given
