"""INDEX.md: every test of ours that it names exists, every row says something, and every pin is named."""

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent
ROW = re.compile(r"^\| `(?P<theirs>[\w:]+)` \| (?P<cases>\d+) \| (?P<ours>.+) \|$")
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
# Behaviour that none of LiteLLM's tests pins, and that follows from its code.
BEYOND = {
    "test_pinned_deployment_lists.py::test_a_deployment_by_its_own_name_is_a_copy",
    "test_pinned_documents.py::test_a_price_asked_for_by_itself",
    "test_pinned_dual_cache.py::test_with_memory_a_failed_increment_is_memorys",
    "test_pinned_filters.py::test_a_strategy_that_stands_among_them_is_no_deployment",
    "test_pinned_images.py::test_an_image_that_cannot_be_fetched_is_taken_for_base64",
    "test_pinned_limiter_windows.py::test_a_window_that_was_not_exceeded_ends_on_its_second",
    "test_pinned_limiter_windows.py::test_the_length_of_a_window_is_a_setting",
    "test_pinned_limiter_windows.py::test_what_is_not_limited_is_not_counted",
    "test_pinned_limiter_windows.py::test_where_limits_are_kept_natively_they_are",
    "test_pinned_memory_cache.py::test_a_full_store_makes_room_even_for_a_key_that_it_has",
    "test_pinned_memory_cache.py::test_a_store_of_no_size_keeps_nothing",
    "test_pinned_memory_cache.py::test_equal_expiries_go_in_the_order_of_their_names",
    "test_pinned_memory_cache.py::test_texts_are_read_as_json",
    "test_pinned_memory_cache.py::test_the_clock_of_the_process_is_looked_up_at_every_call",
    "test_pinned_memory_cache.py::test_what_others_write_into_the_dictionaries_is_the_store",
    "test_pinned_memory_cache.py::test_without_a_ttl_the_default_holds",
    "test_pinned_messages.py::test_a_wrong_message_is_refused",
    "test_pinned_messages.py::test_text_or_messages_and_not_both",
    "test_pinned_pre_call_checks.py::test_a_prompt_too_long_for_all_is_refused",
    "test_pinned_pre_call_checks.py::test_who_does_not_know_the_format_of_a_response_is_left_out",
    "test_pinned_pre_call_checks.py::test_who_is_not_where_the_request_may_go_is_left_out",
    "test_pinned_prompt_caching.py::test_a_switched_off_counter_reaches_nothing",
    "test_pinned_prompt_caching.py::test_messages_and_tools_count_together_and_no_further_than_needed",
    "test_pinned_prompt_scores.py::test_a_rule_for_characters_that_are_written_without_spaces",
    "test_pinned_response_headers.py::test_what_is_not_known_has_no_header",
    "test_pinned_route_checks.py::test_a_route_matches_its_pattern",
    "test_pinned_route_checks.py::test_access_is_by_name_by_star_or_by_pattern",
    "test_pinned_streams.py::test_a_prompt_that_cannot_be_counted_counts_nothing",
    "test_pinned_streams.py::test_a_stream_through_the_sdk_ends_with_counted_usage",
    "test_pinned_tag_rules.py::test_with_a_prefix_a_tag_is_matched_without_it",
    "test_pinned_texts.py::test_a_limit_that_somebody_sets_holds",
    "test_pinned_texts.py::test_a_slice_that_somebody_sets_holds",
    "test_pinned_tools.py::test_an_array_must_say_of_what",
    "test_pinned_trimming.py::test_a_replaced_count_decides_what_process_messages_keeps",
    "test_pinned_trimming.py::test_a_replaced_count_decides_whether_a_message_fits",
    "test_pinned_trimming.py::test_a_tiny_limit_makes_no_progress_in_this_release",
    "test_pinned_trimming.py::test_each_replaced_helper_of_trimming_is_called",
    "test_pinned_trimming.py::test_the_tokens_for_the_reply_can_be_asked_for",
    "test_pinned_usage_accounting.py::test_a_limit_that_somebody_sets_or_takes_away_holds_at_once",
    "test_pinned_weighted_picks.py::test_chance_is_pythons_and_is_asked_once_of_the_deployments",
}


def rows() -> list[re.Match[str]]:
    lines = (FOLDER / "INDEX.md").read_text().splitlines()
    table = [line for line in lines if line.startswith("| ") and not line.startswith("| LiteLLM's test")]
    found = [ROW.match(line) for line in table]
    assert None not in found, [line for line, row in zip(table, found, strict=True) if row is None]
    return [row for row in found if row]


def pins() -> set[str]:
    return {
        f"{path.name}::{node.name}"
        for path in FOLDER.glob("test_*.py")
        if path != Path(__file__)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def named_in(row: re.Match[str]) -> set[str]:
    return {"::".join(names) for names in NAMED.findall(row["ours"])}


def test_a_row_names_what_is_there_or_why_nothing_is() -> None:
    ours = pins()
    for row in rows():
        assert named_in(row) <= ours, row[0]
        assert bool(named_in(row)) != row["ours"].startswith("none: "), row[0]
        assert int(row["cases"]) > 0, row[0]


def test_every_pin_has_a_reason() -> None:
    named = set().union(*map(named_in, rows()))
    assert pins() - named == BEYOND
    assert len(rows()) > 1_000
