//! Blocks of a content list, kind by kind.

use _accel::core::value::{DEEP, RAISES};

use super::{block, costs, message};
use crate::support::json;

#[test]
fn texts_stand_bare_or_in_a_block() {
    assert_eq!(block(r#""hello""#), costs(0, &["hello"]));
    assert_eq!(
        block(r#"{"type": "text", "text": "hello"}"#),
        costs(0, &["hello"])
    );
    assert_eq!(block(r#"{"type": "text"}"#), costs(0, &[""]));
    assert_eq!(
        block(r#"{"type": "text", "text": null}"#),
        costs(0, &["None"])
    );
    assert_eq!(
        block(r#"{"type": "text", "text": {"a": false}}"#),
        costs(0, &["{'a': False}"])
    );
}

#[test]
fn an_image_costs_a_constant_unless_it_is_in_high_detail() {
    for image in [
        r#""https://a/b.png""#,
        r#"{"url": "https://a/b.png"}"#,
        r#"{"url": "u", "detail": "low"}"#,
        r#"{"url": " ", "detail": "auto", "format": "png"}"#,
    ] {
        let text = format!(r#"{{"type": "image_url", "image_url": {image}}}"#);
        assert_eq!(block(&text), costs(85, &[]), "{image}");
    }
    let high = r#"{"type": "image_url", "image_url": {"url": "u", "detail": "high"}}"#;
    assert_eq!(block(high), costs(0, &["<image u>"]));
}

#[test]
fn a_default_stands_for_every_image() {
    let content = json(
        r#"{"content": [
            {"type": "image_url", "image_url": {"url": "u", "detail": "high"}},
            {"type": "image_url", "image_url": "u"},
            {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
            {"type": "tool_result", "tool_use_id": "1", "content": [
                {"type": "image", "source": {"type": "url", "url": "u"}}
            ]}
        ]}"#,
    );
    let (cost, _) = message(&content, Some(250)).unwrap();
    assert_eq!(Ok(cost), costs(3 + 4 * 250, &[]));
}

#[test]
fn an_anthropic_image_costs_the_constant_whatever_its_source() {
    for source in [
        r#"{"type": "base64", "media_type": "image/png", "data": "AAAA"}"#,
        r#"{"type": "base64", "media_type": null, "data": ""}"#,
        r#"{"type": "url", "url": "https://a/b.png"}"#,
        r#"{"type": "file", "file_id": "f"}"#,
        r#"{"type": null}"#,
    ] {
        let text = format!(r#"{{"type": "image", "source": {source}}}"#);
        assert_eq!(block(&text), costs(85, &[]), "{source}");
    }
}

#[test]
fn of_a_tool_use_name_and_input_are_counted() {
    let text = r#"{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Rome"},
                   "cache_control": {"type": "ephemeral"}, "caller": {"type": "direct"}, "x": "y"}"#;
    assert_eq!(
        block(text),
        costs(0, &["f", "{'city': 'Rome'}", "{'type': 'direct'}"])
    );
    assert_eq!(block(r#"{"type": "tool_use"}"#), costs(0, &[]));
    let text = r#"{"type": "tool_use", "name": 1, "input": null, "caller": true}"#;
    assert_eq!(block(text), costs(0, &[]));
    // A list is taken for a list of blocks, whatever the field.
    let text = r#"{"type": "tool_use", "input": ["a", {"type": "text", "text": "b"}]}"#;
    assert_eq!(block(text), costs(0, &["a", "b"]));
}

#[test]
fn of_a_tool_result_the_content_is_counted() {
    let of = |content: &str| {
        block(&format!(
            r#"{{"type": "tool_result", "tool_use_id": "1", "is_error": true, "content": {content}}}"#
        ))
    };
    assert_eq!(of(r#""done""#), costs(0, &["done"]));
    assert_eq!(of("null"), costs(0, &[]));
    assert_eq!(of("3"), costs(0, &[]));
    assert_eq!(of(r#"{"a": "b"}"#), costs(0, &["{'a': 'b'}"]));
    let nested = r#"["a", {"type": "tool_result", "tool_use_id": "2", "content": ["b"]},
                     {"type": "tool_reference", "tool_name": "g"}]"#;
    assert_eq!(of(nested), costs(0, &["a", "b", "g"]));
    // The id must be there; what it is does not matter.
    let null_id = r#"{"type": "tool_result", "tool_use_id": null, "content": "c"}"#;
    assert_eq!(block(null_id), costs(0, &["c"]));
}

#[test]
fn of_thinking_the_text_is_counted() {
    for kind in ["thinking", "redacted_thinking"] {
        let of = |rest: &str| block(&format!(r#"{{"type": "{kind}"{rest}}}"#));
        assert_eq!(
            of(r#", "thinking": "hm", "signature": "s", "data": "d""#),
            costs(0, &["hm"])
        );
        assert_eq!(of(r#", "thinking": null"#), costs(0, &["None"]));
        assert_eq!(of(""), costs(0, &[""]));
    }
}

#[test]
fn of_a_tool_reference_the_name_is_counted() {
    let of = |name: &str| {
        block(&format!(
            r#"{{"type": "tool_reference", "tool_name": {name}}}"#
        ))
    };
    assert_eq!(of(r#""f""#), costs(0, &["f"]));
    assert_eq!(of("7"), costs(0, &["7"]));
    assert_eq!(of(r#"["f"]"#), costs(0, &["['f']"]));
    for nothing in ["null", "\"\"", "0", "false", "[]", "{}"] {
        assert_eq!(of(nothing), costs(0, &[]), "{nothing}");
    }
    assert_eq!(block(r#"{"type": "tool_reference"}"#), costs(0, &[]));
}

#[test]
fn blocks_of_another_kind_are_errors_of_litellm() {
    for text in [
        "null",
        "1",
        "true",
        "[]",
        r#"["text"]"#,
        "{}",
        r#"{"text": "no type"}"#,
        r#"{"type": null}"#,
        r#"{"type": 1}"#,
        r#"{"type": ["text"]}"#,
        r#"{"type": "Text"}"#,
        r#"{"type": "input_audio"}"#,
        r#"{"type": "text", "text": "@huge"}"#,
        r#"{"type": "image_url"}"#,
        r#"{"type": "image_url", "image_url": null}"#,
        r#"{"type": "image_url", "image_url": ["u"]}"#,
        r#"{"type": "image_url", "image_url": {}}"#,
        r#"{"type": "image_url", "image_url": {"url": ""}}"#,
        r#"{"type": "image_url", "image_url": {"url": "u", "detail": "medium"}}"#,
        r#"{"type": "image_url", "image_url": {"url": "u", "detail": null}}"#,
        r#"{"type": "image_url", "image_url": {"url": "u", "detail": ["low"]}}"#,
        r#"{"type": "image"}"#,
        r#"{"type": "image", "source": "type"}"#,
        r#"{"type": "image", "source": ["type"]}"#,
        r#"{"type": "image", "source": {"data": "AAAA"}}"#,
        r#"{"type": "tool_result", "content": "no id"}"#,
        r#"{"type": "tool_result", "tool_use_id": "1", "content": [1]}"#,
        r#"{"type": "tool_use", "input": [{"no": "type"}]}"#,
    ] {
        assert_eq!(block(text), Err(RAISES), "{text}");
    }
}

#[test]
fn results_in_results_are_walked_32_deep() {
    let nested = |levels: usize| {
        let open = r#"{"type": "tool_result", "tool_use_id": "1", "content": ["#;
        block(&format!(
            "{}\"x\"{}",
            open.repeat(levels),
            "]}".repeat(levels)
        ))
    };
    assert_eq!(nested(32), costs(0, &["x"]));
    assert_eq!(nested(33), Err(DEEP));
}
