"""`accel doctor`: what accel does to the LiteLLM of this environment, and why not more."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from accel import control, dispatch, proxy_config, report
from accel.features import FEATURES

_SAMPLES = ("", "Hello, world!", "Ça va? 今天的会议 👩‍💻 1234567\r\n\t it's DON'T", "word " * 3000)
_PROMPT = {
    "messages": [
        {"role": "system", "content": "You tell the height of mountains."},
        {"role": "user", "content": [{"type": "text", "text": "Wie hoch ist der Mont Blanc?"}], "name": "Ada"},
    ],
    "tools": [{"type": "function", "function": {"name": "height", "description": "Of a mountain, in metres."}}],
}
_MODELS = ("gpt-3.5-turbo", "gpt-4o", "claude-sonnet-4-5")


def main(argv: Sequence[str]) -> int:
    """0: every seam is exact. 1: some run in Python, with the reason. 2: a self-check found a difference.

    A seam in another package than LiteLLM counts only where that package is installed.
    """
    parser = argparse.ArgumentParser(prog="accel doctor")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--config", metavar="FILE", help="the proxy's configuration; else CONFIG_FILE_PATH")
    chosen = parser.parse_args(argv)
    config_file = chosen.config or os.environ.get("CONFIG_FILE_PATH")
    try:
        config = proxy_config.read(config_file) if config_file else None
    except proxy_config.ConfigError as error:
        parser.error(str(error))
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no network for a look at oneself
    missing = _import_targets()
    before = _native_calls()
    checks = _check_token_counts()
    checked_natively = _native_calls() - before
    status = report.status()
    modes = {name: str(feature["mode"]) for name, feature in status.features.items()}
    of_config = [] if config is None else proxy_config.advice(config, os.environ, modes)
    document = {
        "python": sys.version.split()[0],
        **status.to_dict(),
        "not_importable": missing,
        "self_check": checks,
        "self_check_native": checked_natively,
        "recommendations": [*report.get_recommendations(), *of_config],
    }
    if chosen.json:
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(document)
    if any(check["accel"] != check["litellm"] for check in checks):
        return 2
    seams = [
        seam
        for feature in status.features.values()
        for seam in feature["seams"]
        if _is_expected(str(seam["target"]))
    ]
    return 0 if seams and all(seam["state"] == "applied" for seam in seams) else 1


def _import_targets() -> list[str]:
    """Import what the seams are in; answers what could not be imported."""
    missing = []
    seams = [seam for feature in FEATURES.values() for seam in feature.seams]
    for module in sorted(frozenset[str]().union(*(seam.modules for seam in seams))):
        try:
            importlib.import_module(module)
        except ImportError as error:
            missing.append(f"{module}: {error}")
    return missing


def _is_expected(target: str) -> bool:
    """Whether this environment has what the seam stands on; a server may be missing where LiteLLM is a library."""
    (modules,) = {seam.modules for feature in FEATURES.values() for seam in feature.seams if seam.target == target}
    packages = {module.partition(".")[0] for module in modules} - {"litellm"}
    return all(importlib.util.find_spec(package) is not None for package in packages)


def _check_token_counts() -> list[dict[str, Any]]:
    """A few texts and a prompt counted both ways; empty where the seam is not installed."""
    if "token_counting" not in dispatch.junctions or "litellm" not in sys.modules:
        return []
    litellm: Any = sys.modules["litellm"]
    given: list[dict[str, Any]] = [*({"text": text} for text in _SAMPLES), _PROMPT]
    checks = []
    for model in _MODELS:
        for arguments in given:
            chars = len(arguments.get("text", str(arguments)))
            ours = litellm.token_counter(model=model, **arguments)
            with control.disabled("token_counting"):
                theirs = litellm.token_counter(model=model, **arguments)
            checks.append(
                {"model": model, "chars": chars, "accel": ours, "litellm": theirs},
            )
    return checks


def _native_calls() -> int:
    return sum(int(junction.guard.status()["calls"]["native"]) for junction in dispatch.junctions.values())


def _print(document: dict[str, Any]) -> None:
    from rich.console import Console

    from accel.tables import print_status

    console = Console(width=None if sys.stdout.isatty() else 120)
    litellm, native = document["litellm"], document["native"]
    supported = "supported" if litellm["supported"] else "not a supported release"
    console.print(f"accel {document['version']}, Python {document['python']}", highlight=False)
    console.print(f"native module: {'loaded' if native['loaded'] else native['reason']}", highlight=False)
    console.print(f"LiteLLM {litellm['version']}: {supported}", highlight=False)
    print_status(console, document)
    checks = document["self_check"]
    equal = sum(check["accel"] == check["litellm"] for check in checks)
    # Without the second number a feature that is off would look checked.
    counted = f"{document['self_check_native']} of them counted natively"
    console.print(f"self-check: {equal} of {len(checks)} counts equal LiteLLM's, {counted}", highlight=False)
    for line in [*document["not_importable"], *document["problems"], *document["recommendations"]]:
        console.print(f"- {line}", highlight=False, markup=False)
