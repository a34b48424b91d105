//! Numbers of Python's that are exact in a float.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use super::stop::{Read, Stop};
use crate::core::routing::latency::{EXACT, Number};

/// An exact `int` or `float`; bools, subclasses and large integers are LiteLLM's.
pub fn number(value: &Bound<'_, PyAny>) -> Read<Number> {
    if let Ok(value) = value.cast_exact::<PyFloat>() {
        return Ok(Number::Float(value.value()));
    }
    let value = value.cast_exact::<PyInt>().map_err(|_| Stop::NotOurs)?;
    match value.extract::<i64>() {
        Ok(value) if (-EXACT..=EXACT).contains(&value) => Ok(Number::Int(value)),
        _ => Err(Stop::NotOurs),
    }
}

/// The same as a float.
pub fn float(value: &Bound<'_, PyAny>) -> Read<f64> {
    number(value).map(Number::float)
}
