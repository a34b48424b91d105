//! Hand-written scanners for the split patterns: where the piece that starts here ends.
//!
//! Each follows its regular expression alternative by alternative, in the same order; the
//! expression stands above it. Backtracking is replaced by the one place where it could end.

mod cl100k;
mod gpt2;
mod o200k;

use super::classes::Classes;

pub use cl100k::cl100k_end;
pub use gpt2::gpt2_end;
pub use o200k::o200k_end;

/// A tiktoken split pattern that a scanner was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// `cl100k_base`
    Cl100k,
    /// `o200k_base`
    O200k,
}

impl Pattern {
    /// The scanner for a pattern's exact text; `None` for any other text.
    #[must_use]
    pub fn from_text(pattern: &str) -> Option<Self> {
        match pattern {
            cl100k::PATTERN => Some(Self::Cl100k),
            o200k::PATTERN => Some(Self::O200k),
            _ => None,
        }
    }
}

/// `\r` or `\n`
#[inline]
fn is_newline(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

/// End of `\p{N}{1,3}` at `from`.
#[inline]
fn digits_end(classes: &Classes, text: &[u8], from: usize) -> usize {
    let mut end = from;
    for _ in 0..3 {
        let (bits, length) = classes.at(text, end);
        if length == 0 || bits & super::classes::NUMBER == 0 {
            break;
        }
        end += length;
    }
    end
}

/// Start of the character that ends at `end`.
#[inline]
fn last_character_start(text: &[u8], end: usize) -> usize {
    let mut start = end.saturating_sub(1);
    while start > 0 && text.get(start).is_some_and(|byte| byte & 0xC0 == 0x80) {
        start -= 1;
    }
    start
}

/// Length of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at `at`, or 0. Case folding lets U+017F (ſ) stand for s.
#[inline]
fn contraction_length(text: &[u8], at: usize) -> usize {
    if text.get(at) != Some(&b'\'') {
        return 0;
    }
    let second = text.get(at + 2).map(u8::to_ascii_lowercase);
    match text.get(at + 1).map(u8::to_ascii_lowercase) {
        Some(b's' | b'd' | b'm' | b't') => 2,
        Some(0xC5) if second == Some(0xBF) => 3,
        Some(b'l') if second == Some(b'l') => 3,
        Some(b'v' | b'r') if second == Some(b'e') => 3,
        _ => 0,
    }
}

/// End of a white-space run `[from, end)` under `\s+(?!\S)|\s` where text follows: all but the last
/// character, or that one alone.
#[inline]
fn space_before_text(text: &[u8], from: usize, end: usize) -> usize {
    let last = last_character_start(text, end);
    if last == from { end } else { last }
}

/// End of the last newline in `[from, end)`, if it has one.
#[inline]
fn last_newline_end(text: &[u8], from: usize, end: usize) -> Option<usize> {
    let run = text.get(from..end)?;
    run.iter()
        .rposition(|&byte| is_newline(byte))
        .map(|position| from + position + 1)
}
