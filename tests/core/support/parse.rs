//! Literals: JSON, in which `"@foreign"` and its like stand for what JSON has no word for.

use std::fmt;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::data::{Plain, PlainText};

/// Plain data from JSON. The text `@foreign` is an object of a user's class, `@huge` an integer too long to be
/// written, `@lone` a lone surrogate, and the key `@key` is a key that is no text.
pub fn json(text: &str) -> Plain {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Words)
    }
}

/// Keeps maps in the order of the text, which `serde_json::Value` does not.
struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Plain;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("plain data")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Plain, E> {
        Ok(Plain::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Plain, E> {
        Ok(Plain::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Plain, E> {
        Ok(Plain::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Plain, E> {
        Ok(Plain::Number(format!("{number:?}")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
        Ok(match text {
            "@foreign" => Plain::Foreign,
            "@huge" => Plain::Huge,
            _ => Plain::Text(word(text)),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Plain::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Plain, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Plain>()? {
            map.push(((key != "@key").then(|| word(&key)), value));
        }
        Ok(Plain::Map(map))
    }
}

fn word(text: &str) -> PlainText {
    match text {
        "@lone" => PlainText::Lone,
        _ => PlainText::Proper(text.to_owned()),
    }
}

/// Plain data of any shape, made of `words` where a text or a key stands, so that it often nearly fits.
pub fn arbitrary(words: &'static [&'static str]) -> impl Strategy<Value = Plain> + Clone {
    let text = prop::sample::select(words);
    let leaf = prop_oneof![
        8 => text.clone().prop_map(Plain::text),
        1 => Just(Plain::Null),
        1 => any::<bool>().prop_map(Plain::Bool),
        1 => (0..3_u8).prop_map(|number| Plain::Number(number.to_string())),
        1 => prop::sample::select(&["\"@foreign\"", "\"@huge\"", "\"@lone\"", "{\"@key\": 1}"][..]).prop_map(json),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Plain::List),
            2 => prop::collection::btree_map(text.clone(), inner, 0..5).prop_map(|entries| {
                let own = |(key, value): (&str, Plain)| (Some(word(key)), value);
                Plain::Map(entries.into_iter().map(own).collect())
            }),
        ]
    })
    .boxed()
}
