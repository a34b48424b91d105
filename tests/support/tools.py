"""Random tools and calls of tools: OpenAI's, Gemini's, Anthropic's, and wrong ones."""

import types
from typing import Any

from support import oddities
from support.chance import Chance
from support.mutations import Mutations

SCHEMA_TYPES = ("string", "integer", "number", "boolean", "null", "array", "object", "object", "weird")
ODD_TYPES = (lambda: ["string"], None, "", 7, "\ud800", oddities.Text("string"), b"string")
NAMES = ("city", "unit", "when", "naïve", "漢字", "", "two\nlines", "with space")
MIXED = ("a", "b", "漢字", "", 1, 0, -7, None, True, False, 1.5, -0.0, 1e22, 10**30)


class Tools:
    """Makes lists of tools, and of their calls."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.mutations = Mutations(chance)

    def several(self) -> Any:
        tools = [self._tool() for _ in range(self.chance.random.randrange(4))]
        if self.chance.maybe(0.1):
            self.mutations.mutate(tools)
        return self.chance.mostly(
            lambda: tools,
            None,
            "tools",
            7,
            {},
            {"a": "tool"},
            lambda: tuple(tools),
            lambda: oddities.Items(tools),
        )

    def _tool(self) -> Any:
        function = {
            "name": self.chance.mostly(
                lambda: self.chance.one("lookup", self.chance.text), None, "", "\ud800", self.chance.odd
            ),
            "description": self._description(),
            "parameters": self.chance.mostly(lambda: self._schema(0), {}, None, "bad", self._deep, self._deep),
        }
        anthropic = {
            "name": function["name"],
            "description": function["description"],
            "input_schema": function["parameters"],
        }
        declarations = self.chance.one("function_declarations", "functionDeclarations")
        return self.chance.mostly(
            lambda: self.chance.one(
                {"type": "function", "function": function},
                {"type": "function", "function": function},
                anthropic,
                {declarations: [function, function]},
                function,
            ),
            {"type": "function", "function": self.chance.one({}, None, "bad")},
            {declarations: self.chance.one([], [function, "bad"], "bad", None), **anthropic},
            {"function_declarations": [], "functionDeclarations": [function]},
            {"type": "function", "function": types.MappingProxyType(function)},
            types.MappingProxyType(function),
            oddities.Note(role="tool"),
            {},
            "bad",
            None,
        )

    def _description(self) -> Any:
        return self.chance.mostly(
            lambda: self.chance.one(self.chance.text, "What it is.", "Two\nlines.", "", None),
            7,
            0,
            ["a"],
            {},
            "\udead",
            oddities.Text("odd"),
            oddities.Number(1),
        )

    def _deep(self) -> Any:
        return self.mutations.nested({"type": "string"})

    def _schema(self, depth: int) -> Any:
        kind = self.chance.random.choice(SCHEMA_TYPES) if depth else "object"
        schema: dict[Any, Any] = {"type": self.chance.mostly(kind, *ODD_TYPES)}
        if kind == "object" and depth < 4:
            names = self.chance.random.sample(NAMES, k=self.chance.random.randrange(4))
            properties: dict[Any, Any] = {name: self._schema(depth + 1) for name in names}
            if self.chance.maybe(0.01):
                properties[self.chance.one(7, None, "\ud800", oddities.Text("city"))] = self._schema(depth + 1)
            schema["properties"] = self.chance.mostly(lambda: properties, None, [], "bad", 7, [1])
        self.chance.put(schema, 0.5, "description", self._description)
        if self.chance.maybe(0.2):
            mixed = self.chance.random.choices(MIXED, k=self.chance.random.randrange(4))
            schema["enum"] = self.chance.mostly(
                lambda: mixed, None, "ab", ("a",), {"a": 1}, [["a"]], 7, ["\ud800"]
            )
        if kind == "array":
            schema["items"] = self.chance.mostly(lambda: self._schema(depth + 1), {}, None, "bad", [])
            if self.chance.maybe(0.02):
                del schema["items"]
        if self.chance.maybe(0.5):
            required = self.chance.random.sample(NAMES, k=2)
            schema["required"] = self.chance.mostly(
                lambda: self.chance.one(required, required, [], None),
                "city",
                {"city": 1},
                [7, None, []],
                0,
                ("city",),
            )
        return self.chance.mostly(lambda: schema, None, "bad", oddities.Message(schema)) if depth else schema

    def calls(self) -> Any:
        arguments = self.chance.one('{"a": 1}', self.chance.text, {"a": [1, None]}, None, self.chance.number)
        call = {"id": "1", "type": "function", "function": {"name": "lookup", "arguments": arguments}}
        return self.chance.mostly(
            lambda: self.chance.one([call], [call], [call, call], []),
            None,
            "bad",
            [{"id": "2"}],
            [{"function": {}}],
            ["function"],
            [None],
            [oddities.Message(call)],
            [{"function": oddities.Message(call["function"])}],
            [{"function": "bad"}],
            ({"function": {}},),
        )
