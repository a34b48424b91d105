//! The clock that tests move.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::core::clock;

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct ManualClock(pub Arc<clock::ManualClock>);

#[pymethods]
impl ManualClock {
    #[new]
    #[pyo3(signature = (now_ns=0))]
    fn new(now_ns: u64) -> Self {
        Self(Arc::new(clock::ManualClock::at(now_ns)))
    }

    fn advance_ms(&self, milliseconds: u64) {
        self.0.advance_ns(milliseconds.saturating_mul(1_000_000));
    }
}
