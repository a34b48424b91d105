"""Runs LiteLLM's own tests, from a checkout of its repository, with accel off and on, and compares test by test.

    python scripts/upstream.py /path/to/litellm [test files, relative to it]

The tests are the checkout's, LiteLLM is the installed one: take the checkout of the same release. Tests that
differ are repeated once, alone. Exit code: 0 none differs, 1 some differ, 2 nothing could be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

# Of token counting, caches, rate limits and routing; older releases have the same files below tests/test_litellm.
_FILES: Final = (
    "litellm_core_utils/test_token_counter.py",
    "litellm_core_utils/test_token_counter_tool.py",
    "litellm_core_utils/test_tokenizer.py",
    "litellm_core_utils/test_decode_special_tokens.py",
    "litellm_core_utils/test_default_encoding.py",
    "litellm_core_utils/test_streaming_chunk_builder_utils.py",
    "litellm_core_utils/test_stream_usage_logging.py",
    "rust_bridge/test_token_counter.py",
    "rust_bridge/test_tokenizer.py",
    "compression/test_compress.py",
    "router_utils/pre_call_checks/test_prompt_caching_deployment_check.py",
    "proxy/spend_tracking/test_input_tokens.py",
    "proxy/spend_tracking/test_budget_reservation.py",
    "caching/test_in_memory_cache.py",
    "caching/test_cache_increment_atomicity.py",
    "caching/test_llm_caching_handler.py",
    "caching/test_dual_cache.py",
    "caching/test_redis_cache.py",
    "caching/test_redis_circuit_breaker.py",
    "caching/test_redis_cluster_cache.py",
    "caching/test_redis_scripts.py",
    "caching/test_redis_batch.py",
    "caching/test_request_redis_batch_pre_call.py",
    "caching/test_request_redis_batch_post_call.py",
    "proxy/hooks/test_parallel_request_limiter_v3.py",
    "proxy/hooks/test_parallel_request_limiter.py",
    "proxy/hooks/test_parallel_request_limiter_tpm_reservation.py",
    "proxy/hooks/test_tpm_concurrent.py",
    "proxy/hooks/test_tpm_concurrent_bypass_fix.py",
    "proxy/hooks/test_rate_limiter_toctou.py",
    "proxy/hooks/test_rate_limit_reset_time.py",
    "proxy/hooks/test_dynamic_rate_limiter_v3.py",
    "proxy/hooks/test_dynamic_rate_limiter.py",
    "proxy/hooks/test_batch_rate_limiter.py",
    "proxy/hooks/test_batch_enqueued_tokens.py",
    "proxy/hooks/test_max_iterations_limiter.py",
    "proxy/hooks/test_max_budget_per_session_limiter.py",
    "proxy/hooks/test_model_max_budget_limiter.py",
    "router_strategy/test_base_routing_strategy.py",
    "router_strategy/test_lowest_tpm_rpm.py",
    "router_strategy/test_lowest_tpm_rpm_v2.py",
    "router_strategy/test_budget_limiter.py",
    "router_utils/test_client_initalization_utils.py",
    "router_utils/test_cooldown_cache.py",
    "test_router.py",
    "test_router_order_fallback.py",
    "router_strategy/test_simple_shuffle.py",
    "router_strategy/test_least_busy.py",
    "router_strategy/test_lowest_latency.py",
    "router_strategy/test_lowest_latency_zero_limits.py",
    "router_strategy/test_lowest_cost.py",
    "router_strategy/test_lowest_cost_provider_prefix.py",
    "router_strategy/test_lowest_tpm_rpm_v2_multi_instance.py",
    "router_strategy/test_router_tag_routing.py",
    "router_strategy/test_router_tag_regex_routing.py",
    "router_strategy/test_router_routing_groups.py",
    "router_strategy/test_model_group_routing_strategy.py",
    "router_strategy/test_router_routing_plugins.py",
    "router_strategy/test_budget_limiter_hotpath.py",
    "router_strategy/test_complexity_router.py",
    "router_strategy/test_quality_router.py",
    "router_strategy/test_lar1_routing.py",
    "router_utils/test_cooldown_handlers.py",
    "router_utils/test_cooldown_read_scope.py",
    "router_utils/test_health_state_cache.py",
    "router_utils/test_access_windows.py",
    "router_utils/test_access_group_deployment_filter.py",
    "router_utils/test_pattern_match_deployments.py",
    "router_utils/test_lit_3412_pattern_router_upsert_cleanup.py",
    "router_utils/test_router_utils_common_utils.py",
    "router_utils/test_routing_read_batch.py",
    "router_utils/pre_call_checks/test_deployment_affinity_check.py",
    "router_utils/pre_call_checks/test_encrypted_content_affinity_check.py",
    "router_utils/pre_call_checks/test_responses_api_context_window_check.py",
    "router_utils/pre_call_checks/test_responses_api_deployment_check.py",
    "router_utils/pre_call_checks/test_session_id_affinity.py",
    "proxy/auth/test_route_checks.py",
    "proxy/config_resolvers/test_settings_store.py",
    "proxy/test_litellm_pre_call_utils.py",
    "proxy/test_common_request_processing.py",
    "litellm_core_utils/test_litellm_logging.py",
    "litellm_core_utils/llm_cost_calc/test_llm_cost_calc_utils.py",
    "test_cost_calculator.py",
    "test_utils.py",
)
# Where these stand in every release.
_OTHERS: Final = (
    "tests/router_unit_tests/test_router_index_management.py",
    "tests/router_unit_tests/test_pre_call_checks_optimization.py",
    "tests/router_unit_tests/test_router_pre_call_check_helpers.py",
    "tests/router_unit_tests/test_default_deployment_copy.py",
    "tests/router_unit_tests/test_get_model_list_alias_optimization.py",
    "tests/router_unit_tests/test_routing_strategy_override.py",
    "tests/router_unit_tests/test_router_adding_deployments.py",
    "tests/router_unit_tests/test_router_cooldown_utils.py",
    "tests/router_unit_tests/test_router_cooldown_per_deployment.py",
    "tests/router_unit_tests/test_router_helper_utils.py",
    "tests/local_testing/test_router_get_deployments.py",
    "tests/local_testing/test_lowest_latency_routing.py",
    "tests/local_testing/test_tpm_rpm_routing_v2.py",
)
_FOLDERS: Final = ("tests/unit", "tests/test_litellm")
_OPTIONS: Final = ("-q", "-pno:cacheprovider", "-pno:xdist", "-oaddopts=", "--continue-on-collection-errors")
_RUNNER: Final = Path(__file__).with_name("upstream_run.py")
_TAIL: Final = 3000


class Unusable(Exception):
    """Why nothing could be compared."""


@dataclass
class Run:
    """What one process told: each test's outcome and reason, and the account at its start and end."""

    outcomes: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    output: str = ""

    @property
    def native(self) -> int:
        """Native calls of the tests: LiteLLM's import has made some before."""
        after, before = (
            sum(calls["native"] for calls in facts.get("features", {}).values())
            for facts in (self.end, self.start)
        )
        return after - before


