"""Whatever is wrong, LiteLLM counts as it does alone, importing accel does not raise, and the status says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.fresh import Told, copy_of_accel, plain_counts, told_by, told_late_by

MODULE = "litellm.litellm_core_utils.token_counter"
TARGET = f"{MODULE}:_get_exact_count_function"

LOOK = """
import accel
import litellm
module = counter()
tell(
    counts=counts(),
    status=accel.status().to_dict(),
    untouched=not hasattr(module._get_exact_count_function, "__wrapped__"),
    advice=accel.get_recommendations(),
)
"""


def looked(*path: Path, **variables: str) -> Told:
    told = told_late_by(LOOK, *path, **variables)
    assert told.facts["counts"] == plain_counts()
    return told


def assert_all_python(told: Told, reason: str) -> None:
    status = told.facts["status"]
    feature = status["features"]["token_counting"]
    assert feature["seams"][0]["target"] == TARGET
    # A seam whose module was not imported is not judged before it is.
    known = [row for row in feature["seams"] if row["state"] != "waiting"]
    assert {(row["state"], row["reason"], row["calls"]["native"]) for row in known} == {("skipped", reason, 0)}
    assert feature["calls"]["native"] == 0
    assert told.facts["untouched"]
    assert told.facts["advice"][0] == f"token_counting: {TARGET} runs in Python: {reason}"


def change_table(package: Path, **changes: Any) -> None:
    path = package / "accel" / "fingerprints.json"
    table = orjson.loads(path.read_bytes())
    for key, value in changes.items():
        table[key] = {**table[key], **value} if isinstance(value, dict) else value
    path.write_bytes(orjson.dumps(table))


class TestNativeModule:
    def test_deleted(self, tmp_path: Path) -> None:
        package = copy_of_accel(tmp_path)
        for library in (package / "accel").glob("_accel.*so"):
            library.unlink()
        # Every public name works without it, too.
        told = told_by(
            LOOK
            + """
accel.patch(); accel.patch(); accel.reload_flags(); accel.reset_errors()
accel.reset_errors("token_counting"); accel.set_flag("token_counting", mode="shadow")
with accel.disabled():
    with accel.disabled("token_counting"):
        tell(inside=counts())
tell(stats=accel.get_performance_stats())
""",
            package,
        )
        reason = told.facts["status"]["native"]["reason"]
        assert reason.startswith("native module not loaded: ModuleNotFoundError: No module named 'accel._accel'")
        assert told.facts["status"]["native"]["loaded"] is False
        assert_all_python(told, reason)
        assert told.facts["counts"] == told.facts["inside"] == plain_counts()
        assert told.stderr.count(f"not patched: {reason}") == 1

    @pytest.mark.parametrize("broken", [b"", b"not a shared library"])
    def test_damaged(self, tmp_path: Path, broken: bytes) -> None:
        package = copy_of_accel(tmp_path)
        for library in (package / "accel").glob("_accel.*so"):
            library.write_bytes(broken)
        told = told_by("import accel; tell(native=accel.status().native)", package)
        assert told.facts["native"]["loaded"] is False
        assert "ImportError" in told.facts["native"]["reason"]

    def test_of_another_version(self, tmp_path: Path) -> None:
        package = copy_of_accel(tmp_path)
        source = package / "accel" / "native.py"
        source.write_text(source.read_text().replace('VERSION: Final = "', 'VERSION: Final = "9.'))
        told = looked(package)
        reason = told.facts["status"]["native"]["reason"]
        assert reason == "native module has version 0.1.0, this accel is 9.0.1.0"
        assert_all_python(told, reason)

    def test_that_breaks_while_it_loads(self, tmp_path: Path) -> None:
        package = copy_of_accel(tmp_path)
        for library in (package / "accel").glob("_accel.*so"):
            library.unlink()
        (package / "accel" / "_accel.py").write_text("raise RuntimeError('no such processor')")
        told = told_by("import accel; tell(native=accel.status().native)", package)
        assert told.facts["native"]["reason"] == "native module not loaded: RuntimeError: no such processor"


class TestLiteLLM:
    def test_an_unknown_release(self, tmp_path: Path) -> None:
        package = copy_of_accel(tmp_path)
        change_table(package, litellm=["1.0.0"])
        told = looked(package)
        assert told.facts["status"]["litellm"] == {"version": "1.106.2", "supported": False, "late": True}
        assert_all_python(told, "LiteLLM 1.106.2 is not a supported release")
        assert told.stderr.count("token_counting: ") == 1

    def test_one_changed_helper(self, tmp_path: Path) -> None:
        package = copy_of_accel(tmp_path)
        change_table(package, members={"litellm.utils:_select_tokenizer_helper": "0123456789abcdef"})
        told = looked(package)
        assert told.facts["status"]["litellm"]["supported"] is True
        reason = "litellm.utils:_select_tokenizer_helper is not the function of LiteLLM 1.106.2"
        states = {
            row["target"].partition(":")[2]: (row["state"], row["reason"])
            for row in told.facts["status"]["features"]["token_counting"]["seams"]
        }
        assert states["_get_exact_count_function"] == states["token_counter"] == ("skipped", reason)
        # These do not rely on it.
        assert states["_format_function_definitions"][0] == states["get_image_dimensions"][0] == "applied"
        assert told.facts["untouched"]

    def test_a_helper_that_the_user_replaced_before(self, tmp_path: Path) -> None:
        """It wraps the original, names it, and counts with another tokenizer."""
        (tmp_path / "theirs.py").write_text("""
