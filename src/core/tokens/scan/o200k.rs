//! The scanner of `o200k_base`.

use super::super::classes::{Classes, LETTER, LETTER_NUMBER_SPACE, LOWER, NUMBER, SPACE, UPPER};
use super::{
    contraction_length, digits_end, is_newline, last_character_start, last_newline_end,
    space_before_text,
};

/// The pattern as tiktoken states it.
pub const PATTERN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// End of the piece that starts at `from` (`from` is a character boundary before the end).
#[inline]
pub fn o200k_end(classes: &Classes, text: &[u8], from: usize) -> usize {
    let first = text.get(from).copied().unwrap_or(0);
    let (bits, length) = classes.at(text, from);
    if bits & NUMBER != 0 {
        return digits_end(classes, text, from);
    }
    let next = from + length;
    let (next_bits, next_length) = classes.at(text, next);
    if (bits | next_bits) & (UPPER | LOWER) != 0
        && let Some(end) = word_end(classes, text, from, next, first, bits)
    {
        return end;
    }
    let punctuation_follows = next_length > 0 && next_bits & LETTER_NUMBER_SPACE == 0;
    if bits & SPACE == 0 || (first == b' ' && punctuation_follows) {
        let end = classes.run_equal(text, next, LETTER_NUMBER_SPACE, 0);
        return newlines_and_slashes_end(text, end);
    }
    let end = classes.run_equal(text, next, SPACE, SPACE);
    if let Some(after_newline) = last_newline_end(text, from, end) {
        return after_newline;
    }
    if end == text.len() {
        return end;
    }
    space_before_text(text, from, end)
}

/// The two word alternatives, each first with its optional leading character, then without.
#[inline]
fn word_end(
    classes: &Classes,
    text: &[u8],
    from: usize,
    next: usize,
    first: u8,
    bits: u8,
) -> Option<usize> {
    let may_lead = bits & (LETTER | NUMBER) == 0 && !is_newline(first) && next < text.len();
    let lead = may_lead.then_some(next);
    lead.and_then(|start| lower_word_end(classes, text, start))
        .or_else(|| lower_word_end(classes, text, from))
        .or_else(|| lead.and_then(|start| upper_word_end(classes, text, start)))
        .or_else(|| upper_word_end(classes, text, from))
}

/// `[UPPER]*[LOWER]+` and a contraction.
#[inline]
fn lower_word_end(classes: &Classes, text: &[u8], from: usize) -> Option<usize> {
    let upper_end = classes.run_any(text, from, UPPER);
    let lower_end = classes.run_any(text, upper_end, LOWER);
    let end = if lower_end > upper_end {
        lower_end
    } else {
        last_lower_in_upper_run(classes, text, from, upper_end)?
    };
    Some(end + contraction_length(text, end))
}

/// Where `[UPPER]*` must give characters back so that `[LOWER]+` can have one: the end of the last
/// character of the run that is in both classes.
fn last_lower_in_upper_run(
    classes: &Classes,
    text: &[u8],
    from: usize,
    run_end: usize,
) -> Option<usize> {
    let mut end = run_end;
    while end > from {
        let start = last_character_start(text, end);
        if classes.at(text, start).0 & LOWER != 0 {
            return Some(end);
        }
        end = start;
    }
    None
}

/// `[UPPER]+[LOWER]*` and a contraction.
#[inline]
fn upper_word_end(classes: &Classes, text: &[u8], from: usize) -> Option<usize> {
    let upper_end = classes.run_any(text, from, UPPER);
    if upper_end == from {
        return None;
    }
    let end = classes.run_any(text, upper_end, LOWER);
    Some(end + contraction_length(text, end))
}

/// End of `[\r\n/]*` at `from`.
#[inline]
fn newlines_and_slashes_end(text: &[u8], from: usize) -> usize {
    let mut end = from;
    while text
        .get(end)
        .is_some_and(|&byte| is_newline(byte) || byte == b'/')
    {
        end += 1;
    }
    end
}
