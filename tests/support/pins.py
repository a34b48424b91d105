"""For the pins of LiteLLM's behaviour: a literal answer, given natively, and by LiteLLM alone as well.

No number of native calls is looked at: which of them one call comes to is accel's own business.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import litellm
from litellm.litellm_core_utils import token_counter as counter_module

import accel
from support.calls import strict
from support.original import outcome, without_seams

COUNTING = ("token_counting", "token_memo")
"""What must not fall back while a count is pinned; caches that are in use beside it may."""


def seams() -> dict[str, str]:
    """Every seam in LiteLLM and its state; uvicorn's is another matter."""
    rows = [row for feature in accel.status().features.values() for row in feature["seams"]]
    rows = [row for row in rows if row["target"].startswith("litellm")]
    return {row["target"]: row["state"] for row in rows}


def total(kind: str) -> int:
    """Calls of this kind in all features: `native`, `failed`, `mismatched`."""
    return sum(feature["calls"][kind] for feature in accel.status().features.values())


@contextmanager
def native(*, wholly: bool = True) -> Iterator[None]:
    """Inside the block some call is answered natively; if `wholly`, none may fall back to Python."""
    before = total("native")
    with ExitStack() as stack:
        for feature in COUNTING if wholly else ():
            stack.enter_context(strict(feature))
        yield
    assert total("native") > before, "nothing ran natively"


def pinned(expected: Any, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
    """The call has this answer: natively, and the same of the unpatched LiteLLM."""
    with native():
        answer = function(*arguments, **keywords)
    assert answer == expected, answer
    with without_seams():
        answer = function(*arguments, **keywords)
    assert answer == expected, answer


def alike(expected: Any, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
    """The call has this answer with accel, whoever gives it, and with accel switched off.

    Not unpatched: while one of LiteLLM's functions is replaced, no seam could be put back.
    """
    answer = function(*arguments, **keywords)
    assert answer == expected, answer
    with accel.disabled():
        answer = function(*arguments, **keywords)
    assert answer == expected, answer


def count(**arguments: Any) -> int:
    """What `litellm.token_counter` says, and the core function in its place as well."""
    counted: int = litellm.token_counter(**arguments)
    assert counter_module.token_counter(**arguments) == counted
    return counted


def counts(expected: int, **arguments: Any) -> None:
    """This many tokens, counted natively, and by the unpatched LiteLLM."""
    pinned(expected, count, **arguments)


def counts_partly(expected: int, **arguments: Any) -> None:
    """The same where Python has a part in it: images, documents, fields written out by Python."""
    with native(wholly=False):
        alike(expected, count, **arguments)


def refused(error: type[Exception], message: str, function: Callable[..., Any], **arguments: Any) -> None:
    """The call raises this, with accel as without."""
    expected = f"raised {error.__module__}.{error.__qualname__}"
    raised, words = outcome(function, **arguments)
    assert (raised, message in words) == (expected, True), (raised, words)
    with without_seams():
        assert outcome(function, **arguments) == (raised, words)


def user(content: Any, **keys: Any) -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", **keys, "content": content}
