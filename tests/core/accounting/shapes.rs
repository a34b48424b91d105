//! Prompts that nearly fit: what there is, of kinds that there are, mostly.

use proptest::prelude::*;

use crate::support::{Plain, PlainText, arbitrary};

pub const WORDS: &[&str] = &[
    "",
    "type",
    "text",
    "image",
    "url",
    "high",
    "low",
    "name",
    "content",
    "function",
    "name",
    "arguments",
];
const KINDS: &[&str] = &[
    "text",
    "image_url",
    "image",
    "tool_use",
    "tool_result",
    "thinking",
    "redacted_thinking",
    "tool_reference",
    "document",
];
const FIELDS: &[&str] = &[
    "text",
    "thinking",
    "tool_name",
    "name",
    "input",
    "caller",
    "tool_use_id",
    "content",
];
pub type Entries = Vec<(Option<PlainText>, Plain)>;

pub fn entry(key: &str, value: Plain) -> (Option<PlainText>, Plain) {
    (Some(PlainText::Proper(key.to_owned())), value)
}

pub fn entries(
    keys: &'static [&'static str],
    value: impl Strategy<Value = Plain> + 'static,
) -> impl Strategy<Value = Entries> {
    let entries = prop::collection::btree_map(prop::sample::select(keys), value, 0..6);
    entries.prop_map(|map| map.into_iter().map(|(k, v)| entry(k, v)).collect())
}

fn image_url() -> impl Strategy<Value = Plain> {
    let url = prop_oneof![Just("data:,A"), Just("http://a"), Just("")].prop_map(Plain::text);
    let detail = prop_oneof![
        3 => prop::sample::select(&["low", "high", "auto", "odd"][..]).prop_map(Plain::text),
        1 => arbitrary(WORDS),
    ];
    prop_oneof![
        url.clone(),
        (url.clone(), detail).prop_map(|(url, detail)| {
            Plain::Map(vec![entry("url", url), entry("detail", detail)])
        }),
        url.prop_map(|url| Plain::Map(vec![entry("url", url)])),
        arbitrary(WORDS),
    ]
}

/// A block of a kind that there is, its fields of any kind.
fn block(value: impl Strategy<Value = Plain> + 'static) -> impl Strategy<Value = Plain> {
    let kind = prop::sample::select(KINDS);
    let source = entries(&["type", "data", "media_type", "url"], arbitrary(WORDS));
    (kind, entries(FIELDS, value), image_url(), source).prop_map(|(kind, fields, url, source)| {
        let mut block = vec![entry("type", Plain::text(kind))];
        block.push(entry("image_url", url));
        block.push(entry("source", Plain::Map(source)));
        block.extend(fields);
        Plain::Map(block)
    })
}

pub fn blocks() -> impl Strategy<Value = Plain> {
    let list = |block| prop::collection::vec(block, 1..3).prop_map(Plain::List);
    let nested = list(block(arbitrary(WORDS)).boxed());
    list(block(prop_oneof![1 => arbitrary(WORDS), 2 => nested]).boxed())
}

/// A schema that is mostly right.
fn schema() -> impl Strategy<Value = Plain> {
    let kinds = &[
        "string", "integer", "number", "boolean", "null", "array", "object", "x",
    ][..];
    let kind =
        prop_oneof![9 => prop::sample::select(kinds).prop_map(Plain::text), 1 => arbitrary(WORDS)];
    let rest = entries(&["description", "enum"], arbitrary(WORDS));
    let leaf = (kind.clone(), rest).prop_map(|(kind, mut rest)| {
        rest.push(entry("type", kind));
        Plain::Map(rest)
    });
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let property = prop_oneof![12 => inner, 1 => arbitrary(WORDS)].boxed();
        let properties = entries(&["b", "a", "c\nd"], property.clone()).prop_map(Plain::Map);
        let properties = prop_oneof![9 => properties, 1 => arbitrary(WORDS)];
        let required = prop_oneof![
            3 => Just(Plain::List(vec![Plain::text("a"), Plain::Null])),
            1 => arbitrary(WORDS),
        ];
        let described = entries(&["description", "enum", "required"], arbitrary(WORDS));
        (kind.clone(), properties, property, required, described).prop_map(
            |(kind, properties, items, required, mut rest)| {
                rest.retain(|(key, _)| key != &Some(PlainText::Proper("required".to_owned())));
                rest.push(entry("type", kind));
                rest.push(entry("properties", properties));
                rest.push(entry("items", items));
                rest.push(entry("required", required));
                Plain::Map(rest)
            },
        )
    })
}

fn tool() -> impl Strategy<Value = Plain> {
    let value = prop_oneof![4 => schema(), 1 => arbitrary(WORDS)];
    let fields = &["description", "parameters", "input_schema", "properties"];
    let name = prop_oneof![4 => Just(Plain::text("f")), 1 => arbitrary(WORDS)];
    let function = (name, entries(fields, value)).prop_map(|(name, mut fields)| {
        fields.push(entry("name", name));
        Plain::Map(fields)
    });
    let function = function.boxed();
    let listed = prop::collection::vec(function.clone(), 0..3).prop_map(Plain::List);
    let under = |key, value: BoxedStrategy<Plain>| {
        value.prop_map(move |value| Plain::Map(vec![entry(key, value)]))
    };
    prop_oneof![
        under("function", function.clone()),
        function,
        under("function_declarations", listed.clone().boxed()),
        under("functionDeclarations", listed.boxed()),
        arbitrary(WORDS),
    ]
}

pub fn tools() -> impl Strategy<Value = Plain> {
    prop_oneof![
        8 => prop::collection::vec(tool(), 0..3).prop_map(Plain::List),
        1 => Just(Plain::Null),
        1 => arbitrary(WORDS),
    ]
}

pub fn choice() -> impl Strategy<Value = Plain> {
    let function = entries(&["name", "x"], arbitrary(WORDS)).prop_map(Plain::Map);
    let function = prop_oneof![4 => function, 1 => arbitrary(WORDS)];
    prop_oneof![
        2 => prop::sample::select(&["none", "auto", "required"][..]).prop_map(Plain::text),
        1 => Just(Plain::Null),
        3 => function.prop_map(|function| Plain::Map(vec![entry("function", function)])),
        1 => arbitrary(WORDS),
    ]
}
