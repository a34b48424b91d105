//! Python's `str()` and `repr()`, one character at a time.

use std::fmt::Write;

use super::data::{Plain, PlainText};

/// `repr(text)`. Beyond ASCII everything counts as printable, which holds for letters.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str(r"\\"),
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            '\x00'..='\x1F' | '\x7F' => write!(out, r"\x{:02x}", character as u32).unwrap(),
            _ if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
    out
}

/// `str(value)`; None if it fails or is no Unicode.
pub fn shown(value: &Plain) -> Option<String> {
    match value {
        Plain::Text(PlainText::Proper(text)) => Some(text.clone()),
        Plain::Text(PlainText::Lone) => None,
        _ => inner(value),
    }
}

fn inner(value: &Plain) -> Option<String> {
    Some(match value {
        Plain::Null => "None".to_owned(),
        Plain::Bool(true) => "True".to_owned(),
        Plain::Bool(false) => "False".to_owned(),
        Plain::Number(number) => number.clone(),
        Plain::Text(text) => of_text(text),
        Plain::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(inner).collect();
            format!("[{}]", items?.join(", "))
        }
        Plain::Map(entries) => {
            let entries: Option<Vec<String>> = entries
                .iter()
                .map(|(name, item)| Some(format!("{}: {}", of_text(name.as_ref()?), inner(item)?)))
                .collect();
            format!("{{{}}}", entries?.join(", "))
        }
        Plain::Huge | Plain::Foreign => return None,
    })
}

/// `repr(text)`, of any text.
pub fn of_text(text: &PlainText) -> String {
    match text {
        PlainText::Proper(text) => repr(text),
        PlainText::Lone => r"'\ud800'".to_owned(),
    }
}
