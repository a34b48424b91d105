//! The weights by which LiteLLM shuffles deployments.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::deployment::plain;
use super::number::float;
use super::stop::{Read, Stop, told};

/// What every deployment's parameters have under the name, 0 where they have nothing; LiteLLM's where any is below.
fn metric(params: &[Option<Bound<'_, PyDict>>], name: &Bound<'_, PyString>) -> Read<Vec<f64>> {
    let value = |params: &Option<Bound<'_, PyDict>>| {
        let Some(params) = params else {
            return Ok(0.0);
        };
        let set = params.get_item(name)?.filter(|value| !value.is_none());
        let value = set.map_or(Ok(0.0), |value| float(&value))?;
        if value >= 0.0 {
            Ok(value)
        } else {
            Err(Stop::NotOurs)
        }
    };
    params.iter().map(value).collect()
}

fn weights<'py>(deployments: &Bound<'py, PyAny>) -> Read<Option<Bound<'py, PyAny>>> {
    let py = deployments.py();
    let deployments = deployments
        .cast_exact::<PyList>()
        .map_err(|_| Stop::NotOurs)?;
    let params: Read<Vec<_>> = deployments
        .iter()
        .map(|deployment| {
            let params = plain(deployment)?.get_item(pyo3::intern!(py, "litellm_params"))?;
            params.map(plain).transpose()
        })
        .collect();
    let params = params?;
    for name in [
        pyo3::intern!(py, "weight"),
        pyo3::intern!(py, "rpm"),
        pyo3::intern!(py, "tpm"),
    ] {
        let weights = metric(&params, name)?;
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if largest > 0.0 {
            let normalized = weights.iter().map(|weight| weight / largest);
            let normalized: Vec<f64> = normalized.collect();
            // Infinite ones are not numbers any more.
            if normalized.iter().any(|weight| weight.is_nan()) {
                return Err(Stop::NotOurs);
            }
            return Ok(Some(PyTuple::new(py, normalized)?.into_any()));
        }
    }
    Ok(None)
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn shuffle_weights<'py>(deployments: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    told(deployments.py(), weights(deployments))
}
