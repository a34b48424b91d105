"""LiteLLM's limiter before a call, with plain and odd requests and limits: answers, errors, log lines and charges.

Numbers that no counter holds come from clients, so none of these may count as a failure of native code.
"""

from typing import Any

import pytest

from support.limit_case import Case, Odd, compare
from support.limit_oddities import each, nothing

HALF = "\ud83d"


def request(**fields: Any) -> Odd:
    return lambda case: case.data.update(fields)


def limits(**fields: Any) -> Odd:
    """Other fields of the key, past its own checks."""

    def change(case: Case) -> None:
        for name, value in fields.items():
            setattr(case.key, name, value)

    return change


def called(call_type: Any) -> Odd:
    return lambda case: setattr(case, "call_type", call_type)


def counter(kind: str, value: Any) -> Odd:
    """What stands in the key's counter, in a window that is open."""

    def change(case: Case) -> None:
        window = {"{api_key:key}:window": str(int(case.clock.now_s))}
        case.memory.cache_dict.update({**window, f"{{api_key:key}}:{kind}": value})

    return change


def times(number: int) -> Odd:
    return lambda case: setattr(case, "events", number)


def uncapped(case: Case) -> None:
    case.data.pop("max_tokens")


def message(content: Any) -> Odd:
    return request(messages=[{"role": "user", "content": content}])


ADMITTED: dict[str, Odd] = {
    "plain": nothing,
    "three": times(3),
    "too many requests": each(limits(rpm_limit=1), times(3)),
    "too many tokens": each(limits(tpm_limit=60), times(3)),
    "too many at once": each(limits(max_parallel_requests=1), times(3)),
    "uncapped": uncapped,
    "uncapped under a small limit": each(limits(tpm_limit=100), uncapped),
    "no limit of tokens": limits(tpm_limit=None),
    "tokens counted afterwards": lambda case: setattr(case.limiter, "tpm_reservation_enabled", False),
    "declared by the key": limits(metadata={"default_estimated_output_tokens": 50}),
    "declared by the team": limits(team_metadata={"default_estimated_output_tokens": 50}),
    "declared oddly": limits(team_metadata="text"),
    "cap beyond 64 bits": request(max_tokens=10**20),
    "cap beyond 64 bits, a text": request(max_tokens="1e30"),
    "cap beyond counters": request(max_tokens="1e18"),
    "cap that is just exact": request(max_tokens=2**53 - 1),
    "cap that is not exact": request(max_tokens=2**53 + 1),
    "caps of many answers beyond 64 bits": request(max_tokens=2**53 - 1, n=2**53 - 1),
    "caps of many answers beyond counters": request(max_tokens=2**53 - 1, n=1000),
    "cap below zero": request(max_tokens=-5),
    "cap far below zero": request(max_tokens=-(10**20)),
    "cap half": request(max_tokens=20.7),
    "cap infinite": request(max_tokens=float("inf")),
    "answers beyond 64 bits": request(n=10**30),
    "answers half": request(n=2.5),
    "answers true": request(n=True),
    "answers below zero": request(n=-3),
    "messages a tuple": request(messages=({"role": "user", "content": "x"},)),
    "messages a text": request(messages="text"),
    "message a text": request(messages=["text"]),
    "message None": request(messages=[None]),
    "content half a character": message(HALF),
    "content of parts": message([{"type": "text", "text": "in a part"}]),
    "content of odd parts": message(["text"]),
    "content a number": message(5),
    "model None": request(model=None),
    "model a number": request(model=5),
    "model half a character": request(model=HALF),
    "call id a number": request(litellm_call_id=5),
    "call type None": called(None),
    "call type a list": called(["x"]),
    "no key": lambda case: setattr(case, "key", None),
    "limit of tokens zero": limits(tpm_limit=0),
    "limit of tokens below zero": limits(tpm_limit=-1),
    "tokens a text": counter("tokens", "abc"),
    "tokens half": counter("tokens", 1.5),
}
LEFT_TO_LITELLM: dict[str, Odd] = {
    "api key half a character": limits(api_key=f"k{HALF}"),
    "end user half a character": limits(end_user_id=HALF, end_user_rpm_limit=5, end_user_tpm_limit=1000),
    "limit of tokens a text": limits(tpm_limit="1000"),
    "limit of tokens a word": limits(tpm_limit="abc"),
    "limit of tokens half": limits(tpm_limit=1000.5),
    "limit of tokens infinite": limits(tpm_limit=float("inf")),
    "limit of tokens beyond 64 bits": limits(tpm_limit=10**30),
    "limit of requests a word": limits(rpm_limit="abc"),
    "limit of requests half": limits(rpm_limit=1.5),
    "limit of slots a word": limits(max_parallel_requests="abc"),
    "limit of slots half": limits(max_parallel_requests=1.5),
    "limit of the model a text": limits(metadata={"model_tpm_limit": {"gpt-4o": "500"}}),
    "limit of the model a word": limits(metadata={"model_tpm_limit": {"gpt-4o": "abc"}}),
    "limit of the model a list": limits(metadata={"model_tpm_limit": {"gpt-4o": [1]}}),
    "limit of the model half": limits(metadata={"model_tpm_limit": {"gpt-4o": 50.5}}),
    "requests a text": counter("requests", "abc"),
    "window a text": lambda case: case.memory.cache_dict.update({"{api_key:key}:window": "abc"}),
}


@pytest.mark.parametrize("name", ADMITTED)
def test_a_request(name: str) -> None:
    calls = compare("admit", ADMITTED[name])
    assert (calls.native, calls.python) == (calls.total, {})
    assert calls.total > 0


@pytest.mark.parametrize("name", LEFT_TO_LITELLM)
def test_a_request_that_only_litellm_judges(name: str) -> None:
    calls = compare("admit", LEFT_TO_LITELLM[name])
    assert (calls.native, calls.total) == (0, 1)
