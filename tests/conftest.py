"""Makes `tests/` importable, so that test modules can use `support`; takes chance out of what all tests share."""

import ast
import gc
import logging
import os
import warnings
from typing import Any

import pytest

# No test needs a network; without this LiteLLM asks for its price list when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

_parse = ast.parse
_OF_COLLECTOR = ("Task was destroyed", "Task exception was never", "Future exception was never")


def _parse_undisturbed(*arguments: Any, **named: Any) -> Any:
    """Where the collector runs a finalizer in between that parses, too, as each traceback that is printed does,
    older Pythons raise SystemError (gh-106905).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        return _parse(*arguments, **named)
    finally:
        if enabled:
            gc.enable()


ast.parse = _parse_undisturbed


@logging.getLogger("asyncio").addFilter
def _is_of_this_test(record: logging.LogRecord) -> bool:
    """Not what the collector finds that another test has left: it would be in `caplog` of any."""
    return not str(record.msg).startswith(_OF_COLLECTOR)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Calls tests marked `patient` again."""
    if pyfuncitem.get_closest_marker("patient") is None:
        return None
    from support.patience import slowed

    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    try:
        pyfuncitem.obj(**given)
    except Exception as error:  # noqa: BLE001  # whatever a short time leads to
        warnings.warn(f"tried again with longer times after {type(error).__name__}", stacklevel=1)
        with slowed():
            pyfuncitem.obj(**given)
    return True