def run(mode: str, checkout: Path, tests: Sequence[str], timeout_s: int) -> Run:
    """Run the tests in a fresh process, with accel or without."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ACCEL_", "PYTEST_"))}
    environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONDONTWRITEBYTECODE": "1"}
    environ |= {} if mode == "on" else {"ACCEL_ENABLED": "0"}
    environ.pop("PYTHONPATH", None)
    result = Run()
    with TemporaryDirectory() as folder:
        told = Path(folder, "outcomes")
        command = [sys.executable, str(_RUNNER), mode, str(told), *_OPTIONS, f"--rootdir={checkout}"]
        ended = subprocess.run(
            [*command, f"--timeout={timeout_s}", *tests],
            cwd=checkout,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        result.output = f"{ended.stdout[-_TAIL:]}\n(exit code {ended.returncode})"
        for line in told.read_text().splitlines() if told.exists() else ():
            facts = json.loads(line)
            if "test" in facts:
                result.outcomes[facts["test"]] = facts["outcome"]
                result.reasons[facts["test"]] = facts["reason"]
            else:
                result.start = facts.get("start", result.start)
                result.end = facts.get("end", result.end)
    return result


def refuse_useless(mode: str, told: Run, checkout: Path) -> None:
    """Raise if this was not plain LiteLLM, or not LiteLLM with accel, on some tests."""
    if not told.start:
        raise Unusable(f"the run with accel {mode} did not start:\n{told.output}")
    for facts in filter(None, (told.start, told.end)):
        if Path(facts["litellm"]).resolve().is_relative_to(checkout):
            raise Unusable(f"LiteLLM was the checkout's own, not the installed one: {facts['litellm']}")
        if facts["accel"] != (mode == "on"):
            raise Unusable(f"the run with accel {mode} had accel imported: {facts['accel']}")
    if mode == "on":
        # One whose module was not imported yet waits for it.
        if not told.start["seams"] or any(seam["state"] == "skipped" for seam in told.start["seams"]):
            raise Unusable(f"accel did not apply its seams: {told.start['seams']}")
        if told.end and not told.native:
            raise Unusable("nothing ran natively: these tests say nothing about accel")
    elif not told.end:
        raise Unusable(f"the run with accel off ended early:\n{told.output}")
    elif not told.outcomes:
        raise Unusable(f"there are no tests in these files:\n{told.output}")
    elif set(told.outcomes.values()) == {"not collected"}:
        reasons = "\n".join(f"  {test}: {reason}" for test, reason in told.reasons.items())
        raise Unusable(f"no file could be collected:\n{reasons}")


def different(off: Run, on: Run) -> list[str]:
    tests = [*off.outcomes, *(test for test in on.outcomes if test not in off.outcomes)]
    return [test for test in tests if off.outcomes.get(test) != on.outcomes.get(test)]


def missing_packages(off: Run) -> list[str]:
    """What the tests could have used and this environment does not have."""
    reasons = "\n".join(reason for test, reason in off.reasons.items() if off.outcomes[test] != "passed")
    found = set(re.findall(r"No module named '([\w.]+)'", reasons))
    found |= {f"fixture {name}" for name in re.findall(r"fixture '(\w+)' not found", reasons)}
    found |= {"pytest-asyncio"} if "async def functions are not natively supported" in reasons else set()
    return sorted(found)


def report(off: Run, on: Run, differing: list[str], flaky: list[str]) -> None:
    """Print the table."""
    equal = Counter(outcome for test, outcome in off.outcomes.items() if outcome == on.outcomes.get(test))
    print("| outcome, equal with accel off and on | tests |\n|---|--:|")
    for outcome, number in equal.most_common():
        print(f"| {outcome} | {number} |")
    for test, outcome in off.outcomes.items():
        if outcome in ("failed", "error", "not collected") and outcome == on.outcomes.get(test):
            other = "" if off.reasons[test] == on.reasons[test] else f"; with accel: {on.reasons[test]}"
            print(f"  {outcome} in both: {test}: {off.reasons[test]}{other}")
    if packages := missing_packages(off):
        print(f"missing in this environment: {', '.join(packages)}")
    for word, tests in (("differs", differing), ("differed once, equal when repeated", flaky)):
        for test in tests:
            print(f"{word}: {test}")
            for mode, told in (("off", off), ("on", on)):
                outcome, reason = told.outcomes.get(test, "not run"), told.reasons.get(test, "")
                print(f"  accel {mode}: {outcome} {reason}".rstrip())
    if not on.end:
        print(f"the run with accel on ended early:\n{on.output}")
    for name, calls in on.end.get("features", {}).items():
        python = ", ".join(f"{reason}: {number}" for reason, number in calls["python"].items()) or "none"
        print(f"{name}: {calls['native']} native calls, {calls['failed']} failed; left to Python: {python}")
    print(f"{sum(equal.values())} equal, {len(differing)} different, {len(flaky)} flaky")


def chosen(checkout: Path, files: Sequence[str]) -> list[str]:
    """The files asked for, or those of the table that the checkout has."""
    if not checkout.is_dir():
        raise Unusable(f"there is no directory {checkout}")
    wanted: list[tuple[str, ...]] = [(name,) for name in files]
    wanted = wanted or [
        *(tuple(f"{folder}/{name}" for folder in _FOLDERS) for name in _FILES),
        *((name,) for name in _OTHERS),
    ]
    found = {names: [name for name in names if (checkout / name.partition("::")[0]).exists()] for names in wanted}
    if missing := [names[0] for names, here in found.items() if not here]:
        print(f"not in this checkout: {', '.join(missing)}")
    if not any(found.values()):
        raise Unusable(f"none of the test files is in {checkout}")
    return [name for here in found.values() for name in here]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkout", type=Path, help="LiteLLM's repository (make upstream LITELLM_TESTS=…)")
    parser.add_argument("files", nargs="*", help="test files or tests, relative to it; else what accel replaces")
    parser.add_argument("--timeout", type=int, default=120, help="seconds for one test (default: %(default)s)")
    options = parser.parse_args()
    checkout = options.checkout.expanduser().resolve()
    try:
        tests = chosen(checkout, options.files)
        off = run("off", checkout, tests, options.timeout)
        refuse_useless("off", off, checkout)
        on = run("on", checkout, tests, options.timeout)
        refuse_useless("on", on, checkout)
    except Unusable as error:
        print(f"upstream: {error}", file=sys.stderr)
        return 2
    differing, flaky = different(off, on), []
    if differing and on.end:
        again_off, again_on = (run(mode, checkout, differing, options.timeout) for mode in ("off", "on"))
        flaky = [test for test in differing if test not in different(again_off, again_on)]
        differing = [test for test in differing if test not in flaky]
    report(off, on, differing, flaky)
    return 1 if differing or not on.end else 0


if __name__ == "__main__":
    sys.exit(main())
