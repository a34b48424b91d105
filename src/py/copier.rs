//! Deep copies of plain data.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use rustc_hash::FxHashMap;

/// Nested deeper than this Python's own copier may run out of stack, and its error is its own.
const DEEPEST: usize = 100;

fn is_atomic(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyBytes>()
}

/// Copies already made, by the identity of what they are of: shared parts stay shared, and cycles end.
#[derive(Default)]
struct Copier<'py> {
    made: FxHashMap<usize, Bound<'py, PyAny>>,
}

impl<'py> Copier<'py> {
    /// `None`: not plain data.
    fn copy(
        &mut self,
        value: &Bound<'py, PyAny>,
        depth: usize,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if is_atomic(value) {
            return Ok(Some(value.clone()));
        }
        let identity = value.as_ptr() as usize;
        if let Some(made) = self.made.get(&identity) {
            return Ok(Some(made.clone()));
        }
        if depth == DEEPEST {
            return Ok(None);
        }
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            let copied = PyDict::new(value.py());
            self.made.insert(identity, copied.clone().into_any());
            for (key, value) in dict {
                let (true, Some(value)) = (is_atomic(&key), self.copy(&value, depth + 1)?) else {
                    return Ok(None);
                };
                copied.set_item(key, value)?;
            }
            return Ok(Some(copied.into_any()));
        }
        if let Ok(list) = value.cast_exact::<PyList>() {
            let copied = PyList::empty(value.py());
            self.made.insert(identity, copied.clone().into_any());
            for value in list {
                let Some(value) = self.copy(&value, depth + 1)? else {
                    return Ok(None);
                };
                copied.append(value)?;
            }
            return Ok(Some(copied.into_any()));
        }
        // Without containers inside a tuple is its own copy.
        let tuple = value.cast_exact::<PyTuple>();
        Ok(tuple
            .is_ok_and(|tuple| tuple.iter().all(|value| is_atomic(&value)))
            .then(|| value.clone()))
    }
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn deepcopy<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let copied = Copier::default().copy(value, 0)?;
    Ok(copied.unwrap_or_else(|| value.py().NotImplemented().into_bound(value.py())))
}
