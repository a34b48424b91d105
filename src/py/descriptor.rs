//! LiteLLM's rate-limit descriptors, and the statuses that answer them.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

use super::errors::Declined;

/// One descriptor: whose limits, and which.
pub struct Descriptor<'py> {
    pub key: Bound<'py, PyString>,
    pub value: Bound<'py, PyString>,
    pub requests: Option<i64>,
    pub tokens: Option<i64>,
    pub parallel: Option<i64>,
    /// Seconds; `None` where the limiter's own holds.
    pub window_s: Option<i64>,
}

/// What a status speaks of.
#[derive(Clone, Copy)]
pub enum Kind {
    Requests,
    Tokens,
    Parallel,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Parallel => "max_parallel_requests",
        }
    }
}

fn odd() -> PyErr {
    Declined::new_err("a descriptor that is not as LiteLLM makes them")
}

fn text<'py>(
    dict: &Bound<'py, PyDict>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyString>> {
    let found = dict.get_item(name)?.ok_or_else(odd)?;
    let text = found.cast_into_exact::<PyString>().map_err(|_| odd())?;
    text.to_str().map_err(|_| odd())?;
    Ok(text)
}

fn count(dict: &Bound<'_, PyDict>, name: &Bound<'_, PyString>) -> PyResult<Option<i64>> {
    match dict.get_item(name)? {
        Some(value) if !value.is_none() => int(&value).map(Some),
        _ => Ok(None),
    }
}

/// A text that has an encoding: half of a surrogate pair has none.
pub fn string(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let exact = value.cast_exact::<PyString>().map_err(|_| odd())?;
    Ok(exact.to_str().map_err(|_| odd())?.to_owned())
}

/// An `int` that native code may reckon with.
pub fn int(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let exact = value.cast_exact::<PyInt>().map_err(|_| odd())?;
    let value: i64 = exact.extract().map_err(|_| odd())?;
    if crate::core::limits::counters::is_small(value) {
        Ok(value)
    } else {
        Err(odd())
    }
}

impl<'py> Descriptor<'py> {
    /// All descriptors of a request. Declines what LiteLLM does not make.
    pub fn all(descriptors: &Bound<'py, PyAny>) -> PyResult<Vec<Self>> {
        descriptors
            .try_iter()?
            .map(|one| Self::new(&one?))
            .collect()
    }

    fn new(descriptor: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = descriptor.py();
        let dict = descriptor.cast_exact::<PyDict>().map_err(|_| odd())?;
        let mut this = Self {
            key: text(dict, pyo3::intern!(py, "key"))?,
            value: text(dict, pyo3::intern!(py, "value"))?,
            requests: None,
            tokens: None,
            parallel: None,
            window_s: None,
        };
        let limits = dict.get_item(pyo3::intern!(py, "rate_limit"))?;
        let Some(limits) = limits.filter(|limits| !limits.is_none()) else {
            return Ok(this);
        };
        let limits = limits.cast_exact::<PyDict>().map_err(|_| odd())?;
        this.requests = count(limits, pyo3::intern!(py, "requests_per_unit"))?;
        this.tokens = count(limits, pyo3::intern!(py, "tokens_per_unit"))?;
        this.parallel = count(limits, pyo3::intern!(py, "max_parallel_requests"))?;
        let window_s = count(limits, pyo3::intern!(py, "window_size"))?;
        this.window_s = window_s.filter(|&window_s| window_s != 0);
        Ok(this)
    }

    /// `{key:value}:suffix`.
    pub fn cell(&self, suffix: &str) -> PyResult<String> {
        let (key, value) = (self.key.to_str()?, self.value.to_str()?);
        Ok(format!("{{{key}:{value}}}:{suffix}"))
    }

    /// A `RateLimitStatus`. `remaining` as the caller reckons it: some of LiteLLM's are never below zero.
    pub fn status(
        &self,
        over: bool,
        limit: i64,
        remaining: i64,
        kind: Kind,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = self.key.py();
        let status = PyDict::new(py);
        let code = if over {
            pyo3::intern!(py, "OVER_LIMIT")
        } else {
            pyo3::intern!(py, "OK")
        };
        status.set_item(pyo3::intern!(py, "code"), code)?;
        status.set_item(pyo3::intern!(py, "current_limit"), limit)?;
        status.set_item(pyo3::intern!(py, "limit_remaining"), remaining)?;
        status.set_item(pyo3::intern!(py, "rate_limit_type"), kind.name())?;
        status.set_item(pyo3::intern!(py, "descriptor_key"), &self.key)?;
        if !matches!(kind, Kind::Parallel) {
            status.set_item(pyo3::intern!(py, "descriptor_value"), &self.value)?;
        }
        Ok(status)
    }
}

/// A `RateLimitResponse`.
pub fn response<'py>(
    py: Python<'py>,
    over: bool,
    statuses: &Bound<'py, PyList>,
) -> PyResult<Bound<'py, PyDict>> {
    let response = PyDict::new(py);
    let code = if over {
        pyo3::intern!(py, "OVER_LIMIT")
    } else {
        pyo3::intern!(py, "OK")
    };
    response.set_item(pyo3::intern!(py, "overall_code"), code)?;
    response.set_item(pyo3::intern!(py, "statuses"), statuses)?;
    Ok(response)
}
