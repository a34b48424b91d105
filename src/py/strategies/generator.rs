//! Python's own generator, asked for many words at once.

use std::num::NonZeroU32;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::core::routing::draws::{self, Words};

/// Draws by a generator's `getrandbits`, of which 32 bits are one word, and the first word the lowest bits.
pub struct Generator<'a, 'py>(pub &'a Bound<'py, PyAny>);

impl Words for Generator<'_, '_> {
    type Error = PyErr;

    fn words(&mut self, count: usize) -> PyResult<Vec<u32>> {
        let py = self.0.py();
        let bits = self.0.call1((count * 32,))?;
        if count == 1 {
            return Ok(vec![bits.extract()?]);
        }
        let raw = bits.call_method1(
            pyo3::intern!(py, "to_bytes"),
            (count * 4, pyo3::intern!(py, "little")),
        )?;
        let (words, _) = raw.cast::<PyBytes>()?.as_bytes().as_chunks();
        Ok(words.iter().copied().map(u32::from_le_bytes).collect())
    }
}

impl Generator<'_, '_> {
    /// `None` of nothing.
    pub fn choice<'a, T>(&mut self, values: &'a [T]) -> PyResult<Option<&'a T>> {
        let bound = u32::try_from(values.len()).ok().and_then(NonZeroU32::new);
        let Some(bound) = bound else {
            return Ok(None);
        };
        Ok(values.get(draws::below(bound, self)? as usize))
    }
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn sample_order(size: u32, getrandbits: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    draws::order(size, &mut Generator(getrandbits))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn random_below(bound: u32, getrandbits: &Bound<'_, PyAny>) -> PyResult<u32> {
    let bound = NonZeroU32::new(bound).ok_or_else(|| PyValueError::new_err("bound is 0"))?;
    draws::below(bound, &mut Generator(getrandbits))
}
