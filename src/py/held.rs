//! Texts held while they are counted, and the rule when the GIL is let go.

use super::errors::{declined, spells_added_token, surrogate};
use super::memo::Memo;
use super::tokens::Tokenizer;
use crate::core::tokens::{Batch, Haste};
use crate::core::value::Unhandled;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// What is done with the GIL held; it takes less than 0.2 ms. A thread that gives the GIL up may wait 5 ms to get it
/// back.
const WITH_GIL: Haste = Haste {
    count_bytes: 8_192,
    look_up_bytes: 1_000_000,
};
/// Up to this length a non-ASCII text is read in place, which makes CPython keep a UTF-8 copy with the string; longer
/// ones are copied for the count only, so that no prompt doubles in memory.
const IN_PLACE_CHARS: usize = 1_024;

/// A text that stays as it is: Python's strings are immutable, and these are owned here.
pub enum Held<'py> {
    InPlace(Bound<'py, PyString>),
    Copied(Bound<'py, PyBytes>),
    Written(String),
}

impl<'py> Held<'py> {
    /// Declines a lone surrogate, which has no UTF-8.
    pub fn new(text: Bound<'py, PyString>, chars: usize) -> PyResult<Self> {
        let in_place = chars <= IN_PLACE_CHARS
            || text
                .call_method0(pyo3::intern!(text.py(), "isascii"))?
                .is_truthy()?;
        if in_place {
            text.to_str().map_err(surrogate)?;
            return Ok(Self::InPlace(text));
        }
        Ok(Self::Copied(text.encode_utf8().map_err(surrogate)?))
    }

    fn as_str(&self) -> PyResult<&str> {
        match self {
            Self::InPlace(text) => text.to_str(),
            Self::Copied(bytes) => {
                std::str::from_utf8(bytes.as_bytes()).map_err(|_| declined(Unhandled("not UTF-8")))
            }
            Self::Written(text) => Ok(text),
        }
    }
}

/// Tokens of all texts together.
pub fn count(
    py: Python<'_>,
    tokenizer: &Tokenizer,
    texts: &[Held<'_>],
    memo: Option<&Memo>,
) -> PyResult<u64> {
    let texts: Vec<&str> = texts.iter().map(Held::as_str).collect::<PyResult<_>>()?;
    let counter = tokenizer.counter()?;
    let batch = Batch::begin(
        texts.into_iter(),
        |text: &str| counter.count(text),
        tokenizer.salt(),
        memo.map(Memo::memory),
        WITH_GIL,
    );
    let result = if batch.is_open() {
        py.detach(|| batch.finish())
    } else {
        batch.finish()
    };
    result.map_err(spells_added_token)
}
