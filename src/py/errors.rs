//! The core's refusals as Python's exceptions.

use crate::core::tokens::SpellsAddedToken;
use crate::core::value::Unhandled;
use pyo3::exceptions::PyException;
use pyo3::import_exception;
use pyo3::prelude::*;

import_exception!(accel.errors, Declined);

pub fn declined(Unhandled(reason): Unhandled) -> PyErr {
    Declined::new_err(reason)
}

pub fn spells_added_token(_: SpellsAddedToken) -> PyErr {
    Declined::new_err("spells an added token")
}

pub fn surrogate(_: PyErr) -> PyErr {
    Declined::new_err("lone surrogate")
}

/// What code of LiteLLM or of users raised on our way: LiteLLM shall raise it on its own. Interrupts pass.
pub fn raised(py: Python<'_>, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyException>(py) {
        Declined::new_err("LiteLLM raises")
    } else {
        error
    }
}
