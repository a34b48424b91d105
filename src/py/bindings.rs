//! Names of Python modules and classes, and the objects that they must be.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

struct Binding {
    namespace: Py<PyAny>,
    name: Py<PyString>,
    value: Py<PyAny>,
}

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Bindings(Vec<Binding>);

#[pymethods]
impl Bindings {
    #[new]
    fn new(bindings: Vec<(Py<PyAny>, Py<PyString>, Py<PyAny>)>) -> Self {
        Self(
            bindings
                .into_iter()
                .map(|(namespace, name, value)| Binding {
                    namespace,
                    name,
                    value,
                })
                .collect(),
        )
    }

    fn changed(&self, py: Python<'_>) -> Vec<usize> {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, binding)| !binding.holds(py))
            .map(|(at, _)| at)
            .collect()
    }
}

impl Bindings {
    /// Whether every name is what it must be.
    pub fn hold(&self, py: Python<'_>) -> bool {
        self.0.iter().all(|binding| binding.holds(py))
    }
}

impl Binding {
    fn holds(&self, py: Python<'_>) -> bool {
        let (namespace, name) = (self.namespace.bind(py), self.name.bind(py));
        let found = match namespace.cast_exact::<PyDict>() {
            Ok(dict) => dict.get_item(name).ok().flatten(),
            // The namespace of a class is a view of a dict.
            Err(_) => namespace.get_item(name).ok(),
        };
        found.is_some_and(|found| found.is(&self.value))
    }
}
