//! Keys of the deployments' own counters of a minute.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::deployment::{plain, text};
use super::stop::{Read, Stop};

type Keys<'py> = Vec<Bound<'py, PyString>>;

/// What a block of the deployment has under the name, as a text.
fn named<'py>(
    deployment: &Bound<'py, PyDict>,
    block: &Bound<'py, PyString>,
    name: &Bound<'py, PyString>,
) -> Read<Bound<'py, PyString>> {
    let block = plain(deployment.get_item(block)?.ok_or(Stop::NotOurs)?)?;
    text(block.get_item(name)?.ok_or(Stop::NotOurs)?)
}

fn keys<'py>(deployments: &Bound<'py, PyAny>, minute: &str) -> Read<(Keys<'py>, Keys<'py>)> {
    let py = deployments.py();
    let deployments = deployments
        .cast_exact::<PyList>()
        .map_err(|_| Stop::NotOurs)?;
    let mut tokens = Vec::with_capacity(deployments.len());
    let mut requests = Vec::with_capacity(deployments.len());
    let mut key = String::new();
    for deployment in deployments {
        let deployment = plain(deployment)?;
        let id = named(
            &deployment,
            pyo3::intern!(py, "model_info"),
            pyo3::intern!(py, "id"),
        )?;
        let model = named(
            &deployment,
            pyo3::intern!(py, "litellm_params"),
            pyo3::intern!(py, "model"),
        )?;
        // Texts that are no UTF-8 are LiteLLM's.
        let (Ok(id), Ok(model)) = (id.to_str(), model.to_str()) else {
            return Err(Stop::NotOurs);
        };
        for (keys, unit) in [(&mut tokens, ":tpm:"), (&mut requests, ":rpm:")] {
            key.clear();
            for part in [id, ":", model, unit, minute] {
                key.push_str(part);
            }
            keys.push(PyString::new(py, &key));
        }
    }
    Ok((tokens, requests))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn usage_window_keys<'py>(
    deployments: &Bound<'py, PyAny>,
    minute: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = deployments.py();
    match keys(deployments, minute) {
        Ok(keys) => Ok(keys.into_pyobject(py)?.into_any()),
        Err(Stop::NotOurs) => Ok(py.NotImplemented().into_bound(py)),
        Err(Stop::Raised(error)) => Err(error),
    }
}
