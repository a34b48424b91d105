"""Random tools and calls of tools: OpenAI's, Gemini's, Anthropic's, and wrong ones."""

from typing import Any

from support.chance import Chance

SCHEMA_TYPES = ("string", "integer", "number", "boolean", "null", "array", "object", ["string"], "weird", None)


class Tools:
    """Makes lists of tools, and of their calls."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance

    def several(self) -> Any:
        tools = [self._tool() for _ in range(self.chance.random.randrange(4))]
        return self.chance.one(tools, tools, tools, tools, None, "tools", 7)

    def _tool(self) -> Any:
        name, description = (
            self.chance.one("lookup", self.chance.text),
            self.chance.one(self.chance.text, "Looks it up.", None, 7),
        )
        schema = self._schema(0)
        function = {
            "name": name,
            "description": description,
            "parameters": self.chance.one(schema, schema, {}, None, "bad"),
        }
        return self.chance.one(
            {"type": "function", "function": function},
            {"type": "function", "function": function},
            {"type": "function", "function": self.chance.one({}, None, "bad")},
            {"name": name, "description": description, "input_schema": schema},
            {self.chance.one("function_declarations", "functionDeclarations"): [function, "bad"]},
            "bad",
        )

    def _schema(self, depth: int) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": self.chance.random.choice(SCHEMA_TYPES) if depth else "object"}
        if depth < 2:
            names = self.chance.random.sample(
                ("city", "unit", "when", "naïve", "漢字"), k=self.chance.random.randrange(4)
            )
            self.chance.put(schema, 0.8, "properties", {name: self._schema(depth + 1) for name in names})
        self.chance.put(schema, 0.5, "description", self.chance.text, "What it is.", "", None)
        self.chance.put(schema, 0.2, "enum", ["a", "b"], [1, 2], [])
        self.chance.put(schema, 0.5, "items", {"type": "string"}, {"type": "number", "enum": [1]}, {})
        self.chance.put(schema, 0.4, "required", ["city"], ["unit", "when"], [], None)
        return schema

    def calls(self) -> Any:
        arguments = self.chance.one('{"a": 1}', self.chance.text, {"a": [1, None]}, None, 5)
        call = {"id": "1", "type": "function", "function": {"name": "lookup", "arguments": arguments}}
        return self.chance.one(
            [call], [call], [call, call], [], None, "bad", [{"id": "2"}], [{"function": {}}], ["function"]
        )
