"""Keys and values for programs on caches: what limiters, routers and auth put there, and what nobody should."""

import datetime
import math
from typing import Any

import pydantic

from support import oddities

NUMBERS = (0, 1, -1, 7, 60, 1.5, -0.0, 1e22, math.nan, math.inf, True, False, 2**31, 2**63, -(2**63) - 1, 10**30)
TEXTS = (
    *(
        "",
        "5",
        "-3",
        "5.0",
        "1e3",
        "1e999",
        "NaN",
        "-Infinity",
        " 7 ",
        "07",
        "1_000",
        "٣",
        "0x10",
        "+1",
        "1.",
        ".5",
    ),
    *('{"a": 1}', "[1, 2.0]", '"x"', "null", "true", "false", "[", '{"a": 1, "a": 2}', "\ud800", '"\\ud800"', "é"),
    *("1795242099", "9" * 30, "9" * 5000, "[" * 2000, "text", "b" * 300_000, "b" * 1_048_600),
)
ODD = (None, b"5", b"\xff", b'{"a": 1}', b"b" * 2_000_000, bytearray(b"7"), (1, 2), 10**4000, 1j, 1 + 0j)
SUBCLASSES = (
    oddities.Text("5"),
    oddities.Number(3),
    oddities.Role.USER,
    oddities.Items(["a"]),
    oddities.Message(a=1),
)


class Unsized:
    """Its size cannot be asked for."""

    def __sizeof__(self) -> int:
        raise RuntimeError("no size")


class Huge:
    """Says that it is too large for a cache."""

    def __sizeof__(self) -> int:
        return 2**31


class Record(pydantic.BaseModel):
    """Stands for a key object of the proxy."""

    token: str = "t"
    spend: float = 0.0


def shared() -> list[Any]:
    """Objects that caches hold by reference, made anew for each world; programs name them by number."""
    return [
        {"current_requests": 1, "current_tpm": 2},
        {"slot": 1_700_000_000.5},
        ["a", {"b": [1]}],
        {"member"},
        set(),
        {},
        [],
        Record(),
        Unsized(),
        Huge(),
        datetime.datetime(2026, 11, 21, tzinfo=datetime.timezone.utc),
        object(),
        ValueError("an error kept"),
        lambda: None,
    ]


SHARED = len(shared())
PLAIN_KEYS = ("{api_key:a}:window", "{api_key:a}:requests", "{api_key:a}:tokens", "{user:u}:tokens", "ключ", "k")
ODD_KEYS: tuple[Any, ...] = (
    *("", "\ud800", None, 1, 1.0, True, "1", b"k", (1, "a"), 10**30, oddities.Text("k"), oddities.Number(1)),
    *([], {}, ("a", [])),
)
TTLS: tuple[Any, ...] = (None, 0, -1, 1, 5, 60, 60.5, 600, 3600)
ODD_TTLS: tuple[Any, ...] = (True, "5", "x", math.inf, -math.inf, 10**400, b"5", [], 1e308)
