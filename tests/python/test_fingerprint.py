"""Fingerprints: a body is known by its lines, whatever stands around it."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accel import fingerprint
from accel.features import FEATURES
from accel.features.replaced import original_of
from accel.fingerprint import live, of_object
from support.fresh import told_by
from support.lane import HTTPTOOLS

MEMBERS = sorted(
    {member for feature in FEATURES.values() for seam in feature.seams for member in seam.known}
    | {member for feature in FEATURES.values() for member in feature.relies_on}
)
# Importing it here would make every server of this process prefer it.
APART = "uvicorn.protocols.http.httptools_impl"

BODY = """\
def body(first, second=None):
    # a comment is part of it
    total = len(first)

    def inner(text):
        return text * total
    return max(
        inner(second),
        total,
    )
"""


@pytest.fixture
def define(tmp_path: Path) -> Any:
    """Define `body` in a file with this source; each definition gets a file of its own."""
    made = 0

    def define(source: str, name: str = "body") -> Any:
        nonlocal made
        made += 1
        path = tmp_path / f"module_{made}.py"
        path.write_bytes(source.encode())
        namespace: dict[str, Any] = {}
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), namespace)
        return namespace[name]

    yield define
    fingerprint.forget_sources()


Define = Callable[..., Any]


class TestFunctions:
    def test_equal_lines_are_equal_wherever_they_stand(self, define: Define) -> None:
        alone = of_object(define(BODY))
        assert len(alone) == 16
        assert alone == of_object(define(f"import sys\n\n\n{BODY}\n\ndef after():\n    pass\n"))
        assert alone == of_object(define(BODY.rstrip("\n")))
        assert alone == of_object(define(f"{BODY}other = 1\n"))

    def test_line_ends_do_not_matter(self, define: Define) -> None:
        assert of_object(define(BODY)) == of_object(define(BODY.replace("\n", "\r\n")))

    @pytest.mark.parametrize("line", [line for line in BODY.splitlines() if line.strip() not in ("", ")")])
    def test_any_changed_line_changes_it(self, define: Define, line: str) -> None:
        changed = BODY.replace(line, f"{line}  # changed", 1)
        assert of_object(define(BODY)) != of_object(define(changed))

    @pytest.mark.parametrize(
        "closing", ["    )", "    )  # changed", "        # one more line\n    )", "        *(),\n    )"]
    )
    def test_a_last_statement_of_several_lines_is_followed_to_its_end(self, define: Define, closing: str) -> None:
        changed = BODY.replace("    )\n", f"{closing}\n")
        assert (of_object(define(BODY)) == of_object(define(changed))) is (closing == "    )")

    def test_decorators_are_part_of_it(self, define: Define) -> None:
        plain = of_object(define(BODY))
        cached = define(f"import functools\n@functools.lru_cache(maxsize=1)\n{BODY}")
        other = define(f"import functools\n@functools.lru_cache(maxsize=2)\n{BODY}")
        assert len({plain, of_object(cached), of_object(other)}) == 3

    def test_methods_and_coroutines(self, define: Define) -> None:
        source = (
            "class body:\n    def method(self):\n        return {}\n\n    async def other(self):\n        pass\n"
        )
        first, second = define(source.format(1)), define(source.format(2))
        assert of_object(first.method) != of_object(second.method)
        assert of_object(first.other) == of_object(second.other)
        assert of_object(first().method) == of_object(first.method)


class TestOtherObjects:
    def test_a_cache_is_looked_through(self, define: Define) -> None:
        body = define(BODY)
        assert of_object(functools.lru_cache(body)) == of_object(functools.cache(body)) == of_object(body)

    def test_a_wrapper_is_itself_and_not_what_it_wraps(self, define: Define) -> None:
        """It may do anything, and LiteLLM's callers would have had what it does."""
        body = define(BODY)

        @functools.wraps(body)
        def wrapper(*arguments: Any) -> Any:
            return body(*arguments) + 1

        assert of_object(wrapper) != of_object(body)
        assert of_object(functools.lru_cache(wrapper)) == of_object(wrapper)

    def test_an_object_that_has_every_attribute_is_judged_too(self) -> None:
        class Any_:
            def __getattr__(self, name: str) -> Any_:
                return self

            def __repr__(self) -> str:
                return "odd"

        assert of_object(Any_()) == of_object(Any_())

    def test_constants(self) -> None:
        assert of_object((1, "a")) == of_object((1, "a")) != of_object((1, "b"))
        assert of_object(None) != of_object("None")

    def test_a_function_without_source_says_so(self) -> None:
        namespace: dict[str, Any] = {}
        exec(BODY, namespace)
        with pytest.raises(OSError, match="<string>"):
            of_object(namespace["body"])


class TestTable:
    def test_it_holds_what_the_seams_reproduce_and_nothing_else(self) -> None:
        assert sorted(fingerprint._table()["members"]) == MEMBERS

    @pytest.mark.parametrize("member", [member for member in MEMBERS if not member.startswith(APART)])
    def test_it_is_true_of_what_is_installed(self, member: str) -> None:
        importlib.import_module(member.partition(":")[0])
        # accel itself has replaced some of them in this process.
        assert of_object(installed(member)) in fingerprint.known(member)

    def test_it_is_true_of_uvicorns_protocol_on_httptools(self) -> None:
        code = f"""
import importlib
from accel.lane import protocols
importlib.import_module({APART!r})
known = [entry for entry in protocols.KNOWN if entry.module == {APART!r}]
tell(intact=[entry.is_intact() for entry in known])
"""
        assert told_by(code, HTTPTOOLS).facts == {"intact": [True]}

    def test_what_it_does_not_hold_is_unknown(self) -> None:
        assert fingerprint.known("litellm.utils:trim_messages") == frozenset()
        assert "1.106.2" in fingerprint.supported_versions()
        assert "1.0.0" not in fingerprint.supported_versions()
        assert not fingerprint.library_is_tested("tiktoken", "0.0.1")


def installed(member: str) -> Any:
    """LiteLLM's own object: behind ours, and of a decorated function the function."""
    holder, wrapped, _ = member.partition(".__wrapped__")
    found = original_of(live(holder))
    return found.__wrapped__ if wrapped else found
