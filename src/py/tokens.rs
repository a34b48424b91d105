//! Token counters at the border.

use super::errors::Declined;
use super::held::{self, Held};
use super::memo::Memo;
use crate::core::error::LoadError;
use crate::core::tokens::{self, Classes, SpellsAddedToken};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

fn classes() -> Arc<Classes> {
    static CLASSES: OnceLock<Arc<Classes>> = OnceLock::new();
    Arc::clone(CLASSES.get_or_init(|| Arc::new(Classes::new())))
}

/// A counter, or why its definition was refused. The refusal is kept, so that a tokenizer that is not
/// supported is read once and then declines every text.
struct Made<C> {
    counter: Result<C, LoadError>,
    /// No two counters of the process have the same: what one counted must not be remembered of another.
    number: u32,
}

impl<C> Made<C> {
    fn new(counter: Result<C, LoadError>) -> Arc<Self> {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { counter, number })
    }

    fn get(&self) -> PyResult<&C> {
        self.counter
            .as_ref()
            .map_err(|error| Declined::new_err(error.to_string()))
    }
}

/// A counter and how it is to count.
#[derive(Clone)]
pub enum Tokenizer {
    Tiktoken(TiktokenCounter, usize),
    HuggingFace(HuggingFaceCounter),
}

/// A counter that was not refused.
pub enum Counter<'a> {
    Tiktoken(&'a tokens::TiktokenCounter, usize),
    HuggingFace(&'a tokens::HuggingFaceCounter),
}

impl Tokenizer {
    pub fn new(counter: &Bound<'_, PyAny>, slice_chars: usize) -> PyResult<Self> {
        if let Ok(counter) = counter.cast::<TiktokenCounter>() {
            return Ok(Self::Tiktoken(counter.get().clone(), slice_chars));
        }
        let counter = counter.cast::<HuggingFaceCounter>()?;
        Ok(Self::HuggingFace(counter.get().clone()))
    }

    pub fn counter(&self) -> PyResult<Counter<'_>> {
        Ok(match self {
            Self::Tiktoken(counter, slice_chars) => {
                Counter::Tiktoken(counter.0.get()?, *slice_chars)
            }
            Self::HuggingFace(counter) => Counter::HuggingFace(counter.0.get()?),
        })
    }

    /// Tells what this counts from what any other does, slices of another size included.
    pub fn salt(&self) -> u64 {
        match self {
            Self::Tiktoken(TiktokenCounter(made), slice_chars) => {
                u64::from(made.number) << 32 | *slice_chars as u64 & 0xFFFF_FFFF
            }
            Self::HuggingFace(HuggingFaceCounter(made)) => u64::from(made.number) << 32,
        }
    }
}

impl Counter<'_> {
    pub fn count(&self, text: &str) -> Result<usize, SpellsAddedToken> {
        match self {
            Self::Tiktoken(counter, slice_chars) => Ok(counter.count(text, *slice_chars)),
            Self::HuggingFace(counter) => counter.count(text),
        }
    }
}

fn count(
    tokenizer: &Tokenizer,
    text: &Bound<'_, PyAny>,
    memo: Option<&Bound<'_, Memo>>,
) -> PyResult<u64> {
    tokenizer.counter()?;
    let Ok(text) = text.cast_exact::<PyString>() else {
        return Err(Declined::new_err("not a str"));
    };
    let texts = [Held::new(text.clone(), text.len()?)?];
    held::count(text.py(), tokenizer, &texts, memo.map(Bound::get))
}

/// Counts the tokens of a tiktoken encoding.
#[pyclass(frozen, module = "accel._accel")]
#[derive(Clone)]
pub struct TiktokenCounter(Arc<Made<tokens::TiktokenCounter>>);

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
        let counter = tokens::TiktokenCounter::new(pattern, &borrowed, classes());
        Ok(Self(Made::new(counter)))
    }

    #[pyo3(signature = (text, slice_chars, memo=None))]
    fn count(
        &self,
        text: &Bound<'_, PyAny>,
        slice_chars: usize,
        memo: Option<&Bound<'_, Memo>>,
    ) -> PyResult<u64> {
        count(&Tokenizer::Tiktoken(self.clone(), slice_chars), text, memo)
    }
}

/// Counts the tokens of a Hugging Face tokenizer.
#[pyclass(frozen, module = "accel._accel")]
#[derive(Clone)]
pub struct HuggingFaceCounter(Arc<Made<tokens::HuggingFaceCounter>>);

#[pymethods]
impl HuggingFaceCounter {
    #[new]
    fn new(json: &str) -> Self {
        Self(Made::new(tokens::HuggingFaceCounter::new(json, classes())))
    }

    #[pyo3(signature = (text, memo=None))]
    fn count(&self, text: &Bound<'_, PyAny>, memo: Option<&Bound<'_, Memo>>) -> PyResult<u64> {
        count(&Tokenizer::HuggingFace(self.clone()), text, memo)
    }
}
