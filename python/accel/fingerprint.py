"""Which bodies of LiteLLM's functions are known, by a hash of their source lines.

Byte code differs between Python versions, source lines do not. The table is made by
`scripts/fingerprints.py`; anything that is not in it is unknown, and unknown means: not patched.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

import orjson

TABLE: Final = Path(__file__).with_name("fingerprints.json")


_LruCached: Final = type(lru_cache(len))
_CONTEXT_MANAGER: Final = contextmanager(lambda: iter(())).__code__


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = orjson.loads(TABLE.read_bytes())
    return table


def supported_versions() -> frozenset[str]:
    """The LiteLLM releases that the table holds."""
    return frozenset(_table()["litellm"])


def library_is_tested(library: str, version: str) -> bool:
    """Whether this release of a library under LiteLLM is one that the parity tests ran against."""
    return version in _table()["libraries"][library]


def known(member: str) -> frozenset[str | None]:
    """The fingerprints that `member` (`module:qualname`) may have. One of LiteLLM's has one, the same in every
    supported release; one of uvicorn's those of the tested releases, None among them where one has no such member.
    Empty for what the table does not hold.
    """
    digests = _table()["members"].get(member, [])
    return frozenset([digests] if isinstance(digests, str) else digests)


def live(member: str) -> Any:
    """The object that `member` is at this moment. Raises `KeyError` or `AttributeError` if it is not there."""
    module, _, qualname = member.partition(":")
    value: Any = sys.modules[module]
    for part in qualname.split("."):
        value = getattr(value, part)
    return value


SERVICE_TARGET: Final = "litellm._internal_context:with_service_target"


def of_object(value: Any) -> str:
    """The fingerprint of a live function, by file and line; of a constant, by its `repr`.

    Looks through `lru_cache`, `contextmanager` and LiteLLM's `with_service_target`, and through no other wrapper:
    what that one does is not in the lines of what it wraps. Who relies on a method that has the last lists
    `SERVICE_TARGET` too. Raises `OSError` if the source is not there.
    """
    while isinstance(value, _LruCached) or _names_a_service(value) or _manages_a_context(value):
        value = value.__wrapped__
    code = getattr(value, "__code__", None)
    if not isinstance(code, CodeType):
        return _digest(repr(value).encode())
    return _of_live_code(code, code.co_filename)


def _names_a_service(value: Any) -> bool:
    """Whether it is the wrapper that says what a Redis call is for, which changes nothing else."""
    namespace = getattr(value, "__globals__", None)
    named = isinstance(namespace, dict) and namespace.get("__name__") == SERVICE_TARGET.partition(":")[0]
    return named and hasattr(value, "__wrapped__")


def _manages_a_context(value: Any) -> bool:
    return getattr(value, "__code__", None) is _CONTEXT_MANAGER and hasattr(value, "__wrapped__")


@cache
def _of_live_code(code: CodeType, filename: str) -> str:
    # Several seams rely on one function. Code objects of two files may be equal, so the file is in the key.
    return of_code(code, _lines(filename))


def of_code(code: CodeType, lines: list[bytes]) -> str:
    """The fingerprint of a function's code in the lines of its file."""
    return _digest(b"\n".join(_block(code, lines)))


def lines_of(code: CodeType) -> list[bytes]:
    """The source lines of a live function, decorators included. Raises `OSError` if the source is not there."""
    return _block(code, _lines(code.co_filename))


def _block(code: CodeType, lines: list[bytes]) -> list[bytes]:
    first = code.co_firstlineno - 1
    last = _last_line(code)
    # Which line of a last statement that spans several has code differs between Python versions, so
    # the block is followed to its end by indentation.
    indent = _indent(lines[first])
    while last < len(lines) and lines[last].strip() and _indent(lines[last]) > indent:
        last += 1
    return lines[first:last]


def split_lines(source: bytes) -> list[bytes]:
    """Lines of a source file, whatever its line ends."""
    return source.replace(b"\r\n", b"\n").split(b"\n")


@cache
def _lines(filename: str) -> list[bytes]:
    return split_lines(Path(filename).read_bytes())


def forget_sources() -> None:
    """Let go of the source files that were read; called when the seams that could be judged have been."""
    _of_live_code.cache_clear()
    _lines.cache_clear()


def _last_line(code: CodeType) -> int:
    """Number of the last line that has code, nested functions included."""
    own = max((line for _, _, line in code.co_lines() if line is not None), default=code.co_firstlineno)
    nested = (_last_line(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return max(own, *nested, code.co_firstlineno)


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
