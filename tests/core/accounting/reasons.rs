//! Every reason to refuse, reached from every place that gives it.

use _accel::core::accounting::format_tools;
use _accel::core::value::{FOREIGN, SURROGATE, Unhandled};

use super::{block, extra, message};
use crate::support::{Plain, json};

fn refused_message(text: &str, reason: Unhandled) {
    let refused = message(&json(text), None).map(|(cost, _)| cost);
    assert_eq!(refused, Err(reason), "{text}");
}

fn refused_block(text: &str, reason: Unhandled) {
    assert_eq!(block(text), Err(reason), "{text}");
}

fn refused_property(text: &str, reason: Unhandled) {
    let tool = format!(r#"[{{"name": "f", "parameters": {{"properties": {{"a": {text}}}}}}}]"#);
    assert_eq!(format_tools(&json(&tool)), Err(reason), "{text}");
}

#[test]
fn what_is_no_message() {
    for text in ["1", "[]", "\"text\"", "null", "\"@foreign\""] {
        refused_message(text, Unhandled("message is not a dict"));
    }
    refused_message(r#"{"search_results": []}"#, Unhandled("search results"));
}

/// Of objects of a user's class nothing is said but that: LiteLLM may well count them.
#[test]
fn objects_of_a_users_class_in_messages() {
    for text in [
        r#"{"@key": "a"}"#,
        r#"{"@key": null}"#,
        r#"{"x": "@foreign"}"#,
        r#"{"content": "@foreign"}"#,
        r#"{"tool_calls": "@foreign"}"#,
        r#"{"tool_calls": ["@foreign"]}"#,
        r#"{"tool_calls": [{"@key": 1}]}"#,
        r#"{"tool_calls": [{"function": "@foreign"}]}"#,
        r#"{"tool_calls": [{"function": {"@key": 1}}]}"#,
        r#"{"tool_calls": [{"function": {"arguments": "@foreign"}}]}"#,
        r#"{"function_call": "@foreign"}"#,
        r#"{"function_call": {"arguments": "@foreign"}}"#,
    ] {
        refused_message(text, FOREIGN);
    }
}

#[test]
fn objects_of_a_users_class_in_blocks() {
    for text in [
        r#""@foreign""#,
        r#"{"@key": 1, "type": "text"}"#,
        r#"{"type": "@foreign"}"#,
        r#"{"type": "text", "text": "@foreign"}"#,
        r#"{"type": "image_url", "image_url": "@foreign"}"#,
        r#"{"type": "image_url", "image_url": {"@key": 1, "url": "u"}}"#,
        r#"{"type": "image_url", "image_url": {"url": "u", "detail": "@foreign"}}"#,
        r#"{"type": "image", "source": "@foreign"}"#,
        r#"{"type": "image", "source": {"@key": 1, "type": "url"}}"#,
        r#"{"type": "tool_use", "input": "@foreign"}"#,
        r#"{"type": "tool_result", "tool_use_id": "1", "content": ["@foreign"]}"#,
        r#"{"type": "thinking", "thinking": "@foreign"}"#,
        r#"{"type": "tool_reference", "tool_name": "@foreign"}"#,
    ] {
        refused_block(text, FOREIGN);
    }
}

#[test]
fn objects_of_a_users_class_beside_the_messages() {
    for tools in [
        r#"["@foreign"]"#,
        r#"[{"@key": 1}]"#,
        r#"[{"function": "@foreign"}]"#,
        r#"[{"function": {"@key": 1, "name": "f"}}]"#,
        r#"[{"function": {"name": "@foreign"}}]"#,
        r#"[{"function": {"name": "f", "description": "@foreign"}}]"#,
        r#"[{"function": {"name": "f", "parameters": "@foreign"}}]"#,
        r#"[{"function": {"name": "f", "parameters": {"properties": "@foreign"}}}]"#,
        r#"[{"function_declarations": "@foreign"}]"#,
        r#"[{"functionDeclarations": "@foreign"}]"#,
        r#"[{"functionDeclarations": ["@foreign"]}]"#,
        r#"[{"name": "f", "input_schema": "@foreign"}]"#,
        r#"[{"name": "f", "parameters": "@foreign"}]"#,
    ] {
        assert_eq!(
            extra(&json(tools), &Plain::Null, false),
            Err(FOREIGN),
            "{tools}"
        );
    }
    for choice in [
        r#"{"@key": 1}"#,
        r#"{"function": "@foreign"}"#,
        r#"{"function": {"@key": 1, "name": "f"}}"#,
        r#"{"function": {"name": "@foreign"}}"#,
    ] {
        assert_eq!(
            extra(&Plain::Null, &json(choice), false),
            Err(FOREIGN),
            "{choice}"
        );
    }
}

#[test]
fn objects_of_a_users_class_in_schemas() {
    for property in [
        r#""@foreign""#,
        r#"{"@key": 1}"#,
        r#"{"type": "@foreign"}"#,
        r#"{"description": "@foreign"}"#,
        r#"{"type": "array", "items": "@foreign"}"#,
        r#"{"type": "string", "enum": ["@foreign"]}"#,
        r#"{"type": "object", "properties": "@foreign"}"#,
        r#"{"type": "object", "properties": {"@key": {}}}"#,
        r#"{"type": "object", "properties": {"b": {}}, "required": "@foreign"}"#,
        r#"{"type": "object", "properties": {"b": {}}, "required": ["b", "@foreign"]}"#,
    ] {
        refused_property(property, FOREIGN);
    }
}

#[test]
fn lone_surrogates_where_text_is_read() {
    refused_message(r#"{"@lone": 1}"#, SURROGATE);
    refused_block(r#"{"type": "@lone"}"#, SURROGATE);
    refused_block(r#"{"type": "image_url", "image_url": "@lone"}"#, SURROGATE);
    refused_property(r#"{"description": "@lone"}"#, SURROGATE);
    refused_property(r#"{"type": "string", "enum": ["@lone"]}"#, SURROGATE);
    refused_property(
        r#"{"type": "object", "properties": {"@lone": {}}}"#,
        SURROGATE,
    );
    let named = json(r#"[{"name": "@lone"}]"#);
    assert_eq!(extra(&named, &Plain::Null, false), Err(SURROGATE));
    // Where it is only counted, the counter says it.
    let late = Unhandled("found late: lone surrogate");
    refused_message(r#"{"content": "@lone"}"#, late);
    refused_block(r#"{"type": "text", "text": "@lone"}"#, late);
    // Where it is neither read nor counted, it does not matter.
    let url = r#"{"type": "image_url", "image_url": {"url": "@lone", "detail": "low"}}"#;
    assert_eq!(block(url), super::costs(85, &[]));
    assert_eq!(
        block(r#"{"@lone": 1, "type": "text", "text": "t"}"#),
        super::costs(0, &["t"])
    );
}

#[test]
fn what_litellm_counts_and_is_not_reproduced() {
    for kind in ["document", "file"] {
        refused_block(
            &format!(r#"{{"type": "{kind}"}}"#),
            Unhandled("document or file block"),
        );
    }
    for image in [
        "\"\"",
        "\" u\"",
        "\"é\"",
        r#"{"url": null}"#,
        r#"{"url": ["u"]}"#,
    ] {
        let text = format!(r#"{{"type": "image_url", "image_url": {image}}}"#);
        refused_block(&text, Unhandled("odd image URL"));
    }
    for data in ["@huge", "@foreign"] {
        let text =
            format!(r#"{{"type": "image", "source": {{"type": "base64", "data": "{data}"}}}}"#);
        refused_block(&text, Unhandled("odd image source"));
    }
    let text = r#"{"type": "image", "source": {"type": "url", "url": ["u"]}}"#;
    refused_block(text, Unhandled("odd image source"));
    for required in ["\"b\"", "5", r#"{"b": 1}"#] {
        refused_property(
            &format!(
                r#"{{"type": "object", "properties": {{"b": {{}}}}, "required": {required}}}"#
            ),
            Unhandled("odd list of required properties"),
        );
    }
    for choices in ["null", "\"ab\"", r#"{"a": 1}"#] {
        refused_property(
            &format!(r#"{{"type": "number", "enum": {choices}}}"#),
            Unhandled("enum is not a list"),
        );
    }
    let in_place = Unhandled("list or dict in place of a text");
    refused_property(r#"{"description": ["d"]}"#, in_place);
    refused_property(r#"{"description": {"d": 1}}"#, in_place);
    refused_property(r#"{"type": "string", "enum": [["a"]]}"#, in_place);
    for tools in [
        r#"[{"name": ["f"]}]"#,
        r#"[{"name": "f", "description": {"a": 1}}]"#,
    ] {
        assert_eq!(format_tools(&json(tools)), Err(in_place));
    }
    for tools in ["{}", "\"\"", "0", "true", "\"@foreign\""] {
        assert_eq!(
            extra(&json(tools), &Plain::Null, false),
            Err(Unhandled("tools are not a list"))
        );
    }
    for choice in ["[]", "1", "false", "\"@foreign\""] {
        assert_eq!(
            extra(&Plain::Null, &json(choice), false),
            Err(Unhandled("tool choice is neither str nor dict"))
        );
    }
}
