"""LiteLLM's own functions with a few expressions replaced, made from the source that is installed.

All but the edits is LiteLLM's code, in LiteLLM's module, on LiteLLM's lines. An edit that does not find its place
as often as it must raises, and the seam stays out.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import CO_NESTED
from types import CellType, CodeType, FunctionType
from typing import Any, Final

from accel.fingerprint import lines_of

HELPER: Final = "accel_"
"""The name by which edits call their helper's methods."""
_PLACE: Final = "\0accel"
"""Where the helper goes among the constants: unlike a name it shows in no `locals()` and no `globals()`."""
_FUTURE: Final = __future__.annotations.compiler_flag


@dataclass(frozen=True)
class Edit:
    """An expression, or statements in sequence, and what comes in their place.

    `name: Final = ...` stands for the assignment, whatever is assigned.
    """

    old: str
    new: str = "pass"
    times: int = 1
    """How often it occurs."""


def trimmed(
    function: Any, edits: Sequence[Edit] = (), helper: object = None, cells: Mapping[str, Any] | None = None
) -> FunctionType:
    """The function with its edits. `cells` are other values of variables of the functions around it.

    Raises `ValueError` if it cannot be made so, `OSError` without its source.
    """
    if not isinstance(function, FunctionType):
        raise ValueError("not a plain function")
    code = _edited(function.__code__, edits, helper) if edits else function.__code__
    around = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    around.update({name: CellType(value) for name, value in (cells or {}).items()})
    closure = tuple(around[name] for name in code.co_freevars)
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__qualname__ = function.__qualname__
    return made


def _edited(code: CodeType, edits: Sequence[Edit], helper: object) -> CodeType:
    lines = lines_of(code)
    head = ""
    if lines[0][:1].isspace():
        # Further in, so that the columns stay what they are and the variables around stay variables.
        head = f"def around({', '.join(code.co_freevars)}):\n if 1:\n"
    tree: Any = ast.parse(head + b"\n".join(lines).decode())
    definition = tree.body[0].body[0].body[0] if head else tree.body[0]
    definition.decorator_list = []
    for edit in edits:
        _apply(edit, definition)
    ast.fix_missing_locations(tree)
    ast.increment_lineno(tree, code.co_firstlineno - 1 - head.count("\n"))
    future = code.co_flags & _FUTURE
    module = compile(tree, code.co_filename, "exec", flags=future, dont_inherit=True)
    made = _named(_named(module, "around") if head else module, code.co_name)
    parameters = code.co_argcount + code.co_kwonlyargcount
    # Here it is inside of a function, which some of LiteLLM's are not.
    flags = made.co_flags & ~CO_NESTED | code.co_flags & CO_NESTED
    if made.co_varnames[:parameters] != code.co_varnames[:parameters] or flags != code.co_flags:
        raise ValueError(f"{code.co_name} was made in another way than LiteLLM's")
    return _with_helper(made, helper).replace(co_flags=flags, **_qualname(code))


def _named(code: CodeType, name: str) -> CodeType:
    return next(part for part in code.co_consts if isinstance(part, CodeType) and part.co_name == name)


def _qualname(code: CodeType) -> dict[str, Any]:
    # Python 3.10 has none.
    return {"co_qualname": code.co_qualname} if hasattr(code, "co_qualname") else {}


def _with_helper(code: CodeType, helper: object) -> CodeType:
    constants = tuple(
        _with_helper(part, helper)
        if isinstance(part, CodeType)
        else helper
        if isinstance(part, str) and part == _PLACE
        else part
        for part in code.co_consts
    )
    return code.replace(co_consts=constants)


def _apply(edit: Edit, definition: ast.AST) -> None:
    old, new = ast.parse(edit.old).body, ast.parse(edit.new).body
    editor: _Expressions | _Statements
    if len(old) == 1 and isinstance(old[0], ast.Expr) and isinstance(new[0], ast.Expr):
        editor = _Expressions(old[0].value, edit.new)
    else:
        editor = _Statements(old, edit.new)
    editor.visit(definition)
    if editor.found != edit.times:
        raise ValueError(f"found {editor.found} times: {edit.old[:60]}")


class _Editor(ast.NodeTransformer):
    def __init__(self, new: str) -> None:
        self._new = new
        self.found = 0

    def _made(self, place: ast.AST) -> list[Any]:
        """The new code, as if it stood where `place` does."""
        self.found += 1
        body = _Helped().visit(ast.parse(self._new)).body
        for node in ast.walk(ast.Module(body, [])):
            if isinstance(node, ast.stmt | ast.expr):
                ast.copy_location(node, place)
        return body  # type: ignore[no-any-return]


class _Expressions(_Editor):
    def __init__(self, old: ast.expr, new: str) -> None:
        super().__init__(new)
        self._type, self._old = type(old), ast.dump(old)

    def visit(self, node: ast.AST) -> Any:
        if type(node) is self._type and ast.dump(node) == self._old:
            return self._made(node)[0].value
        return self.generic_visit(node)


class _Statements(_Editor):
    def __init__(self, old: Sequence[ast.stmt], new: str) -> None:
        super().__init__(new)
        self._old = old
        self._dumps = [ast.dump(statement) for statement in old]

    def visit(self, node: ast.AST) -> Any:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                block[:] = self._replaced(block)
        return self.generic_visit(node)

    def _replaced(self, block: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        place, length = 0, len(self._old)
        while place < len(block):
            found = block[place : place + length]
            same = len(found) == length and all(map(self._is_same, found, self._old, self._dumps))
            made += self._made(block[place]) if same else [block[place]]
            place += length if same else 1
        return made

    @staticmethod
    def _is_same(found: ast.stmt, old: ast.stmt, dump: str) -> bool:
        if type(found) is not type(old):
            return False
        if isinstance(found, ast.AnnAssign) and isinstance(old, ast.AnnAssign) and _is_whatever(old.value):
            return ast.dump(found.target) == ast.dump(old.target)
        return ast.dump(found) == dump


def _is_whatever(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is ...


class _Helped(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(_PLACE) if node.id == HELPER else node
