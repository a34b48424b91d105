//! The text that tools are counted as.

use _accel::core::accounting::format_tools;
use _accel::core::value::{DEEP, RAISES, Unhandled};

use crate::support::{Plain, json, object};

/// The definitions alone, without the namespace around them.
fn definitions(tools: &str) -> Result<String, Unhandled> {
    let text = format_tools(&json(tools))?;
    let inner = text
        .strip_prefix("namespace functions {\n\n")
        .and_then(|text| text.strip_suffix("} // namespace functions"));
    Ok(inner.expect("a namespace").to_owned())
}

/// What the parameters of one function are written as.
fn parameters(schema: &str) -> Result<String, Unhandled> {
    let tool = format!(r#"[{{"function": {{"name": "f", "parameters": {schema}}}}}]"#);
    let text = definitions(&tool)?;
    let inner = text
        .strip_prefix("type f = (_: {\n")
        .and_then(|text| text.strip_suffix("\n}) => any;\n\n"));
    Ok(inner.expect("a definition with parameters").to_owned())
}

/// What one property is written as.
fn property(schema: &str) -> Result<String, Unhandled> {
    let text = parameters(&format!(r#"{{"properties": {{"a": {schema}}}}}"#))?;
    let inner = text
        .strip_prefix("a?: ")
        .and_then(|text| text.strip_suffix(','));
    Ok(inner.expect("a property").to_owned())
}

#[test]
fn a_function_with_everything() {
    let text = r#"{
        "properties": {
            "city": {"type": "string", "description": "Where\nto look"},
            "unit": {"type": "string", "enum": ["C", "F", null, 1, true, 1.5]},
            "days": {"type": "integer"},
            "at": {"type": "object", "description": "Place", "required": ["x"], "properties": {
                "x": {"type": "number"},
                "more": {"type": "array", "items": {"type": "object", "properties": {"y": {"type": "null"}}}}
            }}
        },
        "required": ["city", 7, null]
    }"#;
    let expected = "// Where\nto look\ncity: string,\n\
        unit?: \"C\" | \"F\" | \"None\" | \"1\" | \"True\" | \"1.5\",\n\
        days?: number,\n\
        // Place\nat?: {\n  x: number,\n  more?: {\n    y?: null,\n}[],\n},";
    assert_eq!(parameters(text), Ok(expected.to_owned()));
}

#[test]
fn three_shapes_of_tools_say_the_same() {
    let schema = r#"{"type": "object", "properties": {"a": {"type": "boolean"}}}"#;
    let function = format!(r#"{{"name": "f", "description": "d", "parameters": {schema}}}"#);
    let expected = Ok("// d\ntype f = (_: {\na?: boolean,\n}) => any;\n\n".to_owned());
    for tool in [
        format!(r#"{{"type": "function", "function": {function}}}"#),
        format!(r#"{{"function_declarations": [{function}]}}"#),
        format!(r#"{{"function_declarations": [], "functionDeclarations": [1, {function}]}}"#),
        format!(r#"{{"name": "f", "description": "d", "input_schema": {schema}}}"#),
        format!(
            r#"{{"function": null, "input_schema": {{}}, "name": "f", "description": "d", "parameters": {schema}}}"#
        ),
    ] {
        assert_eq!(definitions(&format!("[{tool}]")), expected, "{tool}");
    }
}

#[test]
fn a_function_without_parameters() {
    for parameters in [
        "null",
        "{}",
        "[]",
        "1",
        r#""p""#,
        r#"{"properties": {}}"#,
        r#"{"properties": []}"#,
        r#"{"properties": ["a"]}"#,
        r#"{"properties": null}"#,
        r#"{"type": "object", "required": 5}"#,
    ] {
        let tool = format!(r#"[{{"function": {{"name": "f", "parameters": {parameters}}}}}]"#);
        let expected = Ok("type f = () => any;\n\n".to_owned());
        assert_eq!(definitions(&tool), expected, "{parameters}");
    }
}

#[test]
fn a_tool_without_a_name_says_nothing() {
    for tool in [
        "{}",
        "1",
        "null",
        r#""f""#,
        "[]",
        r#"{"function": {"description": "d"}}"#,
        r#"{"function": {"name": ""}, "name": "f"}"#,
        r#"{"function": {"name": 0}}"#,
        r#"{"name": null, "input_schema": {"properties": {"a": 1}}}"#,
        r#"{"functionDeclarations": [], "name": "f"}"#,
        r#"{"function_declarations": ["f"], "name": "f"}"#,
    ] {
        assert_eq!(
            definitions(&format!("[{tool}]")),
            Ok(String::new()),
            "{tool}"
        );
    }
    // Declarations that are no list are passed over.
    let named =
        r#"[{"function_declarations": {"name": "g"}, "name": "f"}, {"function": "g", "name": 5}]"#;
    let expected = "type f = () => any;\n\ntype 5 = () => any;\n\n";
    assert_eq!(definitions(named), Ok(expected.to_owned()));
}

#[test]
fn types() {
    for (schema, written) in [
        ("{}", "any"),
        (r#"{"type": null}"#, "any"),
        (r#"{"type": ["string", "null"]}"#, "any"),
        (r#"{"type": "@lone"}"#, "any"),
        (r#"{"type": "String"}"#, "any"),
        (r#"{"enum": ["a"]}"#, "any"),
        (r#"{"type": "string"}"#, "string"),
        (r#"{"type": "string", "enum": []}"#, ""),
        (r#"{"type": "string", "enum": ["a\"b"]}"#, "\"a\"b\""),
        (r#"{"type": "integer", "enum": [1, 2]}"#, "\"1\" | \"2\""),
        (r#"{"type": "number"}"#, "number"),
        (r#"{"type": "boolean", "enum": 5}"#, "boolean"),
        (r#"{"type": "null"}"#, "null"),
        (r#"{"type": "array", "items": {}}"#, "any[]"),
        (
            r#"{"type": "array", "items": {"type": "array", "items": {"type": "null"}}}"#,
            "null[][]",
        ),
        (r#"{"type": "object"}"#, "{\n\n}"),
        (r#"{"type": "object", "properties": []}"#, "{\n\n}"),
        (
            r#"{"type": "object", "properties": {"é": {}}}"#,
            "{\n  é?: any,\n}",
        ),
    ] {
        assert_eq!(property(schema), Ok(written.to_owned()), "{schema}");
    }
}

#[test]
fn a_falsy_description_or_list_of_required_is_none() {
    for nothing in ["null", "0", "0.0", "false", "\"\"", "[]", "{}"] {
        let schema = format!(
            r#"{{"properties": {{"a": {{"description": {nothing}}}}}, "required": {nothing}}}"#
        );
        assert_eq!(parameters(&schema), Ok("a?: any,".to_owned()), "{nothing}");
    }
    let text = parameters(r#"{"properties": {"a": {"description": 5}}}"#);
    assert_eq!(text, Ok("// 5\na?: any,".to_owned()));
}

#[test]
fn schemas_of_another_kind_are_errors_of_litellm() {
    for schema in [
        "1",
        "null",
        r#""string""#,
        "[]",
        r#"{"type": "array"}"#,
        r#"{"type": "array", "items": null}"#,
        r#"{"type": "array", "items": [{}]}"#,
        r#"{"type": "object", "properties": [1]}"#,
        r#"{"type": "object", "properties": 1}"#,
        r#"{"type": "object", "properties": {"b": null}}"#,
        r#"{"type": "string", "enum": ["@huge"]}"#,
        r#"{"description": "@huge"}"#,
    ] {
        assert_eq!(property(schema), Err(RAISES), "{schema}");
    }
}

#[test]
fn schemas_are_walked_64_deep() {
    let arrays = |levels: usize| {
        let open = r#"{"type": "array", "items": "#.repeat(levels);
        property(&format!("{open}{{}}{}", "}".repeat(levels)))
    };
    assert_eq!(arrays(64), Ok(format!("any{}", "[]".repeat(64))));
    assert_eq!(arrays(65), Err(DEEP));
    let objects = |levels: usize| {
        let deep = (0..levels).fold(json("{}"), |inner, _| {
            object([
                ("type", Plain::text("object")),
                ("properties", object([("a", inner)])),
            ])
        });
        let parameters = object([("properties", object([("a", deep)]))]);
        let tool = object([("name", Plain::text("f")), ("parameters", parameters)]);
        format_tools(&Plain::List(vec![tool]))
    };
    assert_eq!(objects(64).unwrap().matches("?: {\n").count(), 64);
    assert_eq!(objects(65), Err(DEEP));
}
