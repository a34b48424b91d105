"""Settings read when LiteLLM's modules are loaded, and loaded again: limits, and where tiktoken's files are."""

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import litellm.constants
import pytest
import tiktoken
from litellm.litellm_core_utils import default_encoding
from litellm.litellm_core_utils import token_counter as counter_module

from support.pins import counts, native

TEXT = "The quick tide runs past the lazy pier. " * 100
COUNTED = 904  # as sliced by the limit that was bound when LiteLLM was imported


@pytest.fixture
def reloaded_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the environment as it was."""
    names = ("TIKTOKEN_CACHE_DIR", "CUSTOM_TIKTOKEN_CACHE_DIR")
    before = {name: os.environ.get(name) for name in names}
    yield
    monkeypatch.undo()
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    importlib.reload(litellm.constants)
    importlib.reload(default_encoding)


@pytest.mark.usefixtures("reloaded_afterwards")
@pytest.mark.parametrize(
    ("setting", "configured", "expected"),
    [
        *(
            ("TIKTOKEN_ENCODE_CHUNK_SIZE_CHARS", configured, expected)
            for configured, expected in {
                **dict.fromkeys(("0", "-1", "-1024", "not-an-int", "", "   ", "999999999", "inf", "1e9"), 1024),
                "2048": 2048,
            }.items()
        ),
        *(
            ("TOKEN_COUNTER_MAX_CONCURRENT_COUNTS", configured, expected)
            for configured, expected in {"8": 8, "0": 4, "not-an-int": 4}.items()
        ),
        *(
            ("TOKEN_COUNTER_MAX_EXACT_CHARS", configured, expected)
            for configured, expected in {"2048": 2048, "0": 4_000_000, "not-an-int": 4_000_000}.items()
        ),
    ],
)
def test_a_limit_of_the_environment(
    setting: str, configured: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The constant follows it; what counts goes on with the limits that it was made with."""
    monkeypatch.setenv(setting, configured)
    assert getattr(importlib.reload(litellm.constants), setting) == expected
    counts(COUNTED, model="gpt-4o", text=TEXT)
    if setting == "TIKTOKEN_ENCODE_CHUNK_SIZE_CHARS":
        encoding = tiktoken.get_encoding("o200k_base")
        sliced = counter_module._get_tiktoken_count_function(
            lambda text: len(encoding.encode(text, disallowed_special=())), chunk_size=expected
        )
        assert sliced(TEXT) > 0


@pytest.mark.usefixtures("reloaded_afterwards")
def test_tiktokens_files_are_those_in_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    monkeypatch.delenv("CUSTOM_TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.setenv("LITELLM_NON_ROOT", "true")
    importlib.reload(default_encoding)
    bundled = Path(default_encoding.filename)
    assert bundled.name == "tokenizers"
    assert Path(os.environ["TIKTOKEN_CACHE_DIR"]) == bundled
    encoding = default_encoding.encoding
    assert encoding.name == "cl100k_base"
    assert encoding.decode(encoding.encode("high water")) == "high water"
    counts(2, model=None, text="high water")


@pytest.mark.usefixtures("reloaded_afterwards")
def test_another_folder_for_them_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """tiktoken keeps the encoding that it has, so nothing is looked for in the new folder."""
    folder = tmp_path / "files"
    monkeypatch.setenv("CUSTOM_TIKTOKEN_CACHE_DIR", str(folder))
    importlib.reload(default_encoding)
    assert os.environ["TIKTOKEN_CACHE_DIR"] == str(folder)
    assert folder.is_dir()
    with native():
        assert litellm.token_counter(model=None, text="high water") == 2
