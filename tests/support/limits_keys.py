"""Random keys with limits of every scope, as plain data: the same seed makes the same keys."""

import random
from typing import Any

MODELS = ("gpt-4o", "alias", "claude-sonnet-4-5", "no such model")
GROUPS = {"alias": "gpt-4o"}
"""What the model group resolver of a world answers; nothing for other models."""
TAGS = ("t1", "t2", "t3")
AGENTS = ("agent 1", "agent 2")
SERVERS = ("files", "search")

LimitedKey = dict[str, Any]
"""`fields` of a `UserAPIKeyAuth`, and `agents`: policies by the attribute that holds them."""


class Keys:
    """Draws keys. Few scopes are shared by many keys, so that requests meet in the same counters."""

    def __init__(self, chance: random.Random) -> None:
        self.random = chance
        self.tight = chance.random() < 0.6
        """Whether limits are such that most of them are reached."""

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def requests(self) -> int:
        return self.random.choice((1, 2, 3, 5, 8) if self.tight else (3, 20, 100, 10**9))

    def tokens(self) -> int:
        return self.random.choice((1, 30, 150, 400, 2000) if self.tight else (500, 5000, 10**6, 10**12))

    def _limits(self, fields: dict[str, Any], prefix: str, chance: float) -> None:
        if self._maybe(chance):
            fields[f"{prefix}rpm_limit"] = self.requests()
        if self._maybe(chance):
            fields[f"{prefix}tpm_limit"] = self.tokens()

    def _by_model(self, metadata: dict[str, Any], names: tuple[str, ...], chance: float) -> None:
        for name in names:
            if self._maybe(chance):
                limit = self.requests if "rpm" in name else self.tokens
                metadata[name] = {model: limit() for model in MODELS if self._maybe(0.5)}

    def key(self, number: int) -> LimitedKey:
        """A key of that number: the token, who it belongs to and which limits they all have."""
        fields: dict[str, Any] = {"api_key": f"{number:064x}"}
        plain = self._maybe(0.35)
        self._limits(fields, "", 0.7)
        if self._maybe(0.6):
            fields["max_parallel_requests"] = self.random.choice((1, 2, 3, 0, 100))
        if self._maybe(0.02):
            fields["api_key"] = None
        if plain:
            return {"fields": fields, "agents": {}}
        self._owners(fields)
        fields["metadata"] = self._metadata()
        if self._maybe(0.15):
            fields["budget_throttle_pct"] = self.random.choice((0.5, 0.1))
        return {"fields": fields, "agents": self._agents(fields)}

    def _owners(self, fields: dict[str, Any]) -> None:
        for name, id_field, values in (
            ("user_", "user_id", ("u1", "u2")),
            ("team_", "team_id", ("team", "other team")),
            ("team_member_", "user_id", ("u1", "u2")),
            ("end_user_", "end_user_id", ("e1", "ü2")),
            ("organization_", "org_id", ("org",)),
        ):
            if self._maybe(0.4):
                fields.setdefault(id_field, self.random.choice(values))
                self._limits(fields, name, 0.6)
        for name, chance in (("team_metadata", 0.25), ("organization_metadata", 0.15), ("project_metadata", 0.25)):
            if not self._maybe(chance):
                continue
            fields[name] = {}
            self._by_model(fields[name], ("model_rpm_limit", "model_tpm_limit"), 0.6)
            if name == "project_metadata":
                fields["project_id"] = "project"
                self._by_model(fields[name], ("model_itpm_limit", "model_otpm_limit"), 0.6)
            if name == "team_metadata" and self._maybe(0.3):
                fields[name]["mcp_rpm_limit"] = {SERVERS[0]: self.requests()}
                fields[name]["default_estimated_output_tokens"] = self.random.choice((5, 50))

    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = {}
        self._by_model(metadata, ("model_rpm_limit", "model_tpm_limit"), 0.2)
        if self._maybe(0.2):
            metadata["tag_rpm_limit"] = {tag: self.requests() for tag in TAGS[:2]}
        if self._maybe(0.2):
            metadata["mcp_rpm_limit"] = {SERVERS[1]: self.requests()}
        if self._maybe(0.1):
            metadata[self.random.choice(("rpm_limit_type", "tpm_limit_type"))] = self.random.choice(
                ("dynamic", "guaranteed_throughput")
            )
        if self._maybe(0.15):
            metadata["default_estimated_output_tokens"] = self.random.choice((1, 40))
        return metadata

    def _agents(self, fields: dict[str, Any]) -> dict[str, dict[str, Any]]:
        agents: dict[str, dict[str, Any]] = {}
        for name, id_field in (("managed_agent_policy", "agent_id"), ("invoked_agent_policy", "invoked_agent_id")):
            if self._maybe(0.15):
                fields[id_field] = self.random.choice(AGENTS)
                policy: dict[str, Any] = {"agent_id": fields[id_field], "agent_name": "a", "agent_card_params": {}}
                self._limits(policy, "", 0.5)
                self._limits(policy, "session_", 0.5)
                agents[name] = policy
        return agents

    def tag_limits(self) -> dict[str, tuple[int | None, int | None]]:
        """What the tag resolver of a world answers: rpm and tpm by tag."""
        if self._maybe(0.5):
            return {}
        return {
            tag: (self.requests() if self._maybe(0.6) else None, self.tokens() if self._maybe(0.6) else None)
            for tag in TAGS[1:]
        }
