"""The proxy's settings: the file's, the database's, and what was set at run time."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from litellm.proxy.config_resolvers.settings_store import ConfigOwnedKeyError, SettingsStore

pytestmark = pytest.mark.usefixtures("side")

SECTION = "general_settings"


def store(file: Any = None, database: Any = None, runtime: Any = None) -> Any:
    settings: Any = SettingsStore(SECTION)
    if file is not None:
        settings.load_yaml(file)
    if database is not None:
        settings.apply_db_row(SECTION, database)
    if runtime is not None:
        settings.apply_runtime_values(runtime)
    return settings


@pytest.mark.parametrize("value", [None, False, 0, [], "", "text"])
def test_it_is_a_dictionary(value: Any) -> None:
    settings, plain = store(), {}
    for one in (settings, plain):
        one["a"] = value
        one.update({"b": 1, "c": 2})
        assert one.setdefault("a", "other") == value
        assert one.setdefault("d", value) == value
        assert one.pop("b") == 1
        del one["c"]
        assert one.get("missing") is None
        assert ("a" in one, "b" in one, "missing" in one) == (True, False, False)
    assert (dict(settings), list(settings), len(settings), bool(settings)) == (plain, list(plain), 2, True)
    for missing in ("missing", "c"):
        with pytest.raises(KeyError):
            settings[missing]
        with pytest.raises(KeyError):
            del settings[missing]
    settings.clear()
    assert (dict(settings), len(settings), bool(settings)) == ({}, 0, False)
    settings.update({"c": 3})
    assert dict(settings) == {"c": 3}


@pytest.mark.parametrize(
    ("file", "database", "value", "source"),
    [("file", "db", "file", "config"), ("file", None, "file", "config"), (None, "db", None, "config")],
)
def test_what_the_file_says_holds(file: Any, database: Any, value: Any, source: str) -> None:
    settings = store({"a": file}, {"a": database, "b": 7})
    assert (settings["a"], settings.source("a")) == (value, source)
    assert (settings["b"], settings.source("b"), settings.source("c")) == (7, "db", "unset")
    assert list(settings) == ["a", "b"]
    kept = {"none": None, "false": False, "zero": 0, "list": [], "text": ""}
    assert dict(store(kept)) == kept
    assert store(None, {"a": None}).get("a", "nothing") == "nothing"
    assert dict(store(None, {"a": []})) == {"a": []}


def test_what_was_set_at_run_time_holds_until_the_database_changes() -> None:
    settings = store({"a": "os.environ/A"}, {"b": "os.environ/B"}, {"a": "1", "b": "2"})
    assert dict(settings) == {"a": "1", "b": "2"}
    settings.apply_db_row(SECTION, {"b": "os.environ/B"})
    assert settings["b"] == "2", "the same again"
    settings.apply_db_row(SECTION, {"a": "db", "b": "db"})
    assert dict(settings) == {"a": "1", "b": "db"}
    assert (settings.source("a"), settings.source("b")) == ("config", "db")
    settings.apply_db_row(SECTION, {})
    assert dict(settings) == {"a": "1"}


def test_what_the_file_owns_is_not_written() -> None:
    settings = store({"a": 3, "b": "os.environ/B"}, {"a": 5, "c": 7}, {"b": "resolved"})
    settings["b"] = "resolved"
    for change in (lambda: settings.__setitem__("a", 11), lambda: settings.__delitem__("a")):
        with pytest.raises(ConfigOwnedKeyError, match=re.escape("general_settings.a")) as refused:
            change()
        assert refused.value.shadows_db_value is True
        assert "stored in the database" in str(refused.value)
    with pytest.raises(ConfigOwnedKeyError) as refused:
        settings["b"] = "else"
    assert (refused.value.shadows_db_value, "config file" in str(refused.value)) == (False, True)
    assert dict(settings) == {"a": 3, "b": "resolved", "c": 7}
    assert settings.rejected_writes({"a": 11, "b": "resolved", "d": 1}) == ("a",)
    assert settings.shadowed_db_keys() == ("a",)
    assert store({"a": 3}, {"a": 3}).shadowed_db_keys() == ()
    settings.clear()
    assert dict(settings) == {"a": 3, "b": "resolved"}


@pytest.mark.parametrize("clear", [True, False])
def test_a_test_may_patch_it(clear: bool) -> None:
    settings = store({"a": "os.environ/A"}, {"b": 3}, {"a": "resolved", "b": 3})
    before = dict(settings)
    with patch.dict(settings, {"c": True}, clear=clear):
        assert (settings["c"], settings["a"], "b" in settings) == (True, "resolved", not clear)
    assert dict(settings) == before
    view = settings.resolved()
    with pytest.raises(TypeError):
        view["a"] = "changed"


def test_a_list_of_endpoints_is_the_databases() -> None:
    file = {"pass_through_endpoints": [{"path": "/file"}], "a": 1}
    settings = store(file, {"pass_through_endpoints": [{"path": "/db"}]})
    assert (settings["pass_through_endpoints"], settings.source("pass_through_endpoints")) == (
        [{"path": "/db"}],
        "db",
    )
    assert settings.rejected_writes({"pass_through_endpoints": []}) == ()
    settings = store(file)
    settings["pass_through_endpoints"] = [{"path": "/set"}]
    settings["b"] = 2
    settings.load_yaml(file)
    assert settings["pass_through_endpoints"] == [{"path": "/set"}]
    assert "b" not in settings
