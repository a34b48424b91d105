//! Token counters at the border: borrow the text, let go of the GIL, map errors.

use crate::core::error::LoadError;
use crate::core::tokens::{self, Classes};
use pyo3::import_exception;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use std::sync::{Arc, OnceLock};

import_exception!(accel.errors, Declined);

/// Texts longer than this are counted without the GIL. Below it a count takes less than 0.2 ms,
/// while a thread that gives the GIL up may wait 5 ms to get it back.
const DETACH_ABOVE_CHARS: usize = 8_192;
/// Up to this length a non-ASCII text is read in place, which makes CPython keep a UTF-8 copy with
/// the string; longer ones are copied for the count only, so that no prompt doubles in memory.
const IN_PLACE_CHARS: usize = 1_024;

fn classes() -> Arc<Classes> {
    static CLASSES: OnceLock<Arc<Classes>> = OnceLock::new();
    Arc::clone(CLASSES.get_or_init(|| Arc::new(Classes::new())))
}

/// A counter, or why its definition was refused. The refusal is kept, so that a tokenizer that is not
/// supported is read once and then declines every text.
type Made<C> = Result<C, LoadError>;

fn made<C>(counter: &Made<C>) -> PyResult<&C> {
    counter
        .as_ref()
        .map_err(|error| Declined::new_err(error.to_string()))
}

/// Runs `count` on the text's UTF-8. A lone surrogate has none: declined.
fn with_text<T: Send>(
    text: &Bound<'_, PyAny>,
    count: impl Fn(&str) -> T + Send + Sync,
) -> PyResult<T> {
    let py = text.py();
    let Ok(text) = text.cast_exact::<PyString>() else {
        return Err(Declined::new_err("not a str"));
    };
    let surrogate = |_| Declined::new_err("lone surrogate");
    let length = text.len()?;
    if length <= IN_PLACE_CHARS {
        return Ok(count(text.to_str().map_err(surrogate)?));
    }
    let ascii: bool = text
        .call_method0(pyo3::intern!(py, "isascii"))?
        .is_truthy()?;
    let copy: Bound<'_, PyBytes>;
    let utf8 = if ascii {
        text.to_str().map_err(surrogate)?
    } else {
        copy = text.encode_utf8().map_err(surrogate)?;
        std::str::from_utf8(copy.as_bytes()).map_err(|_| Declined::new_err("not UTF-8"))?
    };
    Ok(if length > DETACH_ABOVE_CHARS {
        py.detach(|| count(utf8))
    } else {
        count(utf8)
    })
}

/// Counts the tokens of a tiktoken encoding.
#[pyclass(frozen, module = "accel._accel")]
pub struct TiktokenCounter(Made<tokens::TiktokenCounter>);

#[pymethods]
impl TiktokenCounter {
    #[new]
    fn new(pattern: &str, ranks: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut entries: Vec<(Bound<'_, PyBytes>, u32)> = Vec::with_capacity(ranks.len());
        for (token, rank) in ranks.iter() {
            entries.push((token.cast_into::<PyBytes>()?, rank.extract()?));
        }
        let borrowed: Vec<(&[u8], u32)> = entries
            .iter()
            .map(|(token, rank)| (token.as_bytes(), *rank))
            .collect();
        Ok(Self(tokens::TiktokenCounter::new(
            pattern,
            &borrowed,
            classes(),
        )))
    }

    fn count(&self, text: &Bound<'_, PyAny>, slice_chars: usize) -> PyResult<usize> {
        let counter = made(&self.0)?;
        with_text(text, |text| counter.count(text, slice_chars))
    }
}

/// Counts the tokens of a Hugging Face tokenizer.
#[pyclass(frozen, module = "accel._accel")]
pub struct HuggingFaceCounter(Made<tokens::HuggingFaceCounter>);

#[pymethods]
impl HuggingFaceCounter {
    #[new]
    fn new(json: &str) -> Self {
        Self(tokens::HuggingFaceCounter::new(json, classes()))
    }

    fn count(&self, text: &Bound<'_, PyAny>) -> PyResult<usize> {
        let counter = made(&self.0)?;
        with_text(text, |text| counter.count(text))?
            .map_err(|tokens::SpellsAddedToken| Declined::new_err("spells an added token"))
    }
}