import functools, litellm.utils
original = litellm.utils._select_tokenizer_helper
@functools.wraps(original)
def helper(model):
    return original("gpt-3.5-turbo")
litellm.utils._select_tokenizer_helper = helper
""")
        told = told_late_by(
            "import theirs, litellm, accel\nplain = counter()\n"
            "claude = litellm.token_counter(model='claude-sonnet-4-5', text='It is 今天 12345')\n"
            "accel.unpatch()\n"
            "tell(same=claude == litellm.token_counter(model='claude-sonnet-4-5', text='It is 今天 12345'))\n"
            "accel.patch()\ntell(seam=seam())",
            tmp_path,
        )
        reason = "litellm.utils:_select_tokenizer_helper is not the function of LiteLLM 1.106.2"
        assert told.facts["seam"] == {"target": TARGET, "state": "skipped", "reason": reason}
        assert told.facts["same"]

    @pytest.mark.parametrize("release", ["tiktoken", "tokenizers"])
    def test_an_untested_tokenizer_library_declines(self, tmp_path: Path, release: str) -> None:
        package = copy_of_accel(tmp_path)
        change_table(package, libraries={release: []})
        feature = looked(package).facts["status"]["features"]["token_counting"]
        assert f"declined: untested {release} release" in feature["calls"]["python"]
        assert feature["breaker"]["state"] == "closed"

    def test_a_table_that_is_gone(self, tmp_path: Path) -> None:
        package = copy_of_accel(tmp_path)
        (package / "accel" / "fingerprints.json").unlink()
        told = looked(package)
        assert told.facts["untouched"]
        assert told.facts["status"]["litellm"]["supported"] is False
        assert "FileNotFoundError" in told.facts["status"]["features"]["token_counting"]["seams"][0]["reason"]


class TestSwitch:
    @pytest.mark.parametrize(("value", "run"), [("0", told_by), ("nope", told_late_by)])
    def test_the_kill_switch(self, value: str, run: Callable[..., Told]) -> None:
        told = run(LOOK, ACCEL_ENABLED=value)
        assert told.facts["counts"] == plain_counts()
        assert_all_python(told, "ACCEL_ENABLED=0")
        expected = [] if value == "0" else ["ACCEL_ENABLED must be 1 or 0, not 'nope'; taken as 0"]
        assert told.facts["status"]["problems"] == expected
        assert [line for line in expected if line not in told.stderr] == []

    def test_it_is_stronger_than_patch(self) -> None:
        told = told_late_by("import accel\naccel.patch()\n" + LOOK, ACCEL_ENABLED="0", ACCEL_TOKEN_COUNTING="on")
        assert told.facts["counts"] == plain_counts()
        assert_all_python(told, "ACCEL_ENABLED=0")
