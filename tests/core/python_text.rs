//! Lengths of what Python's `str()` makes of plain data.

use _accel::core::python_text::str_chars;
use _accel::core::value::{DEEP, FOREIGN, RAISES, Value};
use proptest::prelude::*;

use super::support::{Plain, arbitrary, json, repr};

/// In a list, where a text is written by `repr()`.
fn repr_chars(text: &str) -> usize {
    str_chars(&Plain::List(vec![Plain::text(text)])).unwrap() - "[]".len()
}

#[test]
fn a_text_is_itself_and_in_a_list_is_quoted() {
    assert_eq!(str_chars(&json(r#""it's""#)), Ok(4));
    assert_eq!(str_chars(&json(r#""字\n""#)), Ok(2));
    assert_eq!(str_chars(&json(r#""@lone""#)), Ok(1));
    assert_eq!(str_chars(&json(r#"["@lone"]"#)), Ok(r"['\ud800']".len()));
    for (text, written) in [
        ("", "''"),
        ("it's", r#""it's""#),
        ("\"it's\"", r#"'"it\'s"'"#),
        ("\"", "'\"'"),
        ("\\\n\r\t\0\u{1f}\u{7f} ~", r"'\\\n\r\t\x00\x1f\x7f ~'"),
        ("é字", "'é字'"),
    ] {
        assert_eq!(repr(text), written);
        assert_eq!(repr_chars(text), written.chars().count(), "{text:?}");
    }
}

#[test]
fn data_are_written_as_python_writes_them() {
    for (text, written) in [
        ("null", "None"),
        ("true", "True"),
        ("false", "False"),
        ("-12", "-12"),
        ("1.5", "1.5"),
        ("[]", "[]"),
        ("[1]", "[1]"),
        ("[1, [null], {}]", "[1, [None], {}]"),
        ("{}", "{}"),
        (r#"{"a": 1}"#, "{'a': 1}"),
        (
            r#"{"it's": ["b"], "": {"c": false}}"#,
            r#"{"it's": ['b'], '': {'c': False}}"#,
        ),
    ] {
        let value = json(text);
        assert_eq!(value.shown().as_deref(), Some(written));
        assert_eq!(str_chars(&value), Ok(written.len()), "{text}");
    }
}

#[test]
fn what_is_no_plain_data_is_refused() {
    for text in [r#""@foreign""#, r#"["@foreign"]"#, r#"{"a": {"@key": 1}}"#] {
        assert_eq!(str_chars(&json(text)), Err(FOREIGN), "{text}");
    }
    for text in [r#""@huge""#, r#"{"a": "@huge"}"#] {
        assert_eq!(str_chars(&json(text)), Err(RAISES), "{text}");
    }
}

#[test]
fn data_are_walked_100_deep() {
    let lists = |levels: usize| {
        str_chars(&(0..levels).fold(Plain::Null, |inner, _| Plain::List(vec![inner])))
    };
    assert_eq!(lists(100), Ok("None".len() + 200));
    assert_eq!(lists(101), Err(DEEP));
}

#[test]
fn long_texts_are_summed_without_overflow() {
    // Every byte at its worst, over several of the chunks that are summed in a byte.
    for (text, chars) in [("\0", 4), ("\n", 2), ("\\", 2), ("'", 1)] {
        assert_eq!(
            repr_chars(&text.repeat(1_000)),
            1_000 * chars + 2,
            "{text:?}"
        );
    }
    assert_eq!(repr_chars(&"'\"".repeat(1_000)), 3_002);
}

proptest! {
    #[test]
    fn ascii_is_quoted_as_python_quotes_it(bytes in prop::collection::vec(0..128_u8, 0..300)) {
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(repr_chars(&text), repr(&text).len());
    }

    /// Few characters, so that each mix of quotes occurs.
    #[test]
    fn quotes_are_escaped_as_python_escapes_them(text in "['\"\\\\\na]{0,8}") {
        prop_assert_eq!(repr_chars(&text), repr(&text).len());
    }

    #[test]
    fn any_data_are_as_long_as_they_are_written(value in arbitrary(&["", "a", "it's", "é", "\"\n"])) {
        match (str_chars(&value), value.shown()) {
            (Ok(chars), Some(text)) => prop_assert_eq!(chars, text.chars().count()),
            // A lone surrogate has a length, but no `String`.
            (Ok(_), None) => prop_assert!(value == json(r#""@lone""#)),
            (Err(_), shown) => prop_assert_eq!(shown, None),
        }
    }
}
