//! What comes beside the messages.

use _accel::core::value::RAISES;

use super::{costs, extra};
use crate::support::{Plain, json};

const ONE_TOOL: &str = "namespace functions {\n\ntype f = () => any;\n\n} // namespace functions";

fn one_tool() -> Plain {
    json(r#"[{"type": "function", "function": {"name": "f"}}]"#)
}

#[test]
fn the_answer_is_primed_with_three_tokens() {
    for system in [false, true] {
        assert_eq!(extra(&Plain::Null, &Plain::Null, system), costs(3, &[]));
        assert_eq!(extra(&json("[]"), &Plain::Null, system), costs(3, &[]));
    }
}

#[test]
fn tools_cost_nine_more_and_four_less_of_that_with_a_system_message() {
    assert_eq!(
        extra(&one_tool(), &Plain::Null, false),
        costs(12, &[ONE_TOOL])
    );
    assert_eq!(
        extra(&one_tool(), &Plain::Null, true),
        costs(8, &[ONE_TOOL])
    );
    // Tools that say nothing are tools.
    let text = "namespace functions {\n\n} // namespace functions";
    assert_eq!(
        extra(&json("[1, null]"), &Plain::Null, false),
        costs(12, &[text])
    );
}

#[test]
fn a_choice_costs_by_its_kind() {
    for (choice, tokens, texts) in [
        (r#""none""#, 4, &[][..]),
        (r#""auto""#, 3, &[]),
        (r#""required""#, 3, &[]),
        (r#""""#, 3, &[]),
        (r#""@lone""#, 3, &[]),
        (
            r#"{"type": "function", "function": {"name": "f"}}"#,
            10,
            &["f"],
        ),
        (r#"{"function": {"name": null}}"#, 10, &["None"]),
        (r#"{"function": {"name": ["f"]}}"#, 10, &["['f']"]),
    ] {
        assert_eq!(
            extra(&Plain::Null, &json(choice), true),
            costs(tokens, texts),
            "{choice}"
        );
    }
}

#[test]
fn tools_and_choice_add_up() {
    let choice = json(r#"{"function": {"name": "f"}}"#);
    assert_eq!(
        extra(&one_tool(), &choice, true),
        costs(3 + 5 + 7, &[ONE_TOOL, "f"])
    );
    assert_eq!(
        extra(&one_tool(), &json(r#""none""#), false),
        costs(3 + 9 + 1, &[ONE_TOOL])
    );
}

#[test]
fn a_choice_without_a_function_name_is_an_error_of_litellm() {
    for choice in [
        "{}",
        r#"{"type": "auto"}"#,
        r#"{"function": "f"}"#,
        r#"{"function": ["name"]}"#,
        r#"{"function": null}"#,
        r#"{"function": {}}"#,
        r#"{"function": {"name": "@huge"}}"#,
    ] {
        assert_eq!(
            extra(&Plain::Null, &json(choice), false),
            Err(RAISES),
            "{choice}"
        );
    }
}
