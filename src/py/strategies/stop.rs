//! Why a choice is not made natively.

use pyo3::prelude::*;

/// Either it is LiteLLM's to make, or something was raised on the way.
pub enum Stop {
    /// What was read is not what native code knows; nothing was changed.
    NotOurs,
    Raised(PyErr),
}

pub type Read<T> = Result<T, Stop>;

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

/// What Python is told: `None` is a choice too.
pub fn told<'py>(
    py: Python<'py>,
    chosen: Read<Option<Bound<'py, PyAny>>>,
) -> PyResult<Bound<'py, PyAny>> {
    match chosen {
        Ok(chosen) => Ok(chosen.unwrap_or_else(|| py.None().into_bound(py))),
        Err(Stop::NotOurs) => Ok(py.NotImplemented().into_bound(py)),
        Err(Stop::Raised(error)) => Err(error),
    }
}
