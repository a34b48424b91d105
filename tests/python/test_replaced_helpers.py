"""Users who replace what LiteLLM's counting stands on, while it runs: their code is called, its answer counts."""

from __future__ import annotations

from support.fresh import plain_counts, told_late_by


def test_a_helper_that_is_replaced_at_run_time_declines_until_it_is_back() -> None:
    """Each name that a count stands on, and each that another module bound by `from … import`."""
    told = told_late_by("""
import accel, litellm
from accel.features.token_counting import resolver
names = [*resolver.REPRODUCED, *resolver.BOUND]
names.remove("litellm.rust_bridge.catalog:RULES")  # a value: an equal one is as good
wrong = []
for number, name in enumerate(names, 1):
    module, _, attribute = name.partition(":")
    original = getattr(sys.modules[module], attribute)
    setattr(sys.modules[module], attribute, lambda *a, **k: original(*a, **k))
    count = litellm.token_counter(model="gpt-4o", text="Hello, world!")
    setattr(sys.modules[module], attribute, original)
    again = litellm.token_counter(model="gpt-4o", text="Hello, world!")
    reasons, shares = {"declined: a LiteLLM function was replaced": number}, {}
    for row in feature()["seams"]:
        shares[row["target"].partition(":")[2]] = [row["calls"]["native"], row["calls"]["python"]]
    # The seam of the whole call leaves it to Python, whose text comes to the seam of texts.
    if [count, again, shares["token_counter"], shares["_get_exact_count_function"]] != [
        4, 4, [number, reasons], [0, reasons]
    ]:
        wrong.append([name, count, again, shares])
tell(wrong=wrong, names=len(names), state=seam()["state"])
""").facts
    assert told == {"wrong": [], "names": told["names"], "state": "applied"}
    assert told["names"] >= 30
    assert plain_counts()[1][1] == 4


def test_what_a_replaced_helper_answers_counts() -> None:
    told = told_late_by("""
import accel, litellm
module = counter()
module.openai_tokenizer_encoding_name = lambda model: "cl100k_base"
text = "It's 今天 12345 👩‍💻\\n"
tell(count=litellm.token_counter(model="gpt-4o", text=text), native=feature()["calls"]["native"])
""").facts
    of_gpt_3_5, of_gpt_4o = plain_counts()[0][2], plain_counts()[1][2]
    assert told == {"count": of_gpt_3_5, "native": 0}
    assert of_gpt_3_5 != of_gpt_4o
