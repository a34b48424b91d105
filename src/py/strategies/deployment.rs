//! A deployment as the Router holds it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::number::float;
use super::stop::{Read, Stop};

/// Which values of a limit LiteLLM passes over to look in the next place.
#[derive(Clone, Copy, PartialEq)]
pub enum Unset {
    /// Only `None`, so that 0 lets nothing through.
    Null,
    /// 0 too.
    Falsy,
}

pub struct Deployment<'py> {
    /// The Router's own object.
    pub object: Bound<'py, PyDict>,
    pub params: Option<Bound<'py, PyDict>>,
    pub info: Bound<'py, PyDict>,
    pub id: Bound<'py, PyString>,
    pub tpm: f64,
    pub rpm: f64,
}

impl<'py> Deployment<'py> {
    pub fn read(object: Bound<'py, PyAny>, unset: Unset) -> Read<Self> {
        let py = object.py();
        let object = plain(object)?;
        let params = object.get_item(pyo3::intern!(py, "litellm_params"))?;
        let params = params.map(plain).transpose()?;
        let info = object.get_item(pyo3::intern!(py, "model_info"))?;
        let info = plain(info.ok_or(Stop::NotOurs)?)?;
        let id = info.get_item(pyo3::intern!(py, "id"))?;
        let id = text(id.ok_or(Stop::NotOurs)?)?;
        let places = [Some(&object), params.as_ref(), Some(&info)];
        let tpm = limit(places, pyo3::intern!(py, "tpm"), unset)?;
        let rpm = limit(places, pyo3::intern!(py, "rpm"), unset)?;
        Ok(Self {
            object,
            params,
            info,
            id,
            tpm,
            rpm,
        })
    }

    /// What `litellm_params` has under the name.
    pub fn param(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.params
            .as_ref()
            .map_or(Ok(None), |params| params.get_item(name))
    }

    /// The name under which LiteLLM tells what it found; `None` if it tells nothing. Anything but a text it may not
    /// even be able to use as one.
    pub fn api_base(&self) -> Read<Option<Bound<'py, PyString>>> {
        let py = self.object.py();
        match self.param(pyo3::intern!(py, "api_base"))? {
            None => Ok(Some(pyo3::intern!(py, "").clone())),
            Some(base) if base.is_none() => Ok(None),
            Some(base) => text(base).map(Some),
        }
    }
}

/// The first of the places that sets it; infinite if none does.
fn limit(
    places: [Option<&Bound<'_, PyDict>>; 3],
    name: &Bound<'_, PyString>,
    unset: Unset,
) -> Read<f64> {
    for place in places.into_iter().flatten() {
        let set = place.get_item(name)?;
        if let Some(value) = set.filter(|value| !value.is_none()) {
            let value = float(&value)?;
            if unset == Unset::Null || value != 0.0 {
                return Ok(value);
            }
        }
    }
    Ok(f64::INFINITY)
}

/// A `dict`, no subclass.
pub fn plain(value: Bound<'_, PyAny>) -> Read<Bound<'_, PyDict>> {
    value.cast_into_exact().map_err(|_| Stop::NotOurs)
}

/// A `str`, no subclass.
pub fn text(value: Bound<'_, PyAny>) -> Read<Bound<'_, PyString>> {
    value.cast_into_exact().map_err(|_| Stop::NotOurs)
}
