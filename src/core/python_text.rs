//! How long the text is that Python's `str()` makes of plain data.

use super::value::{DEEP, FOREIGN, RAISES, Text, Unhandled, Value, View};

const DEPTH: usize = 100;

/// `len(str(value))`.
///
/// # Errors
/// A value that is no plain data, or nested deeply (or in itself).
pub fn str_chars<V: Value>(value: &V) -> Result<usize, Unhandled> {
    match value.view() {
        View::Text(text) => Ok(text.chars()),
        _ => repr_chars(value, 0),
    }
}

fn repr_chars<V: Value>(value: &V, depth: usize) -> Result<usize, Unhandled> {
    if depth > DEPTH {
        return Err(DEEP);
    }
    let mut chars = 0;
    let mut items = 0;
    match value.view() {
        View::Null | View::Bool(true) => return Ok(4),
        View::Bool(false) => return Ok(5),
        View::Number => return value.shown().map(|number| number.len()).ok_or(RAISES),
        View::Text(text) => return text_repr_chars::<V>(&text),
        View::List => {
            for item in value.items() {
                chars += repr_chars(&item, depth + 1)?;
                items += 1;
            }
        }
        View::Map => {
            for (key, item) in value.entries() {
                // A colon and a space stand between them.
                chars += text_repr_chars::<V>(&key.ok_or(FOREIGN)?)? + 2;
                chars += repr_chars(&item, depth + 1)?;
                items += 1;
            }
        }
        View::Foreign => return Err(FOREIGN),
    }
    // A pair of brackets, and a comma and a space between items.
    Ok(chars + 2 + 2 * usize::saturating_sub(items, 1))
}

/// What is printable beyond ASCII depends on Python's version, so Python says it.
fn text_repr_chars<V: Value>(text: &V::Text) -> Result<usize, Unhandled> {
    match text.as_str() {
        Some(ascii) if ascii.len() == text.chars() => Ok(ascii_repr_chars(ascii.as_bytes())),
        _ => V::repr_chars(text).ok_or(FOREIGN),
    }
}

/// Quotes, and what is escaped. Written without branches, so that the compiler takes many bytes at a time.
fn ascii_repr_chars(text: &[u8]) -> usize {
    let (mut escapes, mut single, mut double) = (0, 0, 0);
    // At most three more for each byte, so that a chunk's sums fit a byte.
    for chunk in text.chunks(64) {
        let (mut more, mut singles, mut doubles) = (0_u8, 0_u8, 0_u8);
        for &byte in chunk {
            let control = u8::from(byte < b' ') | u8::from(byte == 0x7F);
            let short = u8::from(byte == b'\n') | u8::from(byte == b'\r') | u8::from(byte == b'\t');
            more += u8::from(byte == b'\\') + 3 * control - 2 * short;
            singles += u8::from(byte == b'\'');
            doubles += u8::from(byte == b'"');
        }
        escapes += usize::from(more);
        single += usize::from(singles);
        double += usize::from(doubles);
    }
    // Python quotes with ' unless there are only those inside.
    let quotes = if double > 0 { single } else { 0 };
    text.len() + 2 + escapes + quotes
}
