//! The memo of counts, as Python makes it.

use super::guard::Guard;
use crate::core::tokens::{Memory, memo};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;

/// Twice as many counts are remembered.
const PAIRS: usize = 1 << 15;

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Memo(Memory);

impl Memo {
    pub fn memory(&self) -> &Memory {
        &self.0
    }
}

#[pymethods]
impl Memo {
    #[new]
    fn new(guard: &Guard, key: &[u8]) -> PyResult<Self> {
        let mut words = [0; 4];
        if key.len() != 32 {
            return Err(PyValueError::new_err("the key must be 32 random bytes"));
        }
        for (word, bytes) in words.iter_mut().zip(key.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(Self(Memory::new(
            memo::Memo::new(words, PAIRS),
            Arc::clone(&guard.0),
        )))
    }

    #[getter]
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
