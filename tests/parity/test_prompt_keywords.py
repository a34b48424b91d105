"""Keywords and steps found natively against Python's own regular expressions, beside every character there is."""

from __future__ import annotations

import re
import sys
import weakref
from random import Random
from typing import Any

import pytest
from litellm.router_strategy.complexity_router import complexity_router

from accel import native
from support.scale import scaled

SCALARS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
SAMPLED = 11 if scaled(10) <= 10 else 1
STEPS = tuple(
    re.compile(pattern, re.IGNORECASE) for pattern in (r"first.*?then", r"step\s*\d", r"\d+\.\s", r"[a-z]\)\s")
)


def is_phrase(keyword: str) -> bool:
    return " " in keyword or complexity_router._CJK_CHARACTER.search(keyword) is not None


def searched(keyword: str, text: str) -> bool:
    """As LiteLLM does it; both in lower case."""
    if is_phrase(keyword):
        return keyword in text
    return re.search(r"\b" + re.escape(keyword) + r"\b", text) is not None


def has_steps(text: str) -> bool:
    return any(pattern.search(text) for pattern in STEPS)


def made(*lists: list[str]) -> Any:
    given = [[(keyword, keyword.lower(), not is_phrase(keyword.lower())) for keyword in one] for one in lists]
    return native.module.PromptKeywords(given)


def test_every_character_beside_a_keyword() -> None:
    find = made(["api", "sql"]).find
    api, sql = re.compile(r"\bapi\b").search, re.compile(r"\bsql\b").search
    for one in SCALARS:
        text = f"{one}api sql{one}"
        (found,), _ = find(text)
        # A hit of the one is a hit of the other, which is how many there are.
        assert len(found) == (api(text) is not None) + (sql(text) is not None), hex(ord(one))


def test_characters_beside_signs_and_in_steps() -> None:
    find = made(["c++", "#x"]).find
    plus, hash_x = (re.compile(rf"\b{re.escape(one)}\b").search for one in ("c++", "#x"))
    for one in SCALARS[::SAMPLED]:
        text = f"c++{one} {one}#x step{one} {one}. 1.{one} {one}) a){one} "
        (found,), several = find(text)
        expected = [name for name, there in (("c++", plus), ("#x", hash_x)) if there(text) is not None]
        assert found == expected, hex(ord(one))
        if several is None:
            assert one in "\u0130\u0131\u017f\u212a"
        else:
            assert several is has_steps(text), hex(ord(one))


def test_every_character_beside_a_word_by_itself() -> None:
    before, after = re.compile(r"\bapi\b").search, native.module.has_whole_word
    for one in SCALARS[::SAMPLED]:
        for text in (f"{one}api", f"api{one}", f"{one}api{one}"):
            assert after(text, "api") is (before(text) is not None), hex(ord(one))


def test_every_character_that_is_a_part_of_a_step() -> None:
    """Of letters, digits and spaces there are more than those of ASCII where case does not count."""
    every = re.findall(r"[a-z\s\d]", "".join(SCALARS), re.IGNORECASE)
    assert len(every) > 600
    search = made([])
    templates = [
        *("step@", "step@1", "@. ", "1.@", "12@. ", "@) ", "a)@", "a@) ", "step \n@1", "x@", "first@then"),
        *("first then".replace(letter, "@", 1) for letter in "firsthen"),
        *("first " + "then".replace(letter, "@", 1) for letter in "then"),
        *("step 1".replace(letter, "@", 1) for letter in "step 1"),
    ]
    asked = 0
    for one in every:
        for template in templates:
            text = template.replace("@", one).lower()
            _, several = search.find(text)
            asked += several is None
            assert several is None or several is has_steps(text), (hex(ord(one)), template)
    assert 0 < asked <= 4 * len(templates)


WORDS = [
    "api",
    "sql",
    "c++",
    "+",
    "a.a",
    "_",
    "let's",
    "",
    "é",
    "straße",
    "发票",
    "a b",
    " ",
    "\n",
    "i̇",
    "٣",
    "x",
    "API",
]
PIECES = [
    *WORDS,
    *"._-+ \n\tés字à٣",
    "firsT",
    "then",
    "step",
    "1",
    "a)",
    "\u2003",
    "\x1c",
    "\u0301",
    "ſ",
    "İ",
    "😀",
]


def test_texts_by_chance() -> None:
    chance = Random(11)
    for _ in range(scaled(9_000)):
        text = "".join(chance.choices(PIECES, k=chance.randrange(14))).lower()
        lists = [chance.choices(WORDS, k=chance.randrange(5)) for _ in range(chance.randrange(1, 5))]
        found, several = made(*lists).find(text)
        expected = [[keyword for keyword in one if searched(keyword.lower(), text)] for one in lists]
        assert list(found) == expected, (lists, text)
        assert several is None or several is has_steps(text), text
        for keyword in lists[0]:
            whole = re.search(r"\b" + re.escape(keyword) + r"\b", text) is not None
            assert native.module.has_whole_word(text, keyword) is whole, (keyword, text)


def test_the_very_objects_are_found() -> None:
    keyword = "".join(["k", "afka"])
    ((found,), _) = made([keyword]).find("kafka")
    assert found[0] is keyword


def test_lists_are_known_by_their_objects() -> None:
    one, other = ["a", "b"], ["c"]
    search = made(one, other)
    assert search.are(one, other)
    assert search.are(list(one), list(other))
    for lists in [
        (one,),
        (one, other, []),
        (other, one),
        (tuple(one), other),
        ([*one, "c"], other),
        (one, ["".join(["c", "c"])[:2]]),
        (one, [None]),
        (one, None),
    ]:
        assert not search.are(*lists), lists
    assert weakref.ref(search)() is search


def test_lone_surrogates_are_pythons() -> None:
    assert made(["a"]).find("a \ud800") is None
    assert made(["\ud800", "a"]).find("a") == ((["a"],), False)
    assert native.module.has_whole_word("\ud800", "a") is None
    assert native.module.has_whole_word("a", "\ud800") is None


def test_a_keyword_that_is_no_text() -> None:
    given: Any = [[(1, "a", True)]]
    with pytest.raises(TypeError):
        native.module.PromptKeywords(given)
