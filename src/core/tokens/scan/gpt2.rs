//! The scanner of Hugging Face's `ByteLevel` pre-tokenizer (GPT-2's pattern).

use super::super::classes::{Classes, LETTER_NUMBER_SPACE, SPACE};
use super::space_before_text;

/// End of the piece that starts at `from` under
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
/// (`from` is a character boundary before the end).
#[inline]
pub fn gpt2_end(classes: &Classes, text: &[u8], from: usize) -> usize {
    let first = text.get(from).copied().unwrap_or(0);
    if first == b'\'' {
        let length = contraction_length(text, from);
        if length > 0 {
            return from + length;
        }
    }
    let (bits, length) = classes.at(text, from);
    if bits & SPACE == 0 {
        return classes.run_equal(
            text,
            from + length,
            LETTER_NUMBER_SPACE,
            bits & LETTER_NUMBER_SPACE,
        );
    }
    let next = from + length;
    if first == b' ' {
        let (next_bits, next_length) = classes.at(text, next);
        if next_length > 0 && next_bits & SPACE == 0 {
            let kind = next_bits & LETTER_NUMBER_SPACE;
            return classes.run_equal(text, next, LETTER_NUMBER_SPACE, kind);
        }
    }
    let end = classes.run_equal(text, next, SPACE, SPACE);
    if end == text.len() {
        return end;
    }
    space_before_text(text, from, end)
}

/// Length of `'s|'t|'re|'ve|'m|'ll|'d` at `at`, or 0; lower case only.
#[inline]
fn contraction_length(text: &[u8], at: usize) -> usize {
    match (text.get(at + 1), text.get(at + 2)) {
        (Some(b's' | b't' | b'm' | b'd'), _) => 2,
        (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) => 3,
        _ => 0,
    }
}
