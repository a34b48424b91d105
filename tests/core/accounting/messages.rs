//! Keys of a message.

use _accel::core::accounting::{self, Prompt, Rules};
use _accel::core::value::{RAISES, Unhandled};

use super::{Cost, costs, message, rules};
use crate::support::json;

fn of(text: &str) -> Result<Cost, Unhandled> {
    message(&json(text), None).map(|(cost, _)| cost)
}

#[test]
fn texts_are_counted_whatever_their_key() {
    let text = r#"{"role": "user", "content": "hello", "weather": "fair"}"#;
    assert_eq!(of(text), costs(3, &["user", "hello", "fair"]));
    assert_eq!(of("{}"), costs(3, &[]));
}

#[test]
fn what_is_no_text_is_skipped() {
    let text = r#"{"content": null, "a": 1, "b": true, "c": ["x"], "d": {"x": "y"}, "e": 1.5}"#;
    assert_eq!(of(text), costs(3, &[]));
    assert_eq!(of(r#"{"content": {"type": "text"}}"#), costs(3, &[]));
}

#[test]
fn a_name_costs_one_more_if_it_is_a_text() {
    assert_eq!(of(r#"{"name": "Ada"}"#), costs(4, &["Ada"]));
    assert_eq!(of(r#"{"name": ""}"#), costs(4, &[""]));
    assert_eq!(of(r#"{"name": null}"#), costs(3, &[]));
    assert_eq!(of(r#"{"name": 7}"#), costs(3, &[]));
}

#[test]
fn the_old_accounting_takes_one_off_for_a_name() {
    let legacy = Rules {
        tokens_per_message: 4,
        tokens_per_name: -1,
        ..rules()
    };
    let mut prompt = Prompt::new(None);
    let named = json(r#"{"role": "user", "name": "Ada"}"#);
    accounting::message(&legacy, &named, &mut prompt).unwrap();
    accounting::message(&legacy, &json(r#"{"role": "user"}"#), &mut prompt).unwrap();
    assert_eq!((prompt.tokens, prompt.pieces.len()), (4 - 1 + 4, 3));
}

#[test]
fn messages_add_up_in_one_prompt() {
    let mut prompt = Prompt::new(None);
    for text in [
        r#"{"content": "a"}"#,
        r#"{"content": "b"}"#,
        r#"{"content": null}"#,
    ] {
        accounting::message(&rules(), &json(text), &mut prompt).unwrap();
    }
    assert_eq!((prompt.tokens, prompt.pieces.len()), (9, 2));
}

#[test]
fn only_a_role_makes_a_system_message() {
    for (text, system) in [
        (r#"{"role": "system"}"#, true),
        (r#"{"content": "hi", "role": "system", "name": "x"}"#, true),
        (r#"{"role": "System"}"#, false),
        (r#"{"role": "developer"}"#, false),
        (r#"{"content": "system"}"#, false),
        (r#"{"role": ["system"]}"#, false),
        (r#"{"role": null}"#, false),
        ("{}", false),
    ] {
        let (_, is_system) = message(&json(text), None).unwrap();
        assert_eq!(is_system, system, "{text}");
    }
}

#[test]
fn of_tool_calls_the_arguments_are_counted() {
    let text = r#"{"tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}},
        {"function": {"name": "without"}},
        {"function": {"arguments": null}},
        {"function": {"arguments": {"a": ["it's", 1, true, null]}}}
    ]}"#;
    let shown = r#"{'a': ["it's", 1, True, None]}"#;
    assert_eq!(of(text), costs(3, &[r#"{"a": 1}"#, "", "None", shown]));
    assert_eq!(of(r#"{"tool_calls": []}"#), costs(3, &[]));
    assert_eq!(of(r#"{"tool_calls": null}"#), costs(3, &[]));
}

#[test]
fn of_a_function_call_the_arguments_are_counted() {
    let text = r#"{"function_call": {"name": "f", "arguments": "{}"}}"#;
    assert_eq!(of(text), costs(3, &["{}"]));
    assert_eq!(of(r#"{"function_call": {}}"#), costs(3, &[""]));
    assert_eq!(
        of(r#"{"function_call": {"arguments": 1.5}}"#),
        costs(3, &["1.5"])
    );
    assert_eq!(of(r#"{"function_call": null}"#), costs(3, &[]));
}

#[test]
fn calls_of_another_kind_are_errors_of_litellm() {
    for text in [
        r#"{"tool_calls": "function"}"#,
        r#"{"tool_calls": {}}"#,
        r#"{"tool_calls": 0}"#,
        r#"{"tool_calls": [{}]}"#,
        r#"{"tool_calls": [{"id": "function"}]}"#,
        r#"{"tool_calls": ["function"]}"#,
        r#"{"tool_calls": [["function"]]}"#,
        r#"{"tool_calls": [null]}"#,
        r#"{"tool_calls": [{"function": "f"}]}"#,
        r#"{"tool_calls": [{"function": null}]}"#,
        r#"{"tool_calls": [{"function": {"arguments": "@huge"}}]}"#,
        r#"{"function_call": "f"}"#,
        r#"{"function_call": []}"#,
        r#"{"function_call": false}"#,
    ] {
        assert_eq!(of(text), Err(RAISES), "{text}");
    }
}
