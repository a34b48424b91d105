//! The clock of a cache: LiteLLM's own, or the one that its maker gave.

use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat};

/// Reads clocks; LiteLLM's own, which asks `time.time`, without calling Python.
pub struct WallClock {
    /// The code of the function that `InMemoryCache` makes when it is given no clock.
    code: Py<PyAny>,
    names: Py<PyDict>,
    time: Py<PyAny>,
}

impl WallClock {
    pub fn new(code: Py<PyAny>, time: &Bound<'_, PyModule>) -> PyResult<Self> {
        Ok(Self {
            code,
            names: time.dict().unbind(),
            time: time.getattr("time")?.unbind(),
        })
    }

    /// Seconds since 1970, or whatever the clock counts; `None` if that is not exactly a `float`.
    pub fn read(&self, clock: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
        let py = clock.py();
        let code = clock.getattr(pyo3::intern!(py, "__code__"));
        let seconds = if code.is_ok_and(|code| code.is(&self.code)) {
            // Tests put other clocks in its place.
            match self.names.bind(py).get_item(pyo3::intern!(py, "time"))? {
                Some(time) if time.is(&self.time) => return Ok(Some(unix_s())),
                Some(time) => time.call0()?,
                None => return Ok(None),
            }
        } else {
            clock.call0()?
        };
        Ok(seconds
            .cast_exact::<PyFloat>()
            .ok()
            .map(PyFloatMethods::value))
    }
}

/// As `time.time` makes it of nanoseconds: rounded to a double, then divided.
#[expect(clippy::cast_precision_loss, reason = "the same rounding as Python's")]
fn unix_s() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_nanos() as f64 / 1e9)
}
