//! The scanner of `cl100k_base`.

use super::super::classes::{Classes, LETTER, LETTER_NUMBER_SPACE, NUMBER, SPACE};
use super::{contraction_length, digits_end, is_newline, last_newline_end, space_before_text};

/// The pattern as tiktoken states it.
pub const PATTERN: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";

/// End of the piece that starts at `from` (`from` is a character boundary before the end).
#[inline]
pub fn cl100k_end(classes: &Classes, text: &[u8], from: usize) -> usize {
    let first = text.get(from).copied().unwrap_or(0);
    if first == b'\'' {
        let length = contraction_length(text, from);
        if length > 0 {
            return from + length;
        }
    }
    let (bits, length) = classes.at(text, from);
    if bits & LETTER != 0 {
        return classes.run_equal(text, from + length, LETTER, LETTER);
    }
    if bits & NUMBER != 0 {
        return digits_end(classes, text, from);
    }
    let next = from + length;
    let (next_bits, next_length) = classes.at(text, next);
    if next_bits & LETTER != 0 && !is_newline(first) {
        return classes.run_equal(text, next + next_length, LETTER, LETTER);
    }
    let punctuation_follows = next_length > 0 && next_bits & LETTER_NUMBER_SPACE == 0;
    if bits & SPACE == 0 || (first == b' ' && punctuation_follows) {
        let end = classes.run_equal(text, next, LETTER_NUMBER_SPACE, 0);
        return newlines_end(text, end);
    }
    let end = classes.run_equal(text, next, SPACE, SPACE);
    if end == text.len() {
        return end;
    }
    last_newline_end(text, from, end).unwrap_or_else(|| space_before_text(text, from, end))
}

/// End of `[\r\n]*` at `from`.
#[inline]
fn newlines_end(text: &[u8], from: usize) -> usize {
    let mut end = from;
    while text.get(end).is_some_and(|&byte| is_newline(byte)) {
        end += 1;
    }
    end
}
