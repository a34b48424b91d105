//! The guard, as Python's seams ask it. The lane asks the same object without the GIL.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyTuple};

use super::clock::ManualClock;
use crate::core::clock::{Clock, MonotonicClock};
use crate::core::guard::breaker::BreakerStatus;
use crate::core::guard::latency::Latency;
use crate::core::guard::settings::Settings;
use crate::core::guard::tally::Calls;
use crate::core::guard::ticket::Ticket;
use crate::core::guard::{self, Status};

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Guard(pub Arc<guard::Guard>);

fn ticket(packed: i64) -> PyResult<Ticket> {
    Ticket::unpack(packed).ok_or_else(|| PyValueError::new_err("not a ticket that admit() gave"))
}

#[pymethods]
impl Guard {
    #[new]
    #[pyo3(signature = (feature, seed=0, clock=None))]
    fn new(feature: &str, seed: u64, clock: Option<&ManualClock>) -> Self {
        let clock: Arc<dyn Clock> = match clock {
            Some(clock) => clock.0.clone(),
            None => Arc::new(MonotonicClock::default()),
        };
        Self(Arc::new(guard::Guard::new(feature, seed, clock)))
    }

    fn branch(&self) -> Self {
        Self(Arc::new(self.0.branch()))
    }

    #[getter]
    fn feature(&self) -> &str {
        self.0.feature()
    }

    fn configure(
        &self,
        mode: &str,
        percent: f64,
        verify_percent: f64,
        include: Vec<String>,
        exclude: Vec<String>,
    ) -> PyResult<()> {
        let settings = Settings::parse(mode, percent, verify_percent, include, exclude)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.0.configure(settings);
        Ok(())
    }

    fn next_unit(&self) -> u64 {
        self.0.next_unit()
    }

    fn bypassed(&self) -> bool {
        self.0.bypassed()
    }

    fn bucket(&self, unit: u64) -> u32 {
        self.0.bucket(unit)
    }

    #[pyo3(signature = (unit, labels=None))]
    fn admit(&self, unit: u64, labels: Option<&Bound<'_, PyTuple>>) -> i64 {
        // A label that is no text (or text that is no Unicode) is in no list.
        let labels = labels
            .into_iter()
            .flatten()
            .filter_map(|label| label.extract::<PyBackedStr>().ok());
        self.0.admit(unit, labels).pack()
    }

    fn handled(&self, ticket: i64) -> PyResult<()> {
        self.0.handled(self::ticket(ticket)?);
        Ok(())
    }

    fn declined(&self, ticket: i64, reason: &str) -> PyResult<()> {
        self.0.declined(self::ticket(ticket)?, reason);
        Ok(())
    }

    #[pyo3(signature = (ticket, reason, panic=false, replayed=true))]
    fn failed(&self, ticket: i64, reason: &str, panic: bool, replayed: bool) -> PyResult<()> {
        self.0
            .failed(self::ticket(ticket)?, reason, panic, replayed);
        Ok(())
    }

    fn compared(&self, ticket: i64, equal: bool) -> PyResult<()> {
        self.0.compared(self::ticket(ticket)?, equal);
        Ok(())
    }

    fn answered_by_python(&self, ticket: i64) -> PyResult<()> {
        self.0.answered_by_python(self::ticket(ticket)?);
        Ok(())
    }

    fn abandoned(&self, ticket: i64) -> PyResult<()> {
        self.0.abandoned(self::ticket(ticket)?);
        Ok(())
    }

    fn reset_errors(&self) {
        self.0.reset_errors();
    }

    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Status {
            settings,
            breaker,
            calls,
            native_latency,
            python_latency,
        } = self.0.status();
        let latency = PyDict::new(py);
        latency.set_item("native", latency_dict(py, native_latency)?)?;
        latency.set_item("python", latency_dict(py, python_latency)?)?;

        let status = PyDict::new(py);
        status.set_item("mode", settings.mode.name())?;
        status.set_item("percent", settings.percent.percent())?;
        status.set_item("verify_percent", settings.verify.percent())?;
        status.set_item("include", settings.include)?;
        status.set_item("exclude", settings.exclude)?;
        status.set_item("breaker", breaker_dict(py, &breaker)?)?;
        status.set_item("calls", calls_dict(py, calls)?)?;
        status.set_item("latency_ns", latency)?;
        Ok(status)
    }
}

fn breaker_dict<'py>(py: Python<'py>, breaker: &BreakerStatus) -> PyResult<Bound<'py, PyDict>> {
    let trials = breaker
        .trials
        .map(|trials| {
            let dict = PyDict::new(py);
            dict.set_item("succeeded", trials.succeeded)?;
            dict.set_item("needed", trials.needed)?;
            dict.set_item("in_flight", trials.in_flight)?;
            PyResult::Ok(dict)
        })
        .transpose()?;
    let dict = PyDict::new(py);
    dict.set_item("state", breaker.state)?;
    dict.set_item(
        "opened_by",
        breaker.opened_by.map(guard::circuit::Cause::name),
    )?;
    dict.set_item("times_opened", breaker.times_opened)?;
    dict.set_item("retry_in_ms", breaker.retry_in_ms)?;
    dict.set_item("trials", trials)?;
    Ok(dict)
}

fn calls_dict(py: Python<'_>, calls: Calls) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("native", calls.native)?;
    dict.set_item("python", calls.python)?;
    dict.set_item("failed", calls.failed.values().sum::<u64>())?;
    dict.set_item("failed_by", calls.failed)?;
    dict.set_item("mismatched", calls.mismatched)?;
    dict.set_item("verified", calls.verified)?;
    dict.set_item("abandoned", calls.abandoned)?;
    Ok(dict)
}

fn latency_dict(py: Python<'_>, latency: Latency) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("count", latency.count)?;
    dict.set_item("p50", latency.p50_ns)?;
    dict.set_item("p99", latency.p99_ns)?;
    dict.set_item("mean", latency.mean_ns)?;
    Ok(dict)
}
