"""Seams in fresh processes: whatever the order of imports, one replaced name, and the same object back."""

from __future__ import annotations

import pytest

from support.fresh import plain_counts, told_by, told_late_by

TARGET = "litellm.litellm_core_utils.token_counter:_get_exact_count_function"

LIFE = """
module = counter()
name = "_get_exact_count_function"
replacement = getattr(module, name)
original = replacement.__wrapped__
import inspect
def message(function):
    try:
        function()
    except TypeError as error:
        return str(error)
tell(
    state=seam(),
    counts=counts(),
    native=feature()["calls"]["native"],
    same_signature=inspect.signature(replacement) == inspect.signature(original),
    same_parameters=inspect.signature(replacement, follow_wrapped=False).parameters.keys()
        == inspect.signature(original).parameters.keys(),
    by_keyword=replacement(model="gpt-4o", custom_tokenizer=None)("Hello, world!"),
    same_names=[
        getattr(replacement, key) == getattr(original, key)
        for key in ("__name__", "__qualname__", "__doc__", "__module__")
    ],
    same_complaint=message(replacement) == message(original),
)
accel.patch()
accel.patch("token_counting")
tell(
    not_patched_twice=getattr(module, name) is replacement
        and not hasattr(replacement.__wrapped__, "__wrapped__"),
)
accel.unpatch("token_counting")
unpatched = seam()
tell(original_is_back=getattr(module, name) is original, unpatched=unpatched, counts_of_original=counts())
accel.unpatch()
before = feature()["calls"]["native"]
accel.patch()
tell(
    patched_again=seam()["state"],
    same_original=getattr(module, name).__wrapped__ is original,
    counts_again=counts(),
    native_again=feature()["calls"]["native"] > before,
)
try:
    accel.patch("nonsense")
except KeyError as error:
    tell(unknown=str(error))
"""


@pytest.mark.parametrize("late", [False, True])
def test_the_life_of_a_seam(late: bool) -> None:
    if late:
        start = "import litellm; import accel; counter()"
    else:
        start = "import accel; tell(waiting=seam(), litellm='litellm' in sys.modules); import litellm"
    told = (told_late_by if late else told_by)(f"{start}\ntell(late=accel.status().litellm['late'])\n{LIFE}").facts
    plain = plain_counts()
    assert told["late"] is late
    assert told["state"] == {"target": TARGET, "state": "applied", "reason": "late" if late else None}
    if not late:
        assert told["litellm"] is False
        assert told["waiting"]["state"] == "waiting"
        assert told["waiting"]["reason"].startswith("not imported yet: litellm._lazy_imports, litellm.")
    assert told["counts"] == told["counts_of_original"] == told["counts_again"] == plain
    assert told["native"] >= 20
    assert told["by_keyword"] == plain[1][1]
    assert (told["same_signature"], told["same_parameters"]) == (True, True)
    assert all(told["same_names"])
    assert told["same_complaint"]
    assert told["not_patched_twice"]
    assert told["original_is_back"]
    assert told["unpatched"] == {"target": TARGET, "state": "skipped", "reason": "not asked for"}
    assert told["patched_again"] == "applied"
    assert (told["same_original"], told["native_again"]) == (True, True)
    assert told["unknown"] == "'nonsense'"


def test_callers_that_captured_a_name_early_are_reached() -> None:
    told = told_late_by("""
import litellm
from litellm import token_counter as at_top
from litellm.utils import token_counter as of_utils
from litellm.litellm_core_utils.token_counter import token_counter as of_module
import accel
answers = [count(model="gpt-4o", text="Hello, world!") for count in (at_top, of_utils, of_module)]
tell(answers=answers, native=feature()["calls"]["native"])
""").facts
    assert told["answers"] == [plain_counts()[1][1]] * 3
    assert told["native"] == 3


def test_who_replaced_the_name_before_us_wins() -> None:
    """With a plain function, and with a wrapper that names what it wraps: that one may change the answer."""
    told = told_late_by("""
import functools, litellm
module = counter()
original = module._get_exact_count_function
def plain(model, custom_tokenizer=None):
    return lambda text: 7
@functools.wraps(original)
def wrapper(*arguments, **keywords):
    count = original(*arguments, **keywords)
    return lambda text: count(text) + 1000
module._get_exact_count_function = plain
import accel
facts = []
for theirs in (plain, wrapper):
    module._get_exact_count_function = theirs
    accel.patch()
    state, stays = seam(), module._get_exact_count_function is theirs
    count = litellm.token_counter(model="gpt-4o", text="Hello, world!")
    accel.unpatch()
    facts.append([state["state"], state["reason"], stays, count, module._get_exact_count_function is theirs])
module._get_exact_count_function = original
accel.patch()
tell(facts=facts, at_last=seam()["state"])
""")
    (plain, wrapper), count = told.facts["facts"], plain_counts()[1][1]
    assert (plain[0], *plain[2:]) == ("skipped", True, 7, True)
    assert (wrapper[0], *wrapper[2:]) == ("skipped", True, count + 1000, True)
    # A program text on the command line has no source file, so either is a reason.
    for reason in (plain[1], wrapper[1]):
        assert reason in (
            f"{TARGET} is not the function of LiteLLM 1.106.2",
            f"{TARGET}: its source cannot be read",
        )
    assert told.facts["at_last"] == "applied"
    assert "not patched" in told.stderr


def test_who_replaced_the_name_after_us_wins() -> None:
    told = told_late_by("""
import accel, litellm
module = counter()
ours = module._get_exact_count_function
theirs = lambda model, custom_tokenizer=None: lambda text: 7
module._get_exact_count_function = theirs
tell(replaced=seam(), count=litellm.token_counter(model="gpt-4o", text="Hello, world!"))
accel.patch()
tell(patched_over=module._get_exact_count_function is not theirs)
module._get_exact_count_function = ours
tell(ours_again=seam()["state"])
module._get_exact_count_function = theirs
accel.unpatch()
tell(theirs_stays=module._get_exact_count_function is theirs, unpatched=seam()["reason"])
""").facts
    assert told["replaced"] == {"target": TARGET, "state": "skipped", "reason": "somebody else replaced the name"}
    assert told["count"] == 7
    assert not told["patched_over"]
    assert told["ours_again"] == "applied"
    assert told["theirs_stays"]
    assert told["unpatched"] == "not asked for"


def test_unpatched_before_litellm_is_imported_nothing_is_installed() -> None:
    told = told_by("""
import accel
accel.unpatch()
module = counter()
tell(unpatched=seam(), replaced=hasattr(module._get_exact_count_function, "__wrapped__"))
accel.patch()
tell(patched=seam()["state"])
""").facts
    assert told["unpatched"]["reason"] == "not asked for"
    assert not told["replaced"]
    assert told["patched"] == "applied"
