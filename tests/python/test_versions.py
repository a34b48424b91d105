"""What is said in two places is said equally."""

from __future__ import annotations

import re
from pathlib import Path

import orjson

import accel
from accel import _accel, fingerprint, native
from accel.features import FEATURES
from accel.flags import Defaults

ROOT = Path(__file__).parents[2]


def test_one_version() -> None:
    found = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found is not None
    assert found[1] == native.VERSION == accel.__version__ == _accel.__version__


def test_one_table_of_defaults() -> None:
    text = (ROOT / "feature_flags.json").read_text()
    assert text == _accel.DEFAULT_FLAGS
    defaults = Defaults.model_validate(orjson.loads(text))
    assert set(defaults.features) == set(FEATURES)
    for name, feature in FEATURES.items():
        assert feature.name == name
        assert f"ACCEL_{name.upper()}".isidentifier()


def test_the_environment_of_the_tests_is_a_supported_one() -> None:
    pinned = (ROOT / "constraints.txt").read_text()
    for library in ("tiktoken", "tokenizers"):
        found = re.search(rf"^{library}==(\S+)", pinned, re.MULTILINE)
        assert found is not None
        assert fingerprint.library_is_tested(library, found[1])
    found = re.search(r"^litellm(?:\[\w+\])?==(\S+)", pinned, re.MULTILINE)
    assert found is None or found[1] in fingerprint.supported_versions()
