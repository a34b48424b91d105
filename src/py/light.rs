//! Light admission, as Python's shortest seams ask it.

use std::sync::Arc;

use pyo3::prelude::*;

use super::guard::Guard;
use crate::core::guard;
use crate::core::guard::light::Light as Decision;

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Scopes(Arc<guard::light::Scopes>);

#[pymethods]
impl Scopes {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    fn enter(&self) {
        self.0.enter();
    }

    fn leave(&self) {
        self.0.leave();
    }
}

/// See `_accel.pyi`. Not frozen: a forked child gives it another guard, and those who hold `refused` must get that.
#[pyclass(module = "accel._accel")]
pub struct Light {
    guard: Arc<guard::Guard>,
    scopes: Arc<guard::light::Scopes>,
}

#[pymethods]
impl Light {
    #[new]
    fn new(guard: &Guard, scopes: &Scopes) -> Self {
        Self {
            guard: guard.0.clone(),
            scopes: scopes.0.clone(),
        }
    }

    fn renew(&mut self, guard: &Guard, scopes: &Scopes) {
        *self = Self::new(guard, scopes);
    }

    fn refused(&self) -> i64 {
        match self.guard.admit_lightly(&self.scopes) {
            Decision::Passed => 0,
            Decision::Verify(ticket) => ticket.pack(),
            Decision::Undecided => -1,
        }
    }

    fn withdraw(&self) -> i64 {
        self.guard.withdraw().pack()
    }
}
