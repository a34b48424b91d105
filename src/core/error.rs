//! What can go wrong in the core, as kinds; text is made at the edge.

use std::fmt;

/// Why a tokenizer definition was not taken. Nothing was changed; the caller counts with Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// The split pattern is not one that a scanner was written for.
    UnknownPattern,
    /// A single byte has no token, so some texts could not be counted.
    MissingByte(u8),
    /// Two entries claim the same bytes, or an entry has none.
    BadEntry,
    /// The definition is not the JSON that a tokenizer writes.
    Malformed(String),
    /// A part of the definition that the counter does not reproduce.
    Unsupported(&'static str),
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPattern => write!(formatter, "unknown split pattern"),
            Self::MissingByte(byte) => write!(formatter, "no token for byte {byte:#04x}"),
            Self::BadEntry => write!(formatter, "empty or repeated vocabulary entry"),
            Self::Malformed(detail) => {
                write!(formatter, "malformed tokenizer definition: {detail}")
            }
            Self::Unsupported(part) => write!(formatter, "unsupported tokenizer part: {part}"),
        }
    }
}

impl std::error::Error for LoadError {}
